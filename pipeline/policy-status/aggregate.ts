import type { PolicyFacts } from "./facts.ts";
import { type NodePolicyReport, type PolicyEntry, policyIdOf } from "./node-report.ts";

/** How a policy stands in the cluster. */
export interface PolicySummary extends PolicyFacts {
  /** The nodes that have a pod which it selects, and say so. */
  readonly nodes: number;
  /** Those of them that have this generation in force. */
  readonly realised: number;
  /** When the last of them had it; only when all have. */
  readonly since?: string;
  readonly pending: readonly string[];
  readonly failed: readonly { readonly node: string; readonly reason: string }[];
  /** Those of them that nothing was heard from for long: what they said is old. */
  readonly silent: readonly string[];
  readonly packets: number;
  readonly lastHit?: string;
  readonly denied: number;
  /** Rules that no packet has met on any of these nodes, since `countedSince` on all of them. */
  readonly neverHit: readonly string[];
  readonly countedSince?: string;
}

/** Everything that nodes have told of policies. A change costs what changes; a summary, the nodes that it is about. */
export interface PolicyStatuses {
  /** Each returns the policies ("NetworkPolicy shop/db") whose summaries may be otherwise now. Undefined: it is gone. */
  setPolicy(id: string, facts: PolicyFacts | undefined): Iterable<string>;
  setReport(node: string, report: NodePolicyReport | undefined): Iterable<string>;
  /** What a node that is not there says does not count: its object may outlive it for a while. */
  setNode(node: string, isThere: boolean): Iterable<string>;
  setSilent(node: string, isSilent: boolean): Iterable<string>;
  /** Undefined when there is no such policy. */
  summaryOf(id: string): PolicySummary | undefined;
  ids(): Iterable<string>;
}

type Entries = ReadonlyMap<string, PolicyEntry>;

const NO_ENTRIES: Entries = new Map();

export function createPolicyStatuses(): PolicyStatuses {
  const policies = new Map<string, PolicyFacts>();
  const reports = new Map<string, Entries>();
  const nodesOf = new Map<string, Set<string>>();
  const present = new Set<string>();
  const silent = new Set<string>();

  const entriesOf = (node: string): Entries => reports.get(node) ?? NO_ENTRIES;
  const note = (set: Set<string>, node: string, isIn: boolean): Iterable<string> => {
    if (set.has(node) === isIn) return [];
    if (isIn) set.add(node);
    else set.delete(node);
    return entriesOf(node).keys();
  };
  return {
    setPolicy(id, facts) {
      if (facts === undefined) policies.delete(id);
      else policies.set(id, facts);
      return [id];
    },
    setReport(node, report) {
      const before = entriesOf(node);
      const after: Entries = new Map(report?.policies.map((entry) => [policyIdOf(entry), entry]));
      if (report === undefined) reports.delete(node);
      else reports.set(node, after);
      const touched = new Set<string>();
      for (const [id, entry] of before) if (!isSame(entry, after.get(id))) touched.add(id);
      for (const id of after.keys()) if (!before.has(id)) touched.add(id);
      for (const id of touched) index(nodesOf, id, node, after.has(id));
      return touched;
    },
    setNode: (node, isThere) => note(present, node, isThere),
    setSilent: (node, isSilent) => note(silent, node, isSilent),
    summaryOf(id) {
      const facts = policies.get(id);
      if (facts === undefined) return undefined;
      const nodes = [...(nodesOf.get(id) ?? [])].filter((node) => present.has(node)).sort();
      return summarise(
        facts,
        nodes.map((node) => [node, entriesOf(node).get(id)!] as const),
        silent,
      );
    },
    ids: () => policies.keys(),
  };
}

function index(nodesOf: Map<string, Set<string>>, id: string, node: string, isIn: boolean): void {
  const nodes = nodesOf.get(id) ?? new Set();
  if (isIn) nodes.add(node);
  else nodes.delete(node);
  if (nodes.size === 0) nodesOf.delete(id);
  else nodesOf.set(id, nodes);
}

function isSame(a: PolicyEntry, b: PolicyEntry | undefined): boolean {
  return b !== undefined && JSON.stringify(a) === JSON.stringify(b);
}

function summarise(
  facts: PolicyFacts,
  reports: readonly (readonly [node: string, PolicyEntry])[],
  silent: ReadonlySet<string>,
): PolicySummary {
  const current = reports.filter(([, { generation }]) => generation === facts.generation);
  const realised = current.filter(([, { state }]) => state === "realised");
  const failed = current.filter(([, { state }]) => state === "failed");
  const settled = new Set([...realised, ...failed].map(([node]) => node));
  const entries = reports.map(([, entry]) => entry);
  const since =
    realised.length === reports.length ? latest(realised.flatMap(([, entry]) => entry.since ?? [])) : undefined;
  const lastHit = latest(entries.flatMap((entry) => entry.lastHit ?? []));
  const counted = current.length === reports.length && entries.every((entry) => entry.countedSince !== undefined);
  const countedSince = latest(entries.flatMap((entry) => entry.countedSince ?? []));
  return {
    ...facts,
    ...{ nodes: reports.length, realised: realised.length },
    ...(since !== undefined && { since }),
    pending: reports.map(([node]) => node).filter((node) => !settled.has(node)),
    failed: failed.map(([node, { reason }]) => ({ node, reason: reason ?? "without a reason" })),
    silent: reports.map(([node]) => node).filter((node) => silent.has(node)),
    packets: sum(entries.map(({ packets }) => packets)),
    ...(lastHit !== undefined && { lastHit }),
    denied: sum(entries.map(({ denied }) => denied)),
    neverHit: inAll(counted ? current.map(([, { neverHit }]) => neverHit) : []),
    ...(counted && countedSince !== undefined && { countedSince }),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

/** Times in ISO 8601, all of UTC and of one form: they compare as texts. */
function latest(times: readonly string[]): string | undefined {
  return times.toSorted().at(-1);
}

function inAll([first = [], ...others]: readonly (readonly string[])[]): readonly string[] {
  const sets = others.map((one) => new Set(one));
  return first.filter((one) => sets.every((set) => set.has(one)));
}
