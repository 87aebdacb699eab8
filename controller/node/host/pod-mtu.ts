import type { IpFamily } from "#base/address.ts";

export interface PodMtuInputs {
  /** Undefined as long as nobody knows which interface carries packets between nodes. */
  readonly underlay: { readonly mtu: number } | undefined;
  readonly encapsulation: "always" | "never" | "hybrid";
  readonly tunnel: "geneve" | "vxlan";
  /** Of the node's first InternalIP: tunnels run between those. */
  readonly nodeAddressFamily: IpFamily;
  /** traffic.mtu */
  readonly configured: number | undefined;
}

/** Outer IP header, UDP, 8 bytes of Geneve without options or of VXLAN, and the inner Ethernet header. */
const OVERHEAD = {
  geneve: { 4: 20 + 8 + 8 + 14, 6: 40 + 8 + 8 + 14 },
  vxlan: { 4: 20 + 8 + 8 + 14, 6: 40 + 8 + 8 + 14 },
} as const;

/** The MTU of pods' interfaces and of weir-gw0. A hybrid node's pods may meet a tunnel on any packet, so it counts as one. */
export function podMtu(inputs: PodMtuInputs): number | undefined {
  const { underlay, encapsulation, tunnel, nodeAddressFamily, configured } = inputs;
  if (configured !== undefined) return configured;
  if (underlay === undefined) return undefined;
  return underlay.mtu - (encapsulation === "never" ? 0 : OVERHEAD[tunnel][nodeAddressFamily]);
}
