import { familyOf, type Ip } from "#base/address.ts";
import { subtractCidrs } from "#base/prefixes.ts";
import { matchesPattern } from "../model/domain.ts";
import { isMet, isSelected, type LabelRequirement, type LabelSelector } from "../model/label-selector.ts";
import type { Labels, Objects, Pod } from "../model/model.ts";
import { NAMESPACE_NAME_LABEL } from "../model/namespace-name.ts";
import {
  type ClusterPolicyPeer,
  type ClusterPolicyRule,
  type Direction,
  type NetworkPolicy,
  type PodSelection,
  type Policy,
  type PolicyPort,
  type PolicyRule,
  policyId,
} from "../model/policy.ts";
import { containerPortKey } from "../model/protocol.ts";
import { type Change, carryOut, type Situation } from "./changes.ts";
import { type Evaluation, evaluate, isDenied, type Verdict } from "./evaluate.ts";
import { canName, isIn, matchesPeer, matchesPort } from "./matching.ts";
import { freeAddress } from "./outside.ts";
import { type RuleInOrder, rulesInOrder } from "./tiers.ts";
import { namespacesOf } from "./words.ts";

/** A rule that does not let a packet pass, and what would have to be otherwise for it to. */
export interface NearMiss {
  readonly policy: Policy;
  readonly direction: Direction;
  readonly rule: number;
  readonly changes: readonly Change[];
  /** How it would be then: the direction allows it, the other one may not. */
  readonly outcome: Evaluation;
}

/** Who is moved or replaced to meet a rule is further from it than who is labelled otherwise. */
const COSTS: Readonly<Record<Change["type"], number>> = {
  port: 2,
  label: 2,
  "namespace-label": 2,
  "port-name": 3,
  namespace: 3,
  address: 3,
};

/**
 * The rules that come nearest to letting pass what a direction denies, the nearest first, at most `limit`: those of the policies
 * that isolate, and those of ClusterNetworkPolicies that accept, or leave it to the next tier. Each has been tried: the changes
 * were made and the evaluator asked again.
 */
export function nearMisses(
  situation: Situation & { readonly objects: Objects },
  direction: Direction,
  limit: number,
): readonly NearMiss[] {
  const { objects, podOf, packet } = situation;
  const evaluation = evaluate(objects, podOf, packet);
  const verdict = evaluation[direction];
  if (verdict?.type !== "isolated" && verdict?.type !== "denied") return [];
  const isolating = verdict.type === "isolated" ? verdict.policies : [];
  const tiers = rulesOfTiers(situation, evaluation, direction);
  const candidates = [
    // Those that open something. Whether one is asked in time shows when it is tried.
    ...tiers.filter(({ rule }) => rule.verdict !== "deny"),
    ...rulesOfPolicies(isolating, direction),
  ].flatMap(({ policy, index, rule }) =>
    waysToMeet(rule, { ...situation, direction, evaluation, tiers })
      .toSorted((a, b) => costOf(a) - costOf(b))
      .map((changes) => ({ policy, direction, rule: index, changes })),
  );
  const found: NearMiss[] = [];
  const met = new Set<string>();
  for (const candidate of candidates.toSorted((a, b) => costOf(a.changes) - costOf(b.changes))) {
    const rule = `${policyIdText(candidate.policy)} ${candidate.rule}`;
    if (found.length === limit) break;
    // A rule that it meets as it is, and that does not decide, is none that it misses.
    if (met.has(rule) || candidate.changes.length === 0) continue;
    const then = carryOut(situation, candidate.changes, direction);
    const outcome = evaluate(then.objects, then.podOf, then.packet);
    if (!letsPass(outcome[direction], candidate)) continue;
    met.add(rule);
    found.push({ ...candidate, outcome });
  }
  return found;
}

interface Candidate {
  readonly policy: Policy;
  readonly index: number;
  readonly rule: PolicyRule | ClusterPolicyRule;
}

function rulesOfPolicies(policies: readonly NetworkPolicy[], direction: Direction): readonly Candidate[] {
  return policies.flatMap((policy) => (policy[direction] ?? []).map((rule, index) => ({ policy, index, rule })));
}

function rulesOfTiers(
  { objects }: Pick<Situation, "objects">,
  { source, destination }: Evaluation,
  direction: Direction,
): readonly RuleInOrder[] {
  const subject = direction === "ingress" ? destination : source;
  if (subject === undefined) return [];
  return [
    ...rulesInOrder(objects, subject, direction, "admin"),
    ...rulesInOrder(objects, subject, direction, "baseline"),
  ];
}

function policyIdText(policy: Policy): string {
  const { kind, name } = policyId(policy);
  return `${kind} ${name}`;
}

