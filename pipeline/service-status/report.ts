import { formatIp, type IpFamily } from "#base/address.ts";
import { flowKey, type Group } from "#openflow/flow.ts";
import { match } from "#openflow/match.ts";
import type { Engine } from "../engine.ts";
import { protocolName } from "../explain/words.ts";
import type { Contribution } from "../feature.ts";
import { type Frontend, frontendsOf, keyOf } from "../features/service/frontends.ts";
import { numberEndpoints } from "../features/service/groups.ts";
import { placeOf } from "../features/services.ts";
import { alsoMatchRegister } from "../features/vocabulary.ts";
import { TABLES } from "../layout/tables.ts";
import { type JudgedEndpoint, judgeEndpoints, type Place } from "../model/endpoints.ts";
import type { View } from "../model/model.ts";
import type { Service, TrafficPolicy } from "../model/service.ts";
import type { Problem } from "../problem.ts";
import { WHY } from "./words.ts";

/** How a service stands on this node, as plain values. */
export type ServiceReport = IgnoredService | ServedService;

/** One that is not this node's to serve. */
export interface IgnoredService {
  /** "namespace/name". */
  readonly name: string;
  readonly state: "ignored";
  readonly reason: string;
}

export interface ServedService {
  /** "namespace/name". */
  readonly name: string;
  /** realised: all that it comes to is in the switch. pending: some is on its way. failed: the switch refused some. */
  readonly state: "realised" | "pending" | "failed";
  /** Of failed: the switch's words. */
  readonly reason?: string;
  readonly type: Service["type"];
  readonly internalTrafficPolicy: TrafficPolicy;
  readonly externalTrafficPolicy: TrafficPolicy;
  /** For so many seconds a client keeps its endpoint. */
  readonly affinitySeconds?: number;
  readonly frontends: readonly FrontendReport[];
  readonly backends: readonly BackendsReport[];
  /** First packets of connections to it, here. */
  readonly packets: number;
  readonly problems: readonly string[];
}

/** An address and port to which clients come. */
export interface FrontendReport {
  /** "clusterIP 10.96.0.10". */
  readonly address: string;
  /** "80/TCP". */
  readonly port: string;
  readonly portName: string;
  readonly nodePort?: number;
  /** served: an endpoint gets it. refused: there is none. dropped: those that there are serve clients of their own nodes. */
  readonly outcome: "served" | "refused" | "dropped";
  /** Number of the group that chooses. */
  readonly group?: number;
  readonly packets: number;
}

/** Endpoints that share connections. */
export interface BackendsReport {
  readonly port: string;
  readonly portName: string;
  readonly family: "IPv4" | "IPv6";
  /** Local: those of this node alone. */
  readonly scope: TrafficPolicy;
  readonly group?: number;
  readonly endpoints: readonly EndpointReport[];
}

export interface EndpointReport {
  readonly address: string;
  readonly port: number;
  readonly node?: string;
  readonly isLocal: boolean;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly forZones?: readonly string[];
  readonly forNodes?: readonly string[];
  readonly isChosen: boolean;
  /** Why it is not. */
  readonly reason?: string;
  /** First packets of connections that it got, since the group was written last. */
  readonly packets?: number;
}

type Status = { readonly state: "pending" | "installed" | "failed"; readonly why?: string };

export interface ServiceSources {
  readonly view: View;
  readonly engine: Engine;
  readonly nodeName: string;
  readonly problems: readonly Problem[];
  /** By flow identity. */
  flowStatus(key: string): Status;
  groupStatus(id: number): Status;
  /** What the switch counts: by flow identity, and by group for each of its buckets. */
  readonly flowPackets: ReadonlyMap<string, number>;
  readonly bucketPackets: ReadonlyMap<number, readonly number[]>;
}

/** All services, or those that are named; what is ignored as well. */
export function* reportServices(sources: ServiceSources, only?: ReadonlySet<string>): Generator<ServiceReport> {
  const { view } = sources;
  const names = [...view.Service.keys(), ...view.ignoredServices.keys()].sort();
  for (const name of names) {
    if (only !== undefined && !only.has(name)) continue;
    const service = view.Service.get(name);
    if (service !== undefined) yield reportService(sources, service);
    else yield { name, state: "ignored", reason: view.ignoredServices.get(name)! };
  }
}

function reportService(sources: ServiceSources, service: Service): ServedService {
  const name = keyOf(service);
  const contributions = sources.engine.contributionsOf(`services/service ${name}`);
  const made = readContributions(contributions);
  const frontends = [...frontendsOf(service, placeOf(sources.view, sources.nodeName).addresses)];
  const reports = frontends.map((frontend) => reportFrontend(sources, frontend, made));
  const problems = sources.problems.filter(({ object }) => object === `Service ${name}`);
  const { affinityTimeout, type, internalTrafficPolicy, externalTrafficPolicy } = service;
  return {
    ...{ name, ...stateOf(sources, made), type, internalTrafficPolicy, externalTrafficPolicy },
    ...(affinityTimeout !== undefined && { affinitySeconds: affinityTimeout }),
    frontends: reports,
    backends: reportBackends(sources, service, frontends, made),
    packets: reports.reduce((sum, { packets }) => sum + packets, 0),
    problems: problems.map(({ field, message }) => `${field} ${message}`.trim()),
  };
}

type FlowContribution = Extract<Contribution, { readonly target: "flow" }>;

interface Made {
  /** By identity. */
  readonly flows: ReadonlyMap<string, FlowContribution>;
  readonly groups: ReadonlyMap<number, Group>;
}

