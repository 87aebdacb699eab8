import { flowKey } from "#openflow/flow.ts";
import type { Engine } from "../engine.ts";
import { describePeer, describePort } from "../explain/words.ts";
import { differingParts } from "../features/policy/differing-parts.ts";
import { type PolicyKey, writeKey } from "../features/policy/keys.ts";
import type { Rule } from "../index/rules.ts";
import type { Site } from "../layout/sites.ts";
import type { View } from "../model/model.ts";
import {
  type ClusterPolicyRule,
  DIRECTIONS,
  type Direction,
  type Policy,
  type PolicyRule,
  policyId,
  type RuleVerdict,
  rulesOf,
} from "../model/policy.ts";
import type { Owner } from "../owner.ts";
import type { Problem } from "../problem.ts";
import type { HitBook, Hits } from "./hits.ts";

/** How a policy stands on this node, as plain values. */
export interface PolicyReport {
  readonly kind: Policy["kind"];
  /** "namespace/name", or "name" of one for the whole cluster. */
  readonly name: string;
  readonly generation: number;
  readonly directions: readonly Direction[];
  /** The pods of this node that it selects. */
  readonly pods: readonly string[];
  /** realised: all its flows are in the switch. pending: some are on their way. failed: the switch refused some. */
  readonly state: "realised" | "pending" | "failed";
  /** When this generation was in the switch for the first time since the node process started. */
  readonly since?: string;
  /** Of failed: the switch's words. */
  readonly reason?: string;
  readonly rules: readonly RuleReport[];
  /** Of all its rules. */
  readonly packets: number;
  readonly bytes: number;
  readonly lastHit?: string;
  /** Packets that its rules denied, and those that its pods were denied for want of a rule, of this policy or another that isolates them. */
  readonly denied: number;
  readonly lastDenied?: string;
  readonly problems: readonly string[];
}

export interface RuleReport {
  readonly direction: Direction;
  readonly index: number;
  /** "from pods app=web of namespace shop, at 5432/TCP". */
  readonly rule: string;
  readonly verdict: RuleVerdict;
  readonly packets: number;
  readonly bytes: number;
  readonly lastHit?: string;
  /** Since when is counted; absent for a rule that is nowhere in the switch. */
  readonly since?: string;
}

export interface ReportSources {
  readonly view: View;
  readonly engine: Engine;
  readonly hits: HitBook;
  /** By flow identity. */
  statusOf(key: string): { readonly state: "pending" | "installed" | "failed"; readonly why?: string };
  realisedAt(policyKey: string, generation: number): number | undefined;
  readonly problems: readonly Problem[];
}

/** A flow that a key of the policies' feature contributes. */
interface Part {
  readonly key: string;
  readonly site: Site;
  readonly owners: readonly Owner[];
}

/** The policies that select a pod of this node, or those of them that are named; costs what they consist of. */
export function* reportPolicies(sources: ReportSources, only?: ReadonlySet<string>): Generator<PolicyReport> {
  const { view } = sources;
  const parts = createParts(sources.engine);
  let rules: ReadonlyMap<string, readonly Rule[]> | undefined;
  for (const policy of [view.NetworkPolicy, view.ClusterNetworkPolicy].flatMap((all) => [...all.values()])) {
    const { kind, name } = policyId(policy);
    if ((only !== undefined && !only.has(name)) || !isHere(policy, view)) continue;
    rules ??= Map.groupBy(view.rules.all(), (rule) => `${rule.policy.kind} ${rule.policy.name}`);
    yield reportPolicy(sources, policy, rules.get(`${kind} ${name}`) ?? [], parts);
  }
}

/** Whether it selects a pod of this node. */
export function isHere({ subject }: Policy, { rules }: View): boolean {
  for (const _pod of rules.subjectsHere(subject.key)) return true;
  return false;
}

type Parts = (key: PolicyKey) => readonly Part[];

/** Many policies share their parts: each is looked at once. */
function createParts(engine: Engine): Parts {
  const known = new Map<string, readonly Part[]>();
  return (policyKey) => {
    const contributor = `policies/${writeKey(policyKey)}`;
    const found =
      known.get(contributor) ??
      engine
        .contributionsOf(contributor)
        .flatMap((one) =>
          one.target === "flow" ? [{ key: flowKey(one.flow), site: one.site, owners: one.owners }] : [],
        );
    known.set(contributor, found);
    return found;
  };
}