/** That it passes then is due to this rule, where several tiers may have had a say. */
function letsPass(verdict: Verdict | undefined, { policy, rule }: Pick<NearMiss, "policy" | "rule">): boolean {
  if (verdict === undefined || isDenied(verdict)) return false;
  if (policy.kind === "NetworkPolicy") return verdict.type === "allowed" || verdict.type === "node";
  const deciders = [...(verdict.type === "accepted" ? [verdict] : []), ...(verdict.passed ?? [])];
  return deciders.some((one) => one.policy === policy && one.rule === rule);
}

function costOf(changes: readonly Change[]): number {
  return changes.reduce((sum, { type }) => sum + COSTS[type], 0);
}

interface Seen extends Situation {
  readonly objects: Objects;
  readonly direction: Direction;
  readonly evaluation: Evaluation;
  /** The rules of ClusterNetworkPolicies that are asked, beside the one to be met. */
  readonly tiers: readonly RuleInOrder[];
}

/** A peer as it would have to be, and the pod that it would be then. */
interface Fitting {
  readonly changes: readonly Change[];
  readonly pod: Pod | undefined;
  readonly peer: ClusterPolicyPeer | undefined;
}

function waysToMeet({ peers, ports }: PolicyRule | ClusterPolicyRule, seen: Seen): readonly (readonly Change[])[] {
  const { direction, evaluation } = seen;
  const other = direction === "ingress" ? evaluation.source : evaluation.destination;
  const asItIs: Fitting = { changes: [], pod: other, peer: undefined };
  const fitting = peers === undefined ? [asItIs] : peers.flatMap((peer) => waysToBe(peer, other, seen));
  if (ports === undefined) return fitting.map(({ changes }) => changes);
  return fitting.flatMap(({ changes, pod, peer }) => {
    const receiver = direction === "ingress" ? evaluation.destination : pod;
    return ports
      .filter((port) => peer === undefined || canName(port, peer, direction))
      .flatMap((port) => waysToHit(port, receiver, seen))
      .map((more) => [...changes, ...more]);
  });
}

function waysToBe(peer: ClusterPolicyPeer, other: Pod | undefined, seen: Seen): readonly Fitting[] {
  const { direction, objects, packet } = seen;
  const address = direction === "ingress" ? packet.source : packet.destination;
  if (matchesPeer(peer, other, address, objects)) return [{ changes: [], pod: other, peer }];
  if (peer.type === "network") return waysToComeFrom(peer, address, seen);
  if (peer.type === "nodes") return waysToBeNode(peer, address, seen);
  if (peer.type === "domain") return waysToBeNamed(peer, address, seen);
  if (other !== undefined)
    return waysToBeIn(peer.selection, other, objects).map((changes) => ({ changes, pod: other, peer }));
  const pod = podIn(peer.selection, address, seen);
  const ip = pod?.ips.find((one) => familyOf(one) === familyOf(address));
  return pod === undefined || ip === undefined ? [] : [{ changes: [{ type: "address", ip, of: pod }], pod, peer }];
}

/** Some pod but the one that is asked, held by a selection, with an address of the family. */
function podIn(selection: PodSelection, address: Ip, { objects, podOf, direction, evaluation }: Seen): Pod | undefined {
  const subject = direction === "ingress" ? evaluation.destination : evaluation.source;
  return [...objects.Pod.values()].find(
    (pod) =>
      pod !== subject &&
      isIn(selection, pod, objects) &&
      pod.ips.some((ip) => familyOf(ip) === familyOf(address) && podOf(ip) === pod),
  );
}

/** The address of one of the nodes. */
function waysToBeNode(
  peer: ClusterPolicyPeer & { readonly type: "nodes" },
  address: Ip,
  { objects }: Seen,
): readonly Fitting[] {
  const nodes = [...objects.Node.values()].filter(({ labels }) => isSelected(peer.nodes, labels));
  const ip = nodes.flatMap(({ addresses }) => addresses).find((one) => familyOf(one) === familyOf(address));
  return ip === undefined ? [] : [{ changes: [{ type: "address", ip, of: peer }], pod: undefined, peer }];
}

/** An address that a name is known to have. */
function waysToBeNamed(
  peer: ClusterPolicyPeer & { readonly type: "domain" },
  address: Ip,
  { objects }: Seen,
): readonly Fitting[] {
  const named = [...objects.Domain.values()].filter(({ name }) => matchesPattern(peer.pattern, name));
  const ip = named.flatMap(({ addresses }) => addresses).find((one) => familyOf(one) === familyOf(address));
  return ip === undefined ? [] : [{ changes: [{ type: "address", ip, of: peer }], pod: undefined, peer }];
}

