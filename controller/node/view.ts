import { formatCidr, formatIp, formatMac } from "#base/address.ts";
import { type Check, runChecks } from "#controller/process/health.ts";
import type { Flow } from "#openflow/flow.ts";
import { OFPG_ALL } from "#openflow/messages/groups.ts";
import type { Ends } from "#pipeline/denials/ends.ts";
import { ask } from "#pipeline/explain/ask.ts";
import { clusterOf } from "#pipeline/explain/cluster.ts";
import { rememberedCookie } from "#pipeline/features/service/affinity.ts";
import { siteOfCookie } from "#pipeline/layout/cookie.ts";
import { METERS } from "#pipeline/layout/meters.ts";
import type { Node, Port, View } from "#pipeline/model/model.ts";
import type { Owner } from "#pipeline/owner.ts";
import type { Pipeline } from "#pipeline/pipeline.ts";
import { type ReportSources, reportPolicies } from "#pipeline/policy-status/report.ts";
import { reportServices, type ServiceSources } from "#pipeline/service-status/report.ts";
import type { NodeConfig } from "./config.ts";
import { cookieEntries, flowEntries } from "./http/flow-entries.ts";
import { groupEntries } from "./http/group-entries.ts";
import type { DenialFilter, FlowCounts, NodeEntry, NodeView, PodEntry } from "./http/node-view.ts";
import { readServiceCounts, type ServiceCounts } from "./http/service-counts.ts";
import type { Parts } from "./parts.ts";
import type { EntryStatus } from "./switch/entry-status.ts";
import type { FlowReconciler } from "./switch/flow-reconciler.ts";
import type { Readiness } from "./switch/readiness.ts";

export interface ViewOptions {
  readonly config: NodeConfig;
  readonly version: string;
  readonly parts: Parts;
  readonly checks: readonly Check[];
}

/** What the metrics read as well. */
export interface LiveView extends NodeView {
  flowCounts(): FlowCounts;
  peers(): number;
}

/** So many are explained within what the node's other work can wait for. */
const MOST_PAIRS = 100;

/** The node as weirctl and the metrics see it, over the parts that know. */
export function createNodeView({ config, version, parts, checks }: ViewOptions): LiveView {
  const { pipeline, readiness, problems, denials, connections, counters } = parts;
  const { reconciler } = parts.bridgeSwitch;
  const startedAt = new Date().toISOString();
  const peers = (): number => pipeline.view.Node.size - (parts.self() === undefined ? 0 : 1);
  const flowCounts = (): FlowCounts => countFlows(pipeline, reconciler);
  return {
    flowCounts,
    peers,
    status() {
      const results = runChecks(checks);
      const mtu = parts.podMtu();
      const { bridge, datapath } = config.ovs;
      const { encapsulation, tunnel } = config.traffic;
      return {
        ...{ node: config.nodeName, version, startedAt, ready: results.every(({ ok }) => ok), checks: results },
        ...{
          source: parts.intent.description,
          absentKinds: parts.intent.absent(),
          bridge,
          datapath,
          encapsulation,
          tunnel,
        },
        ...(mtu === undefined ? {} : { mtu }),
        podCidrs: (parts.self()?.podCidrs ?? []).map(formatCidr),
        ...{
          pods: pipeline.view.Port.size,
          peers: peers(),
          announced: parts.announcing.held(),
          problems: problems().length,
          flows: flowCounts(),
        },
        connections: { told: connections.told, untold: counters.droppedBy(METERS.connections.id) },
        denials: { told: denials.told, untold: counters.droppedBy(METERS.denials.id) },
      };
    },
    pods: () => [...pipeline.view.Port.values()].map((port) => podEntry(port, readiness)),
    nodes: () => [...pipeline.view.Node.values()].map((node) => nodeEntry(node, config, parts)),
    problems,
    async flows(filter) {
      const installed = (await parts.bridgeSwitch.connection?.dumpFlows()) ?? [];
      const statusOf = (key: string): EntryStatus => reconciler.status(key);
      const learnedFor = learnedFlows(pipeline.view);
      return flowEntries({ installed, desired: pipeline.desired.flows, statusOf, learnedFor }, filter);
    },
    async groups(filter) {
      const { connection } = parts.bridgeSwitch;
      const installed = (await connection?.multipart("group_desc", { groupId: OFPG_ALL })) ?? [];
      const { bucketPackets } = await readServiceCounts(connection);
      const statusOf = (id: number): EntryStatus => reconciler.groupStatus(id);
      return groupEntries({ installed, bucketPackets, desired: pipeline.desired.groups, statusOf }, filter);
    },
    async services(name) {
      const counts = await readServiceCounts(parts.bridgeSwitch.connection);
      const names = name === undefined ? undefined : new Set([name.includes("/") ? name : `default/${name}`]);
      return reportServices({ ...serviceSources(parts, config), ...counts }, names);
    },
    async policies(name) {
      await counters.refresh();
      // As in kubectl, what has no namespace is of "default", or of none.
      const names = name === undefined ? undefined : new Set(name.includes("/") ? [name] : [name, `default/${name}`]);
      return reportPolicies(reportSources(parts), names);
    },
    denials: (filter) => [...denials.recent()].filter((record) => concerns(record, filter)),
    async *watchDenials(filter, signal) {
      for await (const record of denials.follow(signal)) if (concerns(record, filter)) yield record;
    },
    connections: (filter) => [...connections.recent()].filter((record) => concerns(record, filter)),
    async *watchConnections(filter, signal) {
      for await (const record of connections.follow(signal)) if (concerns(record, filter)) yield record;
    },
    owners: () => cookieEntries(pipeline.desired.flows.values()),
    explain: (question) => ask(clusterOf(pipeline.view), question, MOST_PAIRS),
  };
}

