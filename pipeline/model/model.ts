import type { Cidr, Ip, Mac } from "#base/address.ts";
import type { Backends, BackendsChange } from "../index/backends.ts";
import type { Domains } from "../index/domains.ts";
import type {
  RuleChange,
  Rules,
  StagedRuleChange,
  StagedRules,
  StagedSubjectChange,
  SubjectChange,
} from "../index/rules.ts";
import type { AddressChange, SelectionChange, Selections } from "../index/selections.ts";
import type { Kind } from "../source.ts";
import type { AddressPool } from "./address-pool.ts";
import type { Domain } from "./domain.ts";
import type { ClusterNetworkPolicy, NetworkPolicy } from "./policy.ts";
import type { EndpointSlice, Service, ServiceCidr } from "./service.ts";

export type Labels = ReadonlyMap<string, string>;

/** A pod of the Kubernetes API. Its port, not this, says that it is plugged here. */
export interface Pod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly labels: Labels;
  readonly nodeName: string | undefined;
  readonly hostNetwork: boolean;
  readonly ips: readonly Ip[];
  /** Succeeded or Failed: it has no network any more. */
  readonly completed: boolean;
  /** It is being deleted; it may run for a while yet. */
  readonly terminating: boolean;
  /** Milliseconds since 1970; 0 when nothing says so. */
  readonly created: number;
  /** The named ports of its containers, by `containerPortKey`. */
  readonly ports: ReadonlyMap<string, number>;
}

export interface Node {
  readonly name: string;
  readonly uid: string;
  readonly labels: Labels;
  /** InternalIPs, in their order. */
  readonly addresses: readonly Ip[];
  readonly externalAddresses: readonly Ip[];
  readonly podCidrs: readonly Cidr[];
  /** The MTU that its pods have, as its Weir announced it. */
  readonly podMtu: number | undefined;
  /** Its NetworkUnavailable condition, as the API has it. */
  readonly networkUnavailable: NetworkCondition | undefined;
}

export interface NetworkCondition {
  readonly status: string | undefined;
  readonly reason: string | undefined;
  readonly message: string | undefined;
}

export interface Namespace {
  readonly name: string;
  readonly uid: string;
  readonly labels: Labels;
}

/** A pod's port on this node's bridge, from its Interface row in OVSDB. */
export interface Port {
  /** Name of the interface on the host's side. */
  readonly name: string;
  readonly ofport: number;
  readonly mac: Mac;
  readonly ips: readonly Ip[];
  readonly podNamespace: string;
  readonly podName: string;
  readonly podUid: string;
  readonly containerId: string;
}

/** What carries packets between nodes: the interface with the node's address. */
export interface Underlay {
  readonly interface: string;
  readonly mtu: number;
  readonly networks: readonly Cidr[];
}

export interface ModelOf {
  readonly Pod: Pod;
  readonly Node: Node;
  readonly Namespace: Namespace;
  readonly NetworkPolicy: NetworkPolicy;
  readonly ClusterNetworkPolicy: ClusterNetworkPolicy;
  readonly Service: Service;
  readonly EndpointSlice: EndpointSlice;
  readonly ServiceCIDR: ServiceCidr;
  readonly AddressPool: AddressPool;
  readonly Port: Port;
  readonly Underlay: Underlay;
  readonly Domain: Domain;
}

/** All objects as they are now, by kind and key. */
export type Objects = { readonly [K in Kind]: ReadonlyMap<string, ModelOf[K]> };

/** The objects, and what is known of them at once. Features read it; only the store writes it. */
export interface View extends Objects {
  readonly selections: Selections;
  readonly rules: Rules;
  readonly staged: StagedRules;
  readonly backends: Backends;
  readonly domains: Domains;
  /** Services that are not in the model, and why they are none to serve. */
  readonly ignoredServices: ReadonlyMap<string, string>;
}

/** One object before and after; at least one of the two is there. */
export type ObjectChange = {
  [K in Kind]: {
    readonly kind: K;
    readonly key: string;
    readonly before: ModelOf[K] | undefined;
    readonly after: ModelOf[K] | undefined;
  };
}[Kind];

/** What a step changes: objects first, then what follows from them, which the view says as well. */
export type ModelChange =
  | ObjectChange
  | SelectionChange
  | AddressChange
  | RuleChange
  | SubjectChange
  | StagedRuleChange
  | StagedSubjectChange
  | BackendsChange;
