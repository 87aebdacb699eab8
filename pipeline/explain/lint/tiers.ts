import { cidrContains } from "#base/address.ts";
import { isSelected } from "../../model/label-selector.ts";
import {
  type ClusterNetworkPolicy,
  type ClusterPolicyPeer,
  type ClusterPolicyRule,
  DIRECTIONS,
  type Direction,
  type Policy,
  type PolicyPort,
  policyId,
  type RuleVerdict,
} from "../../model/policy.ts";
import { matchesPeer } from "../matching.ts";
import { podName, ruleName } from "../words.ts";
import { coversRule, coversSelection, reaches } from "./coverage.ts";
import { type AnyRule, type Finding, finding, type Placed, placesOf, type Subject } from "./finding.ts";
import { podsIn } from "./selections.ts";

const WORDS: Readonly<Record<RuleVerdict, string>> = { accept: "accepts", deny: "denies", pass: "passes on" };

/** A rule that nothing comes to: another one that is asked before it takes all of it. */
export function* checkReach(subject: Subject): Iterable<Finding> {
  const { policy, cluster } = subject;
  const others = [...cluster.objects.ClusterNetworkPolicy.values()];
  for (const placed of placesOf(subject)) {
    const before = findBefore(placed, policy, others);
    if (before === undefined) continue;
    const name = ruleName(before.policy, placed.direction, before.index);
    yield finding(
      "warning",
      "unreachable-rule",
      policy,
      placed.field,
      `has no effect: ${name} is asked before it, and ${WORDS[before.rule.verdict]} all of it`,
      "take it away, narrow the other one, or let this one be asked first",
    );
  }
}

interface Before {
  readonly policy: ClusterNetworkPolicy;
  readonly index: number;
  readonly rule: ClusterPolicyRule;
}

function findBefore(
  { direction, index, rule }: Placed,
  policy: Policy,
  others: readonly ClusterNetworkPolicy[],
): Before | undefined {
  for (const other of others) {
    const isOwn = other === policy;
    if (!isOwn && !coversSelection(other.subject, policy.subject)) continue;
    for (const [i, candidate] of other[direction].entries()) {
      const before = { policy: other, index: i, rule: candidate };
      const isBefore = isOwn ? i < index : isAskedBefore(before, policy, direction, others);
      if (isBefore && coversRule(candidate, rule)) return before;
    }
  }
  return undefined;
}

/** Of one priority the API leaves the order open. What a rule passes on comes to the next tiers past all behind it. */
function isAskedBefore(
  { policy: other, index, rule }: Before,
  policy: Policy,
  direction: Direction,
  others: readonly ClusterNetworkPolicy[],
): boolean {
  if (policy.kind === "ClusterNetworkPolicy" && policy.tier === other.tier) return other.priority < policy.priority;
  if (other.tier !== "admin" || rule.verdict === "pass") return false;
  return !others.some(
    (one) =>
      one.tier === "admin" &&
      one.priority <= other.priority &&
      one[direction].some(({ verdict }, i) => verdict === "pass" && (one !== other || i < index)),
  );
}

/** Two policies of one tier and priority that say different things of the same traffic: nobody knows which is asked first. */
export function* checkPriorities(subject: Subject): Iterable<Finding> {
  const { policy, cluster } = subject;
  if (policy.kind !== "ClusterNetworkPolicy") return;
  for (const other of cluster.objects.ClusterNetworkPolicy.values()) {
    const isEqual = other.tier === policy.tier && other.priority === policy.priority;
    // Of two that meet the second by name is told.
    if (!isEqual || other.name >= policy.name) continue;
    const theirs = new Set(podsIn(other.subject, subject));
    const pod = podsIn(policy.subject, subject).find((one) => theirs.has(one));
    const rules = pod && findConflict(policy, other, subject);
    if (pod === undefined || rules === undefined) continue;
    const { kind, name } = policyId(other);
    yield finding(
      "warning",
      "same-priority",
      policy,
      ".priority",
      `is ${policy.priority}, as that of ${kind} ${name}: both select pod ${podName(pod)}, and whether ${rules[0]} or that one's ${rules[1]} is asked first, the API leaves open`,
      "give one of the two another priority",
    );
  }
}

/** "ingress[0] (accept)" and "ingress[2] (deny)", which may be about the same traffic. */
function findConflict(
  one: ClusterNetworkPolicy,
  other: ClusterNetworkPolicy,
  subject: Subject,
): readonly [string, string] | undefined {
  for (const direction of DIRECTIONS)
    for (const [i, rule] of one[direction].entries())
      for (const [k, candidate] of other[direction].entries())
        if (rule.verdict !== candidate.verdict && mayMeet(rule, candidate, subject))
          return [`${direction}[${i}] (${rule.verdict})`, `${direction}[${k}] (${candidate.verdict})`];
  return undefined;
}

/** Whether some traffic, as the cluster is now, may match both. */
function mayMeet(one: AnyRule, other: AnyRule, subject: Subject): boolean {
  const peers = meetSome(one.peers, other.peers, (a, b) => peersMeet(a, b, subject) || peersMeet(b, a, subject));
  return peers && meetSome(one.ports, other.ports, portsMeet);
}

function meetSome<T>(
  one: readonly T[] | undefined,
  other: readonly T[] | undefined,
  meets: (a: T, b: T) => boolean,
): boolean {
  if (one === undefined || other === undefined) return (one ?? other)?.length !== 0;
  return one.some((a) => other.some((b) => meets(a, b)));
}

/** What a name stands for differs by pod: it may be any number. */
function portsMeet(a: PolicyPort, b: PolicyPort): boolean {
  if (a.protocol !== b.protocol) return false;
  if (typeof a.port !== "object" || typeof b.port !== "object")
    return a.port === b.port || typeof a.port !== typeof b.port;
  return a.port.from <= b.port.to && b.port.from <= a.port.to;
}

function peersMeet(a: ClusterPolicyPeer, b: ClusterPolicyPeer, { cluster }: Subject): boolean {
  const { objects } = cluster;
  if (a.type === "network" && b.type === "network")
    return reaches(a, b.cidr) && (cidrContains(a.cidr, b.cidr.address) || cidrContains(b.cidr, a.cidr.address));
  if (a.type === "pods")
    return podsIn(a.selection, { cluster }).some((pod) => pod.ips.some((ip) => matchesPeer(b, pod, ip, objects)));
  if (a.type !== "nodes") return false;
  return [...objects.Node.values()].some(
    ({ labels, addresses }) =>
      isSelected(a.nodes, labels) && addresses.some((ip) => matchesPeer(b, undefined, ip, objects)),
  );
}