function concerns({ pod, peer }: Ends, filter: DenialFilter): boolean {
  return filter.pod === undefined || pod === filter.pod || peer === `pod ${filter.pod}`;
}

/** What a report on policies is made of. */
export function reportSources({ pipeline, bridgeSwitch, counters, realisation, problems }: Parts): ReportSources {
  return {
    ...{ view: pipeline.view, engine: pipeline.engine, hits: counters.hits, problems: problems() },
    statusOf: (key) => bridgeSwitch.reconciler.status(key),
    realisedAt: realisation.realisedAt,
    droppedBy: counters.droppedBy,
  };
}

function serviceSources(
  { pipeline, bridgeSwitch, problems }: Parts,
  { nodeName }: NodeConfig,
): Omit<ServiceSources, keyof ServiceCounts> {
  const { reconciler } = bridgeSwitch;
  return {
    ...{ view: pipeline.view, engine: pipeline.engine, nodeName, problems: problems() },
    flowStatus: (key) => reconciler.status(key),
    groupStatus: (id) => reconciler.groupStatus(id),
  };
}

/** The service for which the switch remembers a client's endpoint. */
function learnedFlows({ Service: services }: View): (flow: Flow) => readonly Owner[] | undefined {
  let byCookie: ReadonlyMap<bigint, Owner> | undefined;
  return ({ cookie }) => {
    if (siteOfCookie(cookie)?.site !== "services/remembered") return undefined;
    byCookie ??= new Map(
      [...services.keys()].map((name) => [rememberedCookie(name), { kind: "Service", name } as const]),
    );
    const owner = byCookie.get(cookie);
    return owner === undefined ? [] : [owner];
  };
}

function countFlows({ desired }: Pipeline, reconciler: FlowReconciler): FlowCounts {
  const counts = { installed: 0, pending: 0, failed: 0 };
  for (const key of desired.flows.keys()) counts[reconciler.status(key).state]++;
  return { desired: desired.flows.size, ...counts };
}

function podEntry(port: Port, readiness: Readiness): PodEntry {
  return {
    namespace: port.podNamespace,
    name: port.podName,
    ips: port.ips.map(formatIp),
    mac: formatMac(port.mac),
    interface: port.name,
    port: port.ofport,
    containerId: port.containerId,
    state: readiness.describe(port.name),
  };
}

function nodeEntry(node: Node, config: NodeConfig, { pipeline, podMtu }: Parts): NodeEntry {
  const isSelf = node.name === config.nodeName;
  const mtu = isSelf ? podMtu() : node.podMtu;
  return {
    name: node.name,
    addresses: node.addresses.map(formatIp),
    podCidrs: node.podCidrs.map(formatCidr),
    path: isSelf ? "self" : pathTo(node, pipeline, config),
    ...(mtu === undefined ? {} : { mtu }),
  };
}

/** Read off what the peer contributes: the flows that send through the tunnel, or why there are none. */
function pathTo(node: Node, { engine }: Pipeline, { traffic }: NodeConfig): string {
  const contributions = engine.contributionsOf(`nodes/${node.name}`);
  if (contributions.some((one) => one.target === "flow" && one.site === "nodes/peer")) return "tunnel";
  if (
    contributions.some(
      (one) => one.target === "host" && one.item.type === "route" && one.item.route.device === "transport",
    )
  )
    return "direct";
  for (const one of contributions)
    if (one.target === "problem") return `none: ${one.problem.field} ${one.problem.message}`;
  if (node.podCidrs.length === 0) return "none: it has no podCIDR";
  return traffic.encapsulation === "never" ? "direct, by the underlay's own routing" : "none";
}
