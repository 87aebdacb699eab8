import { flowKey } from "#openflow/flow.ts";
import type { Engine } from "../engine.ts";
import { describePeer, describePort } from "../explain/words.ts";
import { differingParts } from "../features/policy/differing-parts.ts";
import { type PolicyKey, writeKey } from "../features/policy/keys.ts";
import { ENFORCED, STAGED, type World } from "../features/policy/world.ts";
import type { Rule } from "../index/rules.ts";
import type { Site } from "../layout/sites.ts";
import type { View } from "../model/model.ts";
import {
  type ClusterPolicyRule,
  DIRECTIONS,
  type Direction,
  hasSay,
  type Policy,
  type PolicyId,
  type PolicyRule,
  policyId,
  type RuleVerdict,
  rulesOf,
} from "../model/policy.ts";
import { countsIn, type Enforcement, isStaged, NO_EXTRAS } from "../model/policy-extras.ts";
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
  /** Of one with a rate: so many new connections a second pass, and so many were denied as they were beyond it. */
  readonly limit?: { readonly perSecond: number; readonly denied: number };
  /** Of one that is staged, or of which the deletion is. */
  readonly staged?: StagedReport;
}

/** What became of new connections of its pods, and what would have, were all staging over: in the directions of which it speaks. */
export interface StagedReport {
  readonly enforcement: Exclude<Enforcement, "enforced">;
  readonly wouldAllow: number;
  readonly wouldDeny: number;
  /** Of those that would be let through: how many were denied. */
  readonly newlyAllowed: number;
  /** Of those that would be denied: how many were let through, and when the last was. */
  readonly newlyDenied: number;
  readonly lastNewlyDenied?: string;
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
  /** How many packets a meter has dropped. */
  droppedBy(meterId: number): number;
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
  let rules: ReadonlyMap<string, readonly { readonly rule: Rule }[]> | undefined;
  for (const policy of [view.NetworkPolicy, view.ClusterNetworkPolicy].flatMap((all) => [...all.values()])) {
    const { kind, name } = policyId(policy);
    if ((only !== undefined && !only.has(name)) || !isHere(policy, view)) continue;
    const { world } = worldOf(policy);
    rules ??= Map.groupBy(rulesOfBoth(view), ({ world: { feature }, rule }) => ruleKey(feature, rule.policy));
    const own = (rules.get(ruleKey(world.feature, { kind, name })) ?? []).map(({ rule }) => rule);
    yield reportPolicy(sources, policy, own, (key) => parts(world.feature, key));
  }
}

/** Whether it selects a pod of this node. */
export function isHere(policy: Policy, view: View): boolean {
  for (const _pod of podsHere(policy, view)) return true;
  return false;
}

function podsHere(policy: Policy, view: View): Iterable<string> {
  return worldOf(policy).world.rules(view).subjectsHere(policy.subject.key);
}

/** A staged policy has its flows where nothing is in force. */
function worldOf(policy: Policy): { readonly world: World } {
  return { world: countsIn("enforced", policy) ? ENFORCED : STAGED };
}

function* rulesOfBoth(view: View): Iterable<{ readonly world: World; readonly rule: Rule }> {
  for (const world of [ENFORCED, STAGED]) for (const rule of world.rules(view).all()) yield { world, rule };
}

function ruleKey(feature: string, { kind, name }: PolicyId): string {
  return `${feature} ${kind} ${name}`;
}

type Parts = (key: PolicyKey) => readonly Part[];

