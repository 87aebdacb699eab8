import { MOST_RULES } from "../layout/levels.ts";
import { isMet, isSelected } from "../model/label-selector.ts";
import type { Pod } from "../model/model.ts";
import { NAMESPACE_NAME_LABEL } from "../model/namespace-name.ts";
import {
  type ClusterNetworkPolicy,
  type ClusterPolicyRule,
  type Direction,
  type Policy,
  type PolicyTier,
  VERDICTS,
} from "../model/policy.ts";
import { countsIn } from "../model/policy-extras.ts";
import type { Judged } from "./evaluate.ts";
import { isIn, matchRule, type RuleMatch, type Seen } from "./matching.ts";

/** What a rule of a ClusterNetworkPolicy has decided about a packet. */
export interface ClusterDecision extends RuleMatch {
  readonly policy: ClusterNetworkPolicy;
  /** Its place in the policy's list of the direction. */
  readonly rule: number;
}

export interface RuleInOrder {
  readonly policy: ClusterNetworkPolicy;
  readonly index: number;
  readonly rule: ClusterPolicyRule;
}

/** The rules of a tier that are for a pod, in the order in which they are asked. */
export function rulesInOrder(
  objects: Judged,
  pod: Pod,
  direction: Direction,
  tier: PolicyTier,
): readonly RuleInOrder[] {
  return [...objects.ClusterNetworkPolicy.values()]
    .filter((policy) => policy.tier === tier && countsIn("enforced", policy) && isIn(policy.subject, pod, objects))
    .flatMap((policy) => policy[direction].map((rule, index) => ({ policy, index, rule })))
    .sort(compare);
}

/** Where the API leaves the order open, what denies comes first, and then what accepts. */
function compare(a: RuleInOrder, b: RuleInOrder): number {
  const place = ({ index }: RuleInOrder) => Math.min(index, MOST_RULES - 1);
  const rank = ({ rule }: RuleInOrder) => VERDICTS.indexOf(rule.verdict);
  return a.policy.priority - b.policy.priority || place(a) - place(b) || rank(a) - rank(b);
}

type TierVerdict =
  | (ClusterDecision & { readonly type: "accepted" | "denied" })
  | { readonly type: "passed"; readonly decision: ClusterDecision };

/** By the first rule that matches; undefined where none does. */
export function decideTier(rules: readonly RuleInOrder[], seen: Seen): TierVerdict | undefined {
  for (const { policy, index, rule } of rules) {
    const match = matchRule(rule, seen);
    if (match === undefined) continue;
    const decision = { policy, rule: index, ...match };
    if (rule.verdict === "pass") return { type: "passed", decision };
    return { type: rule.verdict === "deny" ? "denied" : "accepted", ...decision };
  }
  return undefined;
}

/** Policies of which nobody can say whether they select a pod: they ask for labels of its namespace, which is not known. */
export function policiesUnclear(objects: Judged, pod: Pod, direction: Direction): readonly Policy[] {
  if (objects.Namespace.has(pod.namespace)) return [];
  return [...objects.ClusterNetworkPolicy.values()].filter((policy) => {
    const { subject, [direction]: rules } = policy;
    const { namespaces, pods } = subject;
    if (!countsIn("enforced", policy)) return false;
    if (rules.length === 0 || typeof namespaces === "string" || !isSelected(pods, pod.labels)) return false;
    const ofName = namespaces.requirements.filter(({ key }) => key === NAMESPACE_NAME_LABEL);
    const isNamed = ofName.every((requirement) => isMet(requirement, pod.namespace));
    return isNamed && ofName.length < namespaces.requirements.length;
  });
}
