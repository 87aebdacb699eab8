import { type RuleVerdict, VERDICTS } from "../model/policy.ts";
import { PRIORITY } from "./priorities.ts";
import { requireUnique } from "./validate.ts";

/** As policy.networking.k8s.io/v1alpha2 has it. */
export const HIGHEST_POLICY_PRIORITY = 1000;
export const MOST_RULES = 25;

/** Policies' priorities below this have the first table of their tier, the others the second. */
export const FIRST_OF_SECOND_TABLE = 500;

const LEVELS_OF_PRIORITY = MOST_RULES * VERDICTS.length;
const LEVELS_OF_FIRST_TABLE = FIRST_OF_SECOND_TABLE * LEVELS_OF_PRIORITY;
const LEVELS = (HIGHEST_POLICY_PRIORITY + 1) * LEVELS_OF_PRIORITY;
/** The priority in the switch of the first level of either table. */
const FIRST = 50_000;

for (const count of [LEVELS_OF_FIRST_TABLE, LEVELS - LEVELS_OF_FIRST_TABLE])
  requireUnique("first and last level", [FIRST, FIRST - count + 1], PRIORITY.forbid + 1, PRIORITY.unknown - 1);

/** Of the rules of NetworkPolicies, which all allow: who is asked first of those that would. */
export const NETWORK_POLICY_LEVELS = { limitedLogged: -3, limited: -2, logged: -1, plain: 0 } as const;

/**
 * The place in its tier of a rule of a ClusterNetworkPolicy: by the policy's priority, then by the rule's place in the policy,
 * then by what it does. There are 75,075, more than the switch has priorities, and so a tier has two tables.
 */
export function levelOf(policyPriority: number, index: number, verdict: RuleVerdict): number {
  return policyPriority * LEVELS_OF_PRIORITY + index * VERDICTS.length + VERDICTS.indexOf(verdict);
}

/** The table of its tier in which a level stands, the first or the second, and its priority there. */
export function placeOfLevel(level: number): { readonly table: 0 | 1; readonly priority: number } {
  const table = level < LEVELS_OF_FIRST_TABLE ? 0 : 1;
  return { table, priority: FIRST - (level - table * LEVELS_OF_FIRST_TABLE) };
}

/** What stands at a priority of a tier's table: "priority 12, rule 3, deny". */
export function describeLevel(table: 0 | 1, priority: number): string {
  const level = FIRST - priority + table * LEVELS_OF_FIRST_TABLE;
  const index = Math.floor(level / VERDICTS.length) % MOST_RULES;
  return `priority ${Math.floor(level / LEVELS_OF_PRIORITY)}, rule ${index}, ${VERDICTS[level % VERDICTS.length]}`;
}
