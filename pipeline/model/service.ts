import type { Cidr, Ip, IpFamily } from "#base/address.ts";

/** A port that a service offers. */
export interface ServicePort {
  /** Empty where there is but one: its endpoints' port has no name either. */
  readonly name: string;
  /** IP protocol number. */
  readonly protocol: number;
  readonly port: number;
  readonly nodePort: number | undefined;
}

/** v1. One that has an address of its own, and is not left to another proxy. */
export interface Service {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly type: "ClusterIP" | "NodePort" | "LoadBalancer";
  readonly clusterIps: readonly Ip[];
  readonly externalIps: readonly Ip[];
  /** Those for which the node itself stands in: ipMode VIP. */
  readonly loadBalancerIps: readonly Ip[];
  readonly loadBalancerClass: string | undefined;
  /** Names of the address pools that `loadBalancerIps` were taken from. */
  readonly assignedFrom: readonly string[];
  /** Who may come from outside to `loadBalancerIps`; undefined is everybody, an empty list nobody. */
  readonly sourceRanges: readonly Cidr[] | undefined;
  readonly ports: readonly ServicePort[];
  /** Seconds for which a client keeps its endpoint; undefined without affinity. */
  readonly affinityTimeout: number | undefined;
  readonly internalTrafficPolicy: TrafficPolicy;
  readonly externalTrafficPolicy: TrafficPolicy;
  readonly healthCheckNodePort: number | undefined;
  /** dsr: clients outside get the answers of endpoints on other nodes from there, and not through the node to which they came. */
  readonly loadBalancerMode: "dsr" | undefined;
}

/** Which endpoints serve: any, or those of the client's node alone. */
export type TrafficPolicy = "Cluster" | "Local";

/** A port that the endpoints of a slice have, with the name that it has in the service. */
export interface SlicePort {
  readonly name: string;
  readonly protocol: number;
  readonly port: number;
}

export interface SliceEndpoint {
  readonly ip: Ip;
  readonly ready: boolean;
  /** It would be ready, were it not going. */
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly nodeName: string | undefined;
  /** The zones, and the nodes, whose clients it is meant for; empty where nothing is said. */
  readonly forZones: readonly string[];
  readonly forNodes: readonly string[];
}

/** discovery.k8s.io/v1: some of a service's endpoints, in one family. */
export interface EndpointSlice {
  readonly namespace: string;
  readonly name: string;
  /** Name of the service, in the same namespace. */
  readonly serviceName: string;
  readonly family: IpFamily;
  readonly ports: readonly SlicePort[];
  readonly endpoints: readonly SliceEndpoint[];
}

/** networking.k8s.io/v1: networks from which services get their addresses. */
export interface ServiceCidr {
  readonly name: string;
  readonly cidrs: readonly Cidr[];
}
