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

/** What comes to services through the host. */
export interface HostServices {
  /** On each of the node's addresses: family, protocol and port, "4 tcp 30080". */
  readonly nodePorts: ReadonlySet<string>;
  /** At addresses of the node that services have for their own: "172.18.0.1 tcp 80". */
  readonly ownPorts: ReadonlySet<string>;
  /** At addresses that are nobody's but services': "192.0.2.80 tcp 443". */
  readonly outsidePorts: ReadonlySet<string>;
  /** Those that balancers have led here. */
  readonly balancedAddresses: ReadonlySet<string>;
  /** By port: the service, "namespace/name", of whose endpoints on this node balancers ask there. */
  readonly healthChecks: ReadonlyMap<number, string>;
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
  readonly services: HostServices;
}
