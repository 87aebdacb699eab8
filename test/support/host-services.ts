import type { HostServices } from "#pipeline/host-state.ts";

/** HostServices as JSON has it. */
export interface HostServicesText {
  readonly nodePorts?: readonly string[];
  readonly ownPorts?: readonly string[];
  readonly outsidePorts?: readonly string[];
  readonly balancedAddresses?: readonly string[];
}

export function hostServices(text: HostServicesText = {}): HostServices {
  return {
    nodePorts: new Set(text.nodePorts),
    ownPorts: new Set(text.ownPorts),
    outsidePorts: new Set(text.outsidePorts),
    balancedAddresses: new Set(text.balancedAddresses),
    healthChecks: new Map(),
  };
}
