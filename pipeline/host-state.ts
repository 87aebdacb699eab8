/** A route of the host, as `ip route` takes it. */
export interface HostRoute {
  /** CIDR text. */
  readonly destination: string;
  readonly via?: string;
  /** "gateway" is weir-gw0, "transport" the interface that carries the node's address. */
  readonly device: "gateway" | "transport";
  /** The address that the host's own packets carry. */
  readonly source?: string;
}

/** Everything that the host beside the switch should have; addresses in their canonical text. */
export interface HostState {
  /** Of weir-gw0, with prefix length: "10.10.1.1/24". */
  readonly gatewayAddresses: readonly string[];
  /** By destination. */
  readonly routes: ReadonlyMap<string, HostRoute>;
  readonly localPodCidrs: readonly string[];
  /** Of all nodes: never masqueraded. */
  readonly podCidrs: readonly string[];
  /** InternalIPs of all nodes: never masqueraded. */
  readonly nodeAddresses: readonly string[];
}