function readContributions(contributions: readonly Contribution[]): Made {
  const flows = contributions.filter((one) => one.target === "flow");
  const groups = contributions.filter((one) => one.target === "group");
  return {
    flows: new Map(flows.map((one) => [flowKey(one.flow), one])),
    groups: new Map(groups.map(({ group }) => [group.groupId, group])),
  };
}

function stateOf(
  { flowStatus, groupStatus }: ServiceSources,
  { flows, groups }: Made,
): Pick<ServedService, "state" | "reason"> {
  let state: ServedService["state"] = "realised";
  for (const status of [...[...groups.keys()].map(groupStatus), ...[...flows.keys()].map(flowStatus)]) {
    if (status.state === "failed") return { state: "failed", ...(status.why && { reason: status.why }) };
    if (status.state === "pending") state = "pending";
  }
  return { state };
}

function serviceFlowKey({ priority, spec }: Frontend): string {
  return flowKey({ table: TABLES.Service.id, priority, match: match(spec) });
}

const OUTCOMES: Readonly<Record<string, FrontendReport["outcome"]>> = {
  "services/reject": "refused",
  "services/local": "dropped",
};

function reportFrontend({ flowPackets }: ServiceSources, frontend: Frontend, made: Made): FrontendReport {
  const { port, owner } = frontend;
  const key = serviceFlowKey(frontend);
  const group = groupOf(frontend, made);
  return {
    // "clusterIP 10.96.0.10, port http" without what follows from the port.
    address: (owner.part ?? "").split(",")[0]!,
    ...portOf(frontend),
    ...(port.nodePort !== undefined && { nodePort: port.nodePort }),
    outcome: OUTCOMES[made.flows.get(key)?.site ?? ""] ?? "served",
    ...(group !== undefined && { group }),
    packets: flowPackets.get(key) ?? 0,
  };
}

function portOf({ port }: Pick<Frontend, "port">): { readonly port: string; readonly portName: string } {
  return { port: `${port.port}/${protocolName(port.protocol)}`, portName: port.name };
}

/** The group that chooses for a frontend. */
function groupOf(frontend: Frontend, { flows }: Made): number | undefined {
  for (const key of [serviceFlowKey(frontend), choiceFlowKey(frontend)])
    for (const action of flows.get(key)?.flow.actions ?? []) if (action.type === "group") return action.groupId;
  return undefined;
}

function reportBackends(
  sources: ServiceSources,
  service: Service,
  frontends: readonly Frontend[],
  made: Made,
): readonly BackendsReport[] {
  const place = placeOf(sources.view, sources.nodeName);
  const slices = sources.view.backends.slicesOf(keyOf(service));
  const sets = Map.groupBy(frontends, (one) => `${portOf(one).port} ${one.family} ${one.scope}`);
  return [...sets.values()].map((group) => {
    const one = group[0]!;
    const { family } = one;
    const judged = judgeEndpoints(one.port, family, slices, place, one.scope);
    const number = groupOf(one, made);
    const counts = number === undefined ? new Map() : bucketCounts(sources, made.groups, number);
    return {
      ...portOf(one),
      family: familyName(family),
      scope: one.scope,
      ...(number !== undefined && { group: number }),
      endpoints: reportEndpoints(judged, place, counts),
    };
  });
}

/** Of the flow at which a client with session affinity that has no endpoint yet gets one. */
function choiceFlowKey({ priority, spec }: Frontend): string {
  const fresh = alsoMatchRegister(spec, "hasEndpoint", 0);
  return flowKey({ table: TABLES.ServiceLearn.id, priority, match: match(fresh) });
}

/** By the number that an endpoint has. */
function bucketCounts(
  sources: ServiceSources,
  groups: ReadonlyMap<number, Group>,
  id: number,
): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const [i, { id: number, actions }] of (groups.get(id)?.buckets ?? []).entries()) {
    const inner = actions.find(({ type }) => type === "group");
    if (inner?.type === "group")
      for (const [endpoint, packets] of bucketCounts(sources, groups, inner.groupId)) counts.set(endpoint, packets);
    else counts.set(number, sources.bucketPackets.get(id)?.[i] ?? 0);
  }
  return counts;
}

function reportEndpoints(
  judged: readonly JudgedEndpoint[],
  place: Place,
  counts: ReadonlyMap<number, number>,
): readonly EndpointReport[] {
  const chosen = numberEndpoints(judged.filter(({ unchosen }) => unchosen === undefined));
  const numbers = new Map(chosen.map(({ ip, port, id }) => [`${ip} ${port}`, id]));
  return judged.map(({ ip, port, of, unchosen }) => {
    const number = unchosen === undefined ? numbers.get(`${ip} ${port}`) : undefined;
    const packets = number === undefined ? undefined : counts.get(number);
    const { nodeName, ready, serving, terminating, forZones, forNodes } = of;
    return {
      ...{ address: formatIp(ip), port, ...(nodeName !== undefined && { node: nodeName }) },
      ...{ isLocal: nodeName === place.nodeName, ready, serving, terminating },
      ...(forZones.length > 0 && { forZones }),
      ...(forNodes.length > 0 && { forNodes }),
      isChosen: unchosen === undefined,
      ...(unchosen !== undefined && { reason: WHY[unchosen] }),
      ...(packets !== undefined && { packets }),
    };
  });
}

function familyName(family: IpFamily): "IPv4" | "IPv6" {
  return family === 4 ? "IPv4" : "IPv6";
}
