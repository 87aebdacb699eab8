import type { Log } from "#base/log.ts";
import { countReadyOn } from "#pipeline/model/endpoints.ts";
import type { Node } from "#pipeline/model/model.ts";
import type { Pipeline } from "#pipeline/pipeline.ts";
import type { Settings } from "#pipeline/settings.ts";
import { type Announcing, createAnnouncing, type HeldAddress } from "./announce/index.ts";
import type { NodeConfig } from "./config.ts";
import { findProgram } from "./helper.ts";
import { createHost, createUnderlay, type Underlay } from "./host/index.ts";
import { HostTarget } from "./host-target.ts";
import { createServiceHealth, type ServiceHealth } from "./http/service-health.ts";

export interface HostSideOptions {
  readonly config: NodeConfig;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly pipeline: Pipeline;
  readonly settings: Settings;
  /** Something that the node tells of itself may be otherwise now. */
  onChange(): void;
  /** Services' addresses came to this node, or left it. */
  onMove(taken: readonly HeldAddress[], left: readonly HeldAddress[]): void;
  /** Whether what is sent to this node goes where it should. */
  isServing(): boolean;
  /** Whether the API server is there. */
  isConnected(): boolean;
  self(): Node | undefined;
  podMtu(): number | undefined;
}

/** What makes the host follow, what is known of its interfaces, and what it tells of services to those around it. */
export interface HostSide {
  readonly underlay: Underlay;
  readonly host: HostTarget;
  readonly announcing: Announcing;
  readonly serviceHealth: ServiceHealth;
}

export function createHostSide(options: HostSideOptions): HostSide {
  const { config, log, signal, settings, self, onChange, onMove, isServing, isConnected } = options;
  const { nodeName, stateDirectory, ovs, traffic, services } = config;
  const { encapsulation, tunnel, masquerade, transportInterface } = traffic;
  const { view } = options.pipeline;
  const host = createHost({
    ...{ stateDirectory, datapath: ovs.datapath, encapsulation, tunnel, masquerade, mtu: options.podMtu },
    nodePortAddresses: services.nodePortAddresses,
    transportInterface: () => [...view.Underlay.values()][0]?.interface,
  });
  return {
    host: new HostTarget(host, config.compareInterval * 1000, log),
    underlay: createUnderlay({ transportInterface, log, signal, nodeAddresses: () => self()?.addresses ?? [] }),
    announcing: createAnnouncing({
      ...{ nodeName, view, log, signal, program: findProgram("weir-announce") },
      ...{ isReady: isServing, isConnected, onMove },
    }),
    serviceHealth: createServiceHealth({
      ...{ nodeName, networks: settings.nodePortNetworks ?? [], log, onChange, isServing },
      countEndpoints: (service) => countReadyOn(nodeName, view.backends.slicesOf(service)),
    }),
  };
}
