import type { Ip } from "#base/address.ts";
import { gatewayAddress } from "../features/nodes.ts";
import type { Objects, Pod } from "../model/model.ts";
import type { Direction, NetworkPolicy, Policy, PolicyPeer } from "../model/policy.ts";
import { countsIn } from "../model/policy-extras.ts";
import { isIn, matchRule, type RuleMatch, type Seen } from "./matching.ts";
import { type ClusterDecision, decideTier, policiesUnclear, type RuleInOrder, rulesInOrder } from "./tiers.ts";

/** The first packet of a connection, or one of a protocol without ports. */
export interface Packet {
  readonly source: Ip;
  readonly destination: Ip;
  readonly protocol: number;
  readonly destinationPort: number | undefined;
  /** A service has led it back to the pod that sent it: otherwise what a pod sends to itself never leaves the pod. */
  readonly isHairpin?: boolean;
}

/** What the policies of one pod say of a packet, and why. */
export type Verdict = Decided & {
  /** The rules that left it to the next tier. */
  readonly passed?: readonly ClusterDecision[];
};

type Decided =
  /** No policy has a say, or what has one has left it to nobody else. */
  | { readonly type: "open" }
  /** It is the pod's own: it never leaves the pod. */
  | { readonly type: "own" }
  /** It is the pod's own by way of a service: NetworkPolicies isolate the pod, but not from itself. */
  | { readonly type: "hairpin" }
  /** It comes from the node that the pod runs on. */
  | { readonly type: "node" }
  | Allowed
  /** These isolate the pod, and no rule of them allows it. */
  | { readonly type: "isolated"; readonly policies: readonly NetworkPolicy[] }
  /** A rule of a ClusterNetworkPolicy has decided. */
  | (ClusterDecision & { readonly type: "accepted" | "denied" })
  /** Nobody can say whether these select the pod, for its namespace is not known: so nothing passes. */
  | { readonly type: "unclear"; readonly policies: readonly Policy[] };

/** By a rule of a NetworkPolicy. */
export interface Allowed extends RuleMatch<PolicyPeer> {
  readonly type: "allowed";
  readonly policy: NetworkPolicy;
  /** Its place in the policy's list of the direction. */
  readonly rule: number;
}

export function isDenied(verdict: Verdict | undefined): boolean {
  return verdict?.type === "isolated" || verdict?.type === "denied" || verdict?.type === "unclear";
}

/** What the policies of the sender say, and those of the receiver; undefined where it is no pod with a network of its own. */
export interface Evaluation {
  readonly isAllowed: boolean;
  readonly source: Pod | undefined;
  readonly destination: Pod | undefined;
  readonly egress: Verdict | undefined;
  readonly ingress: Verdict | undefined;
}

/** What the meaning of policies depends on, beside whose an address is. */
export type Judged = Pick<Objects, "Node" | "Namespace" | "NetworkPolicy" | "ClusterNetworkPolicy" | "Domain">;

/** Whose address it is. */
export type PodOf = (ip: Ip) => Pod | undefined;

/**
 * What policies mean, from the objects alone: the oracle for the flows, and what `weirctl explain` tells. A node's
 * own packets reach its pods, whatever a policy says. What a service leads back to its sender has left the pod, so
 * ClusterNetworkPolicies are asked about it (network-policy-api, API overview); NetworkPolicies do not isolate a pod from itself.
 * Staged policies have no say: of what would be, were staging over, see staged-world.ts.
 */
export function evaluate(objects: Judged, podOf: PodOf, packet: Packet): Evaluation {
  return createEvaluator(objects, podOf)(packet);
}

/** The same for many packets over objects that stay as they are: which policies select a pod is found once. */
export function createEvaluator(objects: Judged, podOf: PodOf): (packet: Packet) => Evaluation {
  const known = { ingress: new Map<Pod, Applying>(), egress: new Map<Pod, Applying>() };
  const applying = (pod: Pod, direction: Direction): Applying => {
    const found = known[direction].get(pod) ?? policiesApplying(objects, pod, direction);
    known[direction].set(pod, found);
    return found;
  };
  return (packet) => {
    const source = withNetwork(podOf(packet.source));
    const destination = withNetwork(podOf(packet.destination));
    if (source !== undefined && source === destination && packet.isHairpin !== true)
      return { isAllowed: true, source, destination, egress: { type: "own" }, ingress: { type: "own" } };
    const judgeAs = (subject: Pod, direction: Direction): Verdict =>
      judge(applying(subject, direction), { objects, direction, packet, source, destination });
    const egress = source && judgeAs(source, "egress");
    const isFromNode = destination !== undefined && isFromNodeOf(objects, destination, packet.source);
    const ingress = isFromNode ? NODE : destination && judgeAs(destination, "ingress");
    const isAllowed = !isDenied(egress) && !isDenied(ingress);
    return { isAllowed, source, destination, egress, ingress };
  };
}

const NODE: Verdict = { type: "node" };

/** One on the host's network is the node to all others, and one that has ended has none. */
function withNetwork(pod: Pod | undefined): Pod | undefined {
  return pod === undefined || pod.hostNetwork || pod.completed ? undefined : pod;
}

function isFromNodeOf(objects: Judged, { nodeName }: Pod, source: Ip): boolean {
  const node = objects.Node.get(nodeName ?? "");
  if (node === undefined) return false;
  return node.addresses.includes(source) || node.podCidrs.some((cidr) => gatewayAddress(cidr) === source);
}

/** The policies that select a pod and speak of a direction. */
interface Applying {
  readonly unclear: readonly Policy[];
  readonly admin: readonly RuleInOrder[];
  readonly isolating: readonly NetworkPolicy[];
  readonly baseline: readonly RuleInOrder[];
}

function policiesApplying(objects: Judged, pod: Pod, direction: Direction): Applying {
  return {
    unclear: policiesUnclear(objects, pod, direction),
    admin: rulesInOrder(objects, pod, direction, "admin"),
    isolating: [...objects.NetworkPolicy.values()].filter(
      (policy) => policy[direction] !== undefined && countsIn("enforced", policy) && isIn(policy.subject, pod, objects),
    ),
    baseline: rulesInOrder(objects, pod, direction, "baseline"),
  };
}

function judge({ unclear, admin, isolating, baseline }: Applying, seen: Seen): Verdict {
  if (unclear.length > 0) return { type: "unclear", policies: unclear };
  const first = decideTier(admin, seen);
  if (first !== undefined && first.type !== "passed") return first;
  const passed = first === undefined ? [] : [first.decision];
  const because = passed.length === 0 ? {} : { passed };
  if (isolating.length > 0) return { ...judgeIsolated(isolating, seen), ...because };
  const last = decideTier(baseline, seen);
  if (last !== undefined && last.type !== "passed") return { ...last, ...because };
  if (last !== undefined) return { type: "open", passed: [...passed, last.decision] };
  return { type: "open", ...because };
}

function judgeIsolated(isolating: readonly NetworkPolicy[], seen: Seen): Verdict {
  for (const policy of isolating)
    for (const [index, rule] of (policy[seen.direction] ?? []).entries()) {
      const match = matchRule(rule, seen);
      if (match !== undefined) return { type: "allowed", policy, rule: index, ...match };
    }
  // Only a hairpin comes so far.
  if (seen.source === seen.destination) return { type: "hairpin" };
  return { type: "isolated", policies: isolating };
}
