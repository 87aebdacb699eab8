import type { Action } from "#openflow/actions.ts";
import { type MatchSpec, match } from "#openflow/match.ts";
import type { Contribution } from "../../feature.ts";
import type { Rule } from "../../index/rules.ts";
import { PRIORITY } from "../../layout/priorities.ts";
import type { Site } from "../../layout/sites.ts";
import { TABLES, type TableName } from "../../layout/tables.ts";
import type { Direction, NetworkPolicy } from "../../model/policy.ts";
import type { Owner } from "../../owner.ts";

/** Where a direction's rules stand, what follows when one lets a packet through, and where that is noted. */
export const STAGES = {
  egress: { table: "EgressRule", next: "Route", verdict: "egressRule" },
  ingress: { table: "IngressRule", next: "Commit", verdict: "ingressRule" },
} as const satisfies Readonly<Record<Direction, { table: TableName; next: TableName; verdict: string }>>;

export type Part = "subject" | "peers" | "ports";

/** How many of its three parts a rule has; a rule for everybody at every port has one. */
export function countClauses({ peers, ports }: Rule): number {
  return 1 + (peers === undefined ? 0 : 1) + (ports === undefined ? 0 : 1);
}

/** What one flow can hold: 16 bytes each of a message of 64 kB, most of it. */
const MOST_CONJUNCTIONS = 3900;

/** A flow that is a part of rules. Those that it has no room for are problems, and allow nothing there. */
export function partOfRules(
  site: Site,
  direction: Direction,
  spec: MatchSpec,
  part: Part,
  rules: Iterable<Rule>,
): readonly Contribution[] {
  const sorted = [...new Set(rules)].filter((rule) => countClauses(rule) > 1).sort((a, b) => a.id - b.id);
  if (sorted.length === 0) return [];
  const held = sorted.slice(0, MOST_CONJUNCTIONS);
  const actions = held.map((rule): Action => {
    const clauses = countClauses(rule);
    return { type: "conjunction", id: rule.id, clause: clauseOf(part, clauses), clauses };
  });
  return [
    ruleFlow(site, direction, PRIORITY.rule, spec, actions, ownersOf(held)),
    ...sorted.slice(MOST_CONJUNCTIONS).map(tooMany),
  ];
}

export function ruleFlow(
  site: Site,
  direction: Direction,
  priority: number,
  spec: MatchSpec,
  actions: readonly Action[],
  owners: readonly Owner[],
): Contribution {
  const table = TABLES[STAGES[direction].table].id;
  return { target: "flow", flow: { table, priority, match: match(spec), actions }, site, owners };
}

function clauseOf(part: Part, clauses: number): number {
  if (part === "subject") return 1;
  return part === "ports" ? clauses : 2;
}

export function policyOwner({ namespace, name }: NetworkPolicy, part?: string): Owner {
  const owner = { kind: "NetworkPolicy", name: `${namespace}/${name}` };
  return part === undefined ? owner : { ...owner, part };
}

export function ruleOwner({ policy, direction, index }: Rule): Owner {
  return policyOwner(policy, `${direction} rule ${index}`);
}

/** Each rule once, in the order of names: variants by named ports are one rule. */
export function ownersOf(rules: readonly Rule[]): readonly Owner[] {
  const owners = new Map(
    rules.map((rule) => [`${rule.policy.namespace}/${rule.policy.name} ${rule.direction} ${rule.index}`, rule]),
  );
  return [...owners].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, rule]) => ruleOwner(rule));
}

function tooMany(rule: Rule): Contribution {
  const { policy, direction, index } = rule;
  const owner = ruleOwner(rule);
  const problem = {
    source: "policies",
    object: `NetworkPolicy ${policy.namespace}/${policy.name}`,
    field: `spec.${direction}[${index}]`,
    message: `shares a pod, a peer or a port with ${MOST_CONJUNCTIONS} other rules, more than one flow can hold, and allows nothing there; let one rule say what several do`,
  };
  return { target: "problem", problem, owner };
}
