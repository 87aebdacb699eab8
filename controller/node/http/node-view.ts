import type { CheckEntry } from "#controller/process/health.ts";
import type { Answer, Question } from "#pipeline/explain/ask.ts";
import type { PolicyReport } from "#pipeline/policy-status/report.ts";
import type { ServiceReport } from "#pipeline/service-status/report.ts";
import type { ConnectionRecord } from "../denials/connection-log.ts";
import type { DenialRecord } from "../denials/denial-log.ts";

export type { PolicyReport, RuleReport } from "#pipeline/policy-status/report.ts";
export type { BackendsReport, EndpointReport, FrontendReport, ServiceReport } from "#pipeline/service-status/report.ts";
export type { ConnectionRecord } from "../denials/connection-log.ts";
export type { DenialRecord } from "../denials/denial-log.ts";

/**
 * What a running node tells of itself, as plain JSON values: `main.ts` builds one, the control server serves it, and weirctl
 * prints it. Nothing here is kept: each call looks at the state of that moment.
 */
export interface NodeView {
  status(): NodeStatus;
  pods(): Iterable<PodEntry>;
  nodes(): Iterable<NodeEntry>;
  problems(): Iterable<ProblemEntry>;
  /** The live table, read from the switch and decorated. Lazy: text is made only for what is sent. */
  flows(filter: FlowFilter): Promise<Iterable<FlowEntry>>;
  /** The switch's groups, read at that moment. */
  groups(filter: GroupFilter): Promise<Iterable<GroupEntry>>;
  /** The services as this node serves them, with counters read at that moment; all of them, or the one by that name. */
  services(name?: string): Promise<Iterable<ServiceReport>>;
  /** The policies that select a pod of this node, with counters read at that moment; all of them, or the one by that name. */
  policies(name?: string): Promise<Iterable<PolicyReport>>;
  /** Packets that policies denied: the last of which the node was told, the oldest first. */
  denials(filter: DenialFilter): Iterable<DenialRecord>;
  /** Those that come, until the signal does. */
  watchDenials(filter: DenialFilter, signal: AbortSignal): AsyncIterable<DenialRecord>;
  /** Decisions of policies that are logged, likewise. */
  connections(filter: DenialFilter): Iterable<ConnectionRecord>;
  watchConnections(filter: DenialFilter, signal: AbortSignal): AsyncIterable<ConnectionRecord>;
  /** Every cookie in the desired state, so that a dump made elsewhere can be annotated. */
  owners(): Iterable<CookieEntry>;
  /** Why traffic between two ends passes or not, by the policies as the node knows them. */
  explain(question: Question): Answer;
}

export interface NodeStatus {
  readonly node: string;
  readonly version: string;
  readonly startedAt: string;
  readonly ready: boolean;
  readonly checks: readonly CheckEntry[];
  readonly source: string;
  /** Kinds that the API server does not know, such as "clusternetworkpolicies"; of these there are none. */
  readonly absentKinds: readonly string[];
  readonly bridge: string;
  readonly datapath: string;
  readonly encapsulation: string;
  readonly tunnel: string;
  /** Of the pods; absent before the transport interface is known. */
  readonly mtu?: number;
  readonly podCidrs: readonly string[];
  readonly pods: number;
  readonly peers: number;
  /** Addresses of services that this node answers for on its links. */
  readonly announced: readonly AnnouncedEntry[];
  readonly problems: number;
  readonly flows: FlowCounts;
  readonly denials: DenialCounts;
  /** New connections on which policies decided that are logged. */
  readonly connections: DenialCounts;
}

/** Packets of a kind since the process started. */
export interface DenialCounts {
  /** Of which the node was told. */
  readonly told: number;
  /** Which were too many in their second; as they were read last. */
  readonly untold: number;
}

export interface AnnouncedEntry {
  readonly ip: string;
  /** "namespace/name" of the service. */
  readonly service: string;
  /** The interface. */
  readonly link: string;
}

export interface FlowCounts {
  readonly desired: number;
  readonly installed: number;
  readonly pending: number;
  readonly failed: number;
}

export interface PodEntry {
  readonly namespace: string;
  readonly name: string;
  readonly ips: readonly string[];
  readonly mac: string;
  readonly interface: string;
  readonly port: number;
  readonly containerId: string;
  /** "ready" when every flow of the pod is in the switch, else why it is not. */
  readonly state: string;
}

export interface NodeEntry {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly podCidrs: readonly string[];
  /** How this node reaches it: "self", "tunnel", "direct" or why it does not. */
  readonly path: string;
  readonly mtu?: number;
}

export interface ProblemEntry {
  readonly source: string;
  readonly object: string;
  readonly field: string;
  readonly message: string;
}

export interface DenialFilter {
  /** "namespace/name" of the pod that was denied something, or to which or from which something was denied. */
  readonly pod?: string;
}

export interface FlowFilter {
  /** "namespace/name". */
  readonly pod?: string;
  readonly table?: number;
  /** "kind/name" or "kind/namespace/name". */
  readonly owner?: string;
}

export interface FlowEntry {
  /** As ovs-ofctl prints it, with table names. */
  readonly flow: string;
  /** "0x0201..." */
  readonly cookie: string;
  readonly packets?: number;
  readonly bytes?: number;
  /** "pod default/web, interface weir0a1b". Empty for a flow that nobody asked for. */
  readonly owners: readonly string[];
  /** "pods/deliver"; absent for a foreign cookie. */
  readonly site?: string;
  /** Why there are such flows. */
  readonly why?: string;
  /** foreign: in the switch, and not of ours. learned: the switch has made it, as a flow of ours says. */
  readonly status: "installed" | "pending" | "failed" | "foreign" | "learned";
  /** The switch's words, for a failed flow. */
  readonly reason?: string;
}

export interface GroupFilter {
  /** "kind/name" or "kind/namespace/name". */
  readonly owner?: string;
}

export interface GroupEntry {
  /** As ovs-ofctl prints it. */
  readonly group: string;
  /** For each of its buckets, in their order. */
  readonly bucketPackets?: readonly number[];
  /** Empty for a group that nobody asked for. */
  readonly owners: readonly string[];
  readonly site?: string;
  /** foreign: in the switch, and not of ours. */
  readonly status: "installed" | "pending" | "failed" | "foreign";
  /** The switch's words, for a failed group. */
  readonly reason?: string;
}

export interface CookieEntry {
  readonly cookie: string;
  readonly site: string;
  readonly owners: readonly string[];
}