/** Many policies share their parts: each is looked at once. */
function createParts(engine: Engine): (feature: World["feature"], key: PolicyKey) => readonly Part[] {
  const known = new Map<string, readonly Part[]>();
  return (feature, policyKey) => {
    const contributor = `${feature}/${writeKey(policyKey)}`;
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
  const { world } = worldOf(policy);
  const pods = [...podsHere(policy, view)].sort();
  const ports = pods.flatMap((pod) => [...view.rules.portsOf(pod)]);
  const ofSubject = ports.flatMap((port) => parts({ type: "subject", port }));
  const reports = DIRECTIONS.flatMap((direction) =>
    rulesOf(policy, direction).map((rule, index) => {
      const own = rules.filter((one) => one.direction === direction && one.index === index);
      return reportRule(sources, { policy, direction, index, rule }, [...ofRules(own, parts), ...ofSubject]);
    }),
  );
  const total = sum(reports.map(({ hits }) => hits));
  const denials = ofSubject.filter(
    ({ site, owners }) => site === `${world.feature}/isolation` && isAmong(owners, policy),
  );
  const denied = sum([
    ...denials.map(({ key }) => sources.hits.of(key)),
    ...reports.map(({ report, hits }) => (report.verdict === "deny" ? hits : undefined)),
  ]);
  const since = realisedAt(name, generation);
  return {
    ...{ kind, name, generation, pods },
    directions: DIRECTIONS.filter((direction) => hasSay(policy, direction)),
    ...stateOf(sources, [...partsOf(rules, ports, view, world)].flatMap(parts)),
    ...(since === undefined ? {} : { since: timeOf(since) }),
    rules: reports.map(({ report }) => report),
    ...countsOf(total),
    denied: denied.packets,
    ...(denied.last === undefined ? {} : { lastDenied: timeOf(denied.last) }),
    problems: problems
      .filter(({ object }) => object === `${kind} ${name}`)
      .map(({ field, message }) => `${field} ${message}`.trim()),
    ...reportLimit(rules, sources),
    ...reportStaging(sources, policy, ports),
  };
}

/** Every key of the feature in which the policy has a part. */
function* partsOf(rules: Iterable<Rule>, ports: Iterable<string>, view: View, world: World): Iterable<PolicyKey> {
  for (const port of ports) yield { type: "subject", port };
  for (const rule of rules) {
    yield { type: "rule", rule: rule.key };
    for (const key of differingParts(undefined, rule, view, world.rules(view))) if (key.type !== "subject") yield key;
  }
}

/** All rules of a policy have one meter, if any. */
function reportLimit(rules: readonly Rule[], { droppedBy }: ReportSources): Pick<PolicyReport, "limit"> {
  const limit = rules.find((rule) => rule.limit !== undefined)?.limit;
  return limit === undefined ? {} : { limit: { perSecond: limit.perSecond, denied: droppedBy(limit.meterId) } };
}

/** What policies with a rate have denied beyond it, by name. */
export function reportLimits({
  view,
  droppedBy,
}: Pick<ReportSources, "view" | "droppedBy">): ReadonlyMap<string, number> {
  const limited = [...view.rules.all()].flatMap(({ policy, limit }) =>
    limit === undefined ? [] : [{ policy, limit }],
  );
  return new Map(limited.map(({ policy, limit }) => [policy.name, droppedBy(limit.meterId)]));
}

/** What staged policies would do, by name; costs what these consist of. */
export function* reportStaged(
  sources: ReportSources,
): Generator<{ readonly policy: string; readonly staged: StagedReport }> {
  const { view } = sources;
  for (const policy of [view.NetworkPolicy, view.ClusterNetworkPolicy].flatMap((all) => [...all.values()])) {
    if (!isStaged(policy)) continue;
    const ports = [...podsHere(policy, view)].flatMap((pod) => [...view.rules.portsOf(pod)]);
    const { staged } = reportStaging(sources, policy, ports);
    if (staged !== undefined && ports.length > 0) yield { policy: policyId(policy).name, staged };
  }
}

/** Counted at each pod under staging, for all staged policies that select it. */
function reportStaging(
  { engine, hits }: ReportSources,
  policy: Policy,
  ports: readonly string[],
): Pick<PolicyReport, "staged"> {
  const { enforcement } = policy.extras ?? NO_EXTRAS;
  if (enforcement === "enforced") return {};
  const parts = createParts(engine);
  const counted = ports
    .flatMap((port) => parts("staging", { type: "subject", port }))
    .filter(({ site, owners }) => site in VERDICT_SITES && isAmong(owners, policy));
  const of = (site: keyof typeof VERDICT_SITES) =>
    sum(counted.filter((part) => part.site === site).map(({ key }) => hits.of(key)));
  const newlyDenied = of("staging/newly-denied");
  const newlyAllowed = of("staging/newly-allowed").packets;
  return {
    staged: {
      enforcement,
      wouldAllow: of("staging/allowed").packets + newlyAllowed,
      wouldDeny: of("staging/denied").packets + newlyDenied.packets,
      ...{ newlyAllowed, newlyDenied: newlyDenied.packets },
      ...(newlyDenied.last === undefined ? {} : { lastNewlyDenied: timeOf(newlyDenied.last) }),
    },
  };
}

const VERDICT_SITES = {
  "staging/allowed": true,
  "staging/denied": true,
  "staging/newly-allowed": true,
  "staging/newly-denied": true,
} as const satisfies Partial<Record<Site, true>>;

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

interface PlacedRule {
  readonly policy: Policy;
  readonly direction: Direction;
  readonly index: number;
  readonly rule: PolicyRule | ClusterPolicyRule;
}

function reportRule({ hits: book }: ReportSources, placed: PlacedRule, among: readonly Part[]) {
  const { policy, direction, index, rule } = placed;
  const isOfRule = ({ site, owners }: Part): boolean =>
    /\/(rule|open|rate)$/.test(site) && isAmong(owners, policy, `${direction} rule ${index}`);
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
