import { cidrContains, type Ip } from "#base/address.ts";
import { gatewayAddress } from "../features/nodes.ts";
import { isSelected } from "../model/label-selector.ts";
import type { Objects, Pod } from "../model/model.ts";
import type { Direction, NetworkPolicy, PodSelection, PolicyPeer, PolicyPort, PolicyRule } from "../model/policy.ts";
import { containerPortKey } from "../model/protocol.ts";

/** The first packet of a connection, or one of a protocol without ports. */
export interface Packet {
  readonly source: Ip;
  readonly destination: Ip;
  readonly protocol: number;
  readonly destinationPort: number | undefined;
}

/** What the policies of one pod say of a packet, and why. */
export type Verdict =
  /** No policy isolates the pod in this direction. */
  | { readonly type: "open" }
  /** It is the pod's own: it never leaves the pod. */
  | { readonly type: "own" }
  /** It comes from the node that the pod runs on. */
  | { readonly type: "node" }
  | Allowed
  /** These isolate the pod, and no rule of them allows it. */
  | { readonly type: "isolated"; readonly policies: readonly NetworkPolicy[] };

export interface Allowed extends RuleMatch {
  readonly type: "allowed";
  readonly policy: NetworkPolicy;
  /** Its place in the policy's list of the direction. */
  readonly rule: number;
}

/** What of a rule matched; undefined where the rule asks for nothing. */
export interface RuleMatch {
  readonly peer: PolicyPeer | undefined;
  readonly port: PolicyPort | undefined;
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
export type Judged = Pick<Objects, "Node" | "Namespace" | "NetworkPolicy">;

/** Whose address it is. */
export type PodOf = (ip: Ip) => Pod | undefined;

/**
 * What NetworkPolicies mean, from the objects alone: the oracle for the flows, and what `weirctl explain` tells. A node's
 * own packets reach its pods, whatever a policy says.
 */
export function evaluate(objects: Judged, podOf: PodOf, packet: Packet): Evaluation {
  return createEvaluator(objects, podOf)(packet);
}

/** The same for many packets over objects that stay as they are: which policies select a pod is found once. */
export function createEvaluator(objects: Judged, podOf: PodOf): (packet: Packet) => Evaluation {
  const known = { ingress: new Map<Pod, readonly NetworkPolicy[]>(), egress: new Map<Pod, readonly NetworkPolicy[]>() };
  const isolating = (pod: Pod, direction: Direction): readonly NetworkPolicy[] => {
    const found = known[direction].get(pod) ?? policiesIsolating(objects, pod, direction);
    known[direction].set(pod, found);
    return found;
  };
  return (packet) => {
    const source = withNetwork(podOf(packet.source));
    const destination = withNetwork(podOf(packet.destination));
    if (source !== undefined && source === destination)
      return { isAllowed: true, source, destination, egress: { type: "own" }, ingress: { type: "own" } };
    const judgeAs = (subject: Pod, direction: Direction): Verdict =>
      judge(objects, isolating(subject, direction), { direction, packet, source, destination });
    const egress = source && judgeAs(source, "egress");
    const isFromNode = destination !== undefined && isFromNodeOf(objects, destination, packet.source);
    const ingress = isFromNode ? NODE : destination && judgeAs(destination, "ingress");
    const isAllowed = egress?.type !== "isolated" && ingress?.type !== "isolated";
    return { isAllowed, source, destination, egress, ingress };
  };
}

const NODE: Verdict = { type: "node" };
const OPEN: Verdict = { type: "open" };

/** One on the host's network is the node to all others, and one that has ended has none. */
function withNetwork(pod: Pod | undefined): Pod | undefined {
  return pod === undefined || pod.hostNetwork || pod.completed ? undefined : pod;
}

function isFromNodeOf(objects: Judged, { nodeName }: Pod, source: Ip): boolean {
  const node = objects.Node.get(nodeName ?? "");
  if (node === undefined) return false;
  return node.addresses.includes(source) || node.podCidrs.some((cidr) => gatewayAddress(cidr) === source);
}

function policiesIsolating(objects: Judged, pod: Pod, direction: Direction): readonly NetworkPolicy[] {
  return [...objects.NetworkPolicy.values()].filter(
    (policy) => policy[direction] !== undefined && isIn(policy.subject, pod, objects),
  );
}

/** A packet as the policies of one end see it. */
interface Seen {
  readonly direction: Direction;
  readonly packet: Packet;
  readonly source: Pod | undefined;
  readonly destination: Pod | undefined;
}

function judge(objects: Judged, isolating: readonly NetworkPolicy[], seen: Seen): Verdict {
  if (isolating.length === 0) return OPEN;
  for (const policy of isolating)
    for (const [index, rule] of (policy[seen.direction] ?? []).entries()) {
      const match = matchRule(objects, rule, seen);
      if (match !== undefined) return { type: "allowed", policy, rule: index, ...match };
    }
  return { type: "isolated", policies: isolating };
}

function matchRule(objects: Judged, { peers, ports }: PolicyRule, seen: Seen): RuleMatch | undefined {
  const { direction, packet, source, destination } = seen;
  const [other, address] = direction === "ingress" ? [source, packet.source] : [destination, packet.destination];
  const isPeer = (peer: PolicyPeer) => matchesPeer(peer, other, address, objects);
  if (ports === undefined) return matchPeers(peers, isPeer, undefined);
  for (const port of ports) {
    if (!matchesPort(port, destination, packet)) continue;
    const match = matchPeers(peers, (peer) => canName(port, peer, direction) && isPeer(peer), port);
    if (match !== undefined) return match;
  }
  return undefined;
}

function matchPeers(
  peers: PolicyRule["peers"],
  isPeer: (peer: PolicyPeer) => boolean,
  port: PolicyPort | undefined,
): RuleMatch | undefined {
  if (peers === undefined) return { peer: undefined, port };
  const peer = peers.find(isPeer);
  return peer && { peer, port };
}

export function isIn({ namespaces, pods }: PodSelection, pod: Pod, objects: Judged): boolean {
  if (typeof namespaces === "string") return namespaces === pod.namespace && isSelected(pods, pod.labels);
  // One that is not known yet is only among all of them.
  const namespace = objects.Namespace.get(pod.namespace);
  const isScope =
    namespace === undefined ? namespaces.requirements.length === 0 : isSelected(namespaces, namespace.labels);
  return isScope && isSelected(pods, pod.labels);
}

/** A port's name is a pod's word: a network has none. */
export function canName({ port }: PolicyPort, peer: PolicyPeer, direction: Direction): boolean {
  return typeof port !== "string" || direction === "ingress" || peer.type === "pods";
}

export function matchesPeer(peer: PolicyPeer, pod: Pod | undefined, address: Ip, objects: Judged): boolean {
  if (peer.type === "pods") return pod !== undefined && isIn(peer.selection, pod, objects);
  return cidrContains(peer.cidr, address) && !peer.except.some((network) => cidrContains(network, address));
}

export function matchesPort(
  { protocol, port }: PolicyPort,
  receiver: Pod | undefined,
  packet: Pick<Packet, "protocol" | "destinationPort">,
): boolean {
  if (protocol !== packet.protocol) return false;
  if (port === undefined) return true;
  const { destinationPort } = packet;
  if (destinationPort === undefined) return false;
  if (typeof port === "string") return receiver?.ports.get(containerPortKey(protocol, port)) === destinationPort;
  return port.from <= destinationPort && destinationPort <= port.to;
}