/** An address in the network that belongs to no pod. */
function waysToComeFrom(
  peer: ClusterPolicyPeer & { readonly type: "network" },
  address: Ip,
  { podOf }: Seen,
): readonly Fitting[] {
  if (familyOf(peer.cidr.address) !== familyOf(address)) return [];
  const free = subtractCidrs(peer.cidr, peer.except).flatMap((part) => {
    const ip = freeAddress(part, (one) => podOf(one) !== undefined);
    return ip === undefined ? [] : [ip];
  });
  return free.slice(0, 1).map((ip) => ({ changes: [{ type: "address", ip, of: peer }], pod: undefined, peer }));
}

function waysToBeIn({ namespaces, pods }: PodSelection, pod: Pod, objects: Objects): readonly (readonly Change[])[] {
  const labels = labelsToMeet(pods, pod.labels);
  if (labels === undefined) return [];
  const ofPod = labels.map(([label, value]): Change => ({ type: "label", pod, label, value }));
  return waysIntoNamespace(namespaces, pod, objects).map((changes) => [...ofPod, ...changes]);
}

function waysIntoNamespace(
  namespaces: PodSelection["namespaces"],
  pod: Pod,
  objects: Objects,
): readonly (readonly Change[])[] {
  const move = (namespace: string): Change => ({ type: "namespace", pod, namespace });
  if (typeof namespaces === "string") return namespaces === pod.namespace ? [[]] : [[move(namespaces)]];
  const before: Labels =
    objects.Namespace.get(pod.namespace)?.labels ?? new Map([[NAMESPACE_NAME_LABEL, pod.namespace]]);
  const labels = labelsToMeet(namespaces, before);
  // A namespace's name cannot be another: who is to be in one of that name has to move there.
  const isName = labels?.some(([label]) => label === NAMESPACE_NAME_LABEL) ?? true;
  const { namespace } = pod;
  const labelled = isName
    ? []
    : [labels!.map(([label, value]): Change => ({ type: "namespace-label", namespace, before, label, value }))];
  const others = namespacesOf(objects).find(
    (name) => name !== pod.namespace && isIn({ key: "", namespaces, pods: ANY }, { ...pod, namespace: name }, objects),
  );
  return others === undefined ? labelled : [...labelled, [move(others)]];
}

const ANY: LabelSelector = { text: "", requirements: [] };

type LabelChange = readonly [label: string, value: string | undefined];

/** The fewest labels to set or take away; undefined when nothing meets the selector. */
function labelsToMeet({ requirements }: LabelSelector, labels: Labels): readonly LabelChange[] | undefined {
  const changes: LabelChange[] = [];
  for (const key of new Set(requirements.map((one) => one.key))) {
    const own = requirements.filter((one) => one.key === key);
    const before = labels.get(key);
    const candidates = [
      before,
      ...own.flatMap(({ operator, values }) => (operator === "In" ? values : [])),
      ...FILLERS,
    ];
    const meets = (value: string | undefined) => own.every((one: LabelRequirement) => isMet(one, value));
    const found = candidates.findIndex(meets);
    if (found < 0) return undefined;
    if (candidates[found] !== before) changes.push([key, candidates[found]]);
  }
  return changes;
}

/** What a label may be where no value is asked for: absent, or anything. */
const FILLERS = [undefined, "true", "any-other-value"];

function waysToHit(port: PolicyPort, receiver: Pod | undefined, seen: Seen): readonly (readonly Change[])[] {
  const { packet, tiers } = seen;
  if (matchesPort(port, receiver, packet)) return [[]];
  const { protocol, port: which } = port;
  const { destinationPort } = packet;
  if (which === undefined) return [[{ type: "port", protocol, port: destinationPort }]];
  if (typeof which === "object") {
    // Others may decide about the first port of a range, and not about one behind it.
    const inside = portsAround(tiers, protocol, receiver).filter((one) => which.from < one && one <= which.to);
    return [which.from, ...new Set(inside)].map((one) => [{ type: "port", protocol, port: one }]);
  }
  const number = receiver?.ports.get(containerPortKey(protocol, which));
  if (number !== undefined) return [[{ type: "port", protocol, port: number }]];
  if (receiver === undefined || protocol !== packet.protocol || destinationPort === undefined) return [];
  return [[{ type: "port-name", pod: receiver, protocol, port: destinationPort, name: which }]];
}

/** Where rules begin to tell ports apart: the first port of each of theirs, and the one behind it. */
function portsAround(
  rules: readonly Pick<RuleInOrder, "rule">[],
  protocol: number,
  receiver: Pod | undefined,
): readonly number[] {
  return rules
    .flatMap(({ rule }) => rule.ports ?? [])
    .filter((one) => one.protocol === protocol)
    .flatMap(({ port }) => {
      if (typeof port === "object") return [port.from, port.to + 1];
      const number = port === undefined ? undefined : receiver?.ports.get(containerPortKey(protocol, port));
      return number === undefined ? [] : [number, number + 1];
    });
}
