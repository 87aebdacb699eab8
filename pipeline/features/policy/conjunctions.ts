import type { Action } from "#openflow/actions.ts";
import { type MatchSpec, match } from "#openflow/match.ts";
import type { Contribution } from "../../feature.ts";
import type { Rule } from "../../index/rules.ts";
import { CT_MARK } from "../../layout/conntrack.ts";
import type { Site } from "../../layout/sites.ts";
import { TABLES, type TableName } from "../../layout/tables.ts";
import type { PolicyId } from "../../model/policy.ts";
import type { Owner } from "../../owner.ts";
import { limitPackets, matchMark } from "../connections.ts";
import { goto } from "../vocabulary.ts";
import { spotOf } from "./stages.ts";
import type { World } from "./world.ts";

export type Part = "subject" | "peers" | "ports";

const PART_SITES = { subject: "subject", peers: "peer", ports: "port" } as const satisfies Record<Part, string>;

/** How many of its three parts a rule has; a rule for everybody at every port has one. */
export function countClauses({ peers, ports }: Rule): number {
  return 1 + (peers === undefined ? 0 : 1) + (ports === undefined ? 0 : 1);
}

/** What one flow can hold: 16 bytes each of a message of 64 kB, most of it. */
const MOST_CONJUNCTIONS = 3900;

/** The rules of each place, those of one level and direction; in an order that does not tell how the rules came. */
export function groupByPlace(rules: Iterable<Rule>): readonly (readonly [Rule, ...Rule[]])[] {
  const groups = new Map<string, [Rule, ...Rule[]]>();
  for (const rule of new Set(rules)) {
    const place = `${rule.direction} ${rule.tier} ${rule.level}`;
    const group = groups.get(place);
    if (group === undefined) groups.set(place, [rule]);
    else group.push(rule);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}

/** A flow that is a part of rules of one place. Those that it has no room for are problems, and allow nothing there. */
export function partOfRules(
  world: World,
  spec: MatchSpec,
  part: Part,
  rules: readonly [Rule, ...Rule[]],
): readonly Contribution[] {
  const { table, rule: priority } = spotOf(rules[0], world.stages);
  const site = `${world.feature}/${PART_SITES[part]}` as const;
  const sorted = rules.filter((rule) => countClauses(rule) > 1).sort((a, b) => a.id - b.id);
  if (sorted.length === 0) return [];
  const held = sorted.slice(0, MOST_CONJUNCTIONS);
  const left = sorted.slice(MOST_CONJUNCTIONS);
  const actions = held.map((rule): Action => {
    const clauses = countClauses(rule);
    return { type: "conjunction", id: rule.id, clause: clauseOf(part, clauses), clauses };
  });
  // What is left out of rules that do not accept would open what they close.
  const closing = left.find(({ verdict }) => verdict !== "accept");
  return [
    policyFlow(site, table, priority, spec, closing === undefined ? actions : world.deny(closing), ownersOf(held)),
    ...left.map(tooMany),
  ];
}

/** What becomes of a packet that a rule matches. A rule that decides is noted. */
export function outcomeOf(rule: Rule, world: World): readonly Action[] {
  const { direction, tier, verdict } = rule;
  if (verdict === "deny") return world.deny(rule);
  // Behind the last tier there is nobody to pass it to.
  if (verdict === "pass" && tier === "admin") return [goto(world.stages[direction].networkPolicy[0])];
  return world.allow(rule);
}

/**
 * The flows of a rule of which all is met, as its own match says it. Of one with a rate only what begins a connection passes the meter,
 * which ends what is beyond; what is known goes on as ever.
 */
export function flowsOfMet(
  world: World,
  site: Site,
  priority: number,
  spec: MatchSpec,
  rule: Rule,
  owners: readonly Owner[],
): readonly Contribution[] {
  const { table } = spotOf(rule, world.stages);
  const outcome = outcomeOf(rule, world);
  const limit = world.feature === "policies" ? rule.limit : undefined;
  if (limit === undefined) return [policyFlow(site, table, priority, spec, outcome, owners)];
  const meter: Action = { type: "meter", meterId: limit.meterId };
  return [
    policyFlow(site, table, priority, { ...spec, ...matchMark(CT_MARK.known) }, outcome, owners),
    policyFlow(
      "policies/rate",
      table,
      priority,
      { ...spec, ...matchMark(0, CT_MARK.known) },
      [meter, ...outcome],
      owners,
    ),
    limitPackets(limit.meterId, limit.perSecond, "policies/rate", [policyOwner(rule.policy)]),
  ];
}

export function policyFlow(
  site: Site,
  table: TableName,
  priority: number,
  spec: MatchSpec,
  actions: readonly Action[],
  owners: readonly Owner[],
): Contribution {
  const flow = { table: TABLES[table].id, priority, match: match(spec), actions };
  return { target: "flow", flow, site, owners };
}

function clauseOf(part: Part, clauses: number): number {
  if (part === "subject") return 1;
  return part === "ports" ? clauses : 2;
}

export function ruleOwner({ policy, direction, index }: Rule): Owner {
  return { ...policyOwner(policy), part: `${direction} rule ${index}` };
}

export function policyOwner({ kind, name }: PolicyId): Owner {
  return { kind, name };
}

/** Each rule once, in the order of names: variants by named ports are one rule. */
export function ownersOf(rules: readonly Rule[]): readonly Owner[] {
  const owners = new Map(rules.map((rule) => [`${rule.policy.name} ${rule.direction} ${rule.index}`, rule]));
  return [...owners].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, rule]) => ruleOwner(rule));
}

function tooMany(rule: Rule): Contribution {
  const { policy, direction, index, verdict } = rule;
  const effect = verdict === "accept" ? "allows nothing there" : "denies everything there";
  const problem = {
    source: "policies",
    object: `${policy.kind} ${policy.name}`,
    field: `spec.${direction}[${index}]`,
    message: `shares a pod, a peer or a port with ${MOST_CONJUNCTIONS} other rules, more than one flow can hold, and ${effect}; let one rule say what several do`,
  };
  return { target: "problem", problem, owner: ruleOwner(rule) };
}