function reportPolicy(sources: ReportSources, policy: Policy, rules: readonly Rule[], parts: Parts): PolicyReport {
  const { view, problems, realisedAt } = sources;
  const { generation } = policy;
  const { kind, name } = policyId(policy);
  const pods = [...view.rules.subjectsHere(policy.subject.key)].sort();
  const ports = pods.flatMap((pod) => [...view.rules.portsOf(pod)]);
  const ofSubject = ports.flatMap((port) => parts({ type: "subject", port }));
  const reports = DIRECTIONS.flatMap((direction) =>
    rulesOf(policy, direction).map((rule, index) => {
      const own = rules.filter((one) => one.direction === direction && one.index === index);
      return reportRule(sources, { policy, direction, index, rule }, [...ofRules(own, parts), ...ofSubject]);
    }),
  );
  const total = sum(reports.map(({ hits }) => hits));
  const denials = ofSubject.filter(({ site, owners }) => site === "policies/isolation" && isAmong(owners, policy));
  const denied = sum([
    ...denials.map(({ key }) => sources.hits.of(key)),
    ...reports.map(({ report, hits }) => (report.verdict === "deny" ? hits : undefined)),
  ]);
  const since = realisedAt(name, generation);
  return {
    ...{ kind, name, generation, pods },
    directions: DIRECTIONS.filter((direction) => hasSay(policy, direction)),
    ...stateOf(sources, [...partsOf(rules, ports, view)].flatMap(parts)),
    ...(since === undefined ? {} : { since: timeOf(since) }),
    rules: reports.map(({ report }) => report),
    ...countsOf(total),
    denied: denied.packets,
    ...(denied.last === undefined ? {} : { lastDenied: timeOf(denied.last) }),
    problems: problems
      .filter(({ object }) => object === `${kind} ${name}`)
      .map(({ field, message }) => `${field} ${message}`.trim()),
  };
}

/** Every key of the feature in which the policy has a part. */
function* partsOf(rules: Iterable<Rule>, ports: Iterable<string>, view: View): Iterable<PolicyKey> {
  for (const port of ports) yield { type: "subject", port };
  for (const rule of rules) {
    yield { type: "rule", rule: rule.key };
    for (const key of differingParts(undefined, rule, view)) if (key.type !== "subject") yield key;
  }
}

function stateOf(
  { statusOf }: ReportSources,
  parts: readonly Part[],
): { readonly state: PolicyReport["state"]; readonly reason?: string } {
  let state: PolicyReport["state"] = "realised";
  for (const { key } of parts) {
    const status = statusOf(key);
    if (status.state === "failed") return { state: "failed", ...(status.why && { reason: status.why }) };
    if (status.state === "pending") state = "pending";
  }
  return { state };
}

function ofRules(rules: readonly Rule[], parts: Parts): readonly Part[] {
  return rules.flatMap((rule) => parts({ type: "rule", rule: rule.key }));
}

/** One that isolates has a say without any rule. */
function hasSay(policy: Policy, direction: Direction): boolean {
  return policy.kind === "NetworkPolicy" ? policy[direction] !== undefined : policy[direction].length > 0;
}

interface PlacedRule {
  readonly policy: Policy;
  readonly direction: Direction;
  readonly index: number;
  readonly rule: PolicyRule | ClusterPolicyRule;
}

function reportRule({ hits: book }: ReportSources, placed: PlacedRule, among: readonly Part[]) {
  const { policy, direction, index, rule } = placed;
  const isOfRule = ({ site, owners }: Part): boolean =>
    (site === "policies/rule" || site === "policies/open") && isAmong(owners, policy, `${direction} rule ${index}`);
  const hits = sum(among.filter(isOfRule).map(({ key }) => book.of(key)));
  const since = hits.since === undefined ? {} : { since: timeOf(hits.since) };
  const verdict = "verdict" in rule ? rule.verdict : "accept";
  const text = describeRule(direction, rule);
  const report: RuleReport = { direction, index, rule: text, verdict, ...countsOf(hits), ...since };
  return { report, hits };
}

function isAmong(owners: readonly Owner[], policy: Policy, part?: string): boolean {
  const { kind, name } = policyId(policy);
  return owners.some((owner) => owner.name === name && owner.kind === kind && owner.part === part);
}

/** Packets that were there since the first of them was counted. */
type Sum = Omit<Hits, "since"> & { readonly since: number | undefined };

function sum(all: readonly (Hits | Sum | undefined)[]): Sum {
  const known = all.filter((hits) => hits !== undefined);
  const times = known.flatMap(({ last }) => last ?? []);
  const starts = known.flatMap(({ since }) => since ?? []);
  return {
    packets: known.reduce((total, { packets }) => total + packets, 0),
    bytes: known.reduce((total, { bytes }) => total + bytes, 0),
    last: times.length === 0 ? undefined : Math.max(...times),
    since: starts.length === 0 ? undefined : Math.min(...starts),
  };
}

function countsOf({ packets, bytes, last }: Sum): Pick<RuleReport, "packets" | "bytes" | "lastHit"> {
  return { packets, bytes, ...(last === undefined ? {} : { lastHit: timeOf(last) }) };
}

/** "from everybody, at every port", "to 10.0.0.0/8, at 53/UDP". */
export function describeRule(direction: Direction, { peers, ports }: PolicyRule | ClusterPolicyRule): string {
  const who = peers === undefined ? "everybody" : peers.map(describePeer).join(" or ") || "nobody";
  const where = ports === undefined ? "every port" : ports.map(describePort).join(" or ") || "no port";
  return `${direction === "ingress" ? "from" : "to"} ${who}, at ${where}`;
}

function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
