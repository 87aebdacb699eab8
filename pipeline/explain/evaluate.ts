import { cidrContains, type Ip } from "#base/address.ts";
import { gatewayAddress } from "../features/nodes.ts";
import { isSelected } from "../model/label-selector.ts";
import type { Objects, Pod } from "../model/model.ts";
import type { Direction, NetworkPolicy, PodSelection, PolicyPeer, PolicyPort } from "../model/policy.ts";
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
  | { readonly type: "allowed"; readonly policy: NetworkPolicy; readonly rule: number }
  /** These isolate the pod, and no rule of them allows it. */
  | { readonly type: "isolated"; readonly policies: readonly NetworkPolicy[] };

/** What the policies of the sender say, and those of the receiver; undefined where it is no pod. */
export interface Evaluation {
  readonly isAllowed: boolean;
  readonly egress: Verdict | undefined;
  readonly ingress: Verdict | undefined;
}

/**
 * What NetworkPolicies mean, from the objects alone: the oracle for the flows, and what `weirctl explain` tells. A node's
 * own packets reach its pods, whatever a policy says.
 */
export function evaluate(objects: Objects, podOf: (ip: Ip) => Pod | undefined, packet: Packet): Evaluation {
  const source = withNetwork(podOf(packet.source));
  const destination = withNetwork(podOf(packet.destination));
  const egress = source && judge(objects, source, destination, packet.destination, "egress", packet);
  const ingress =
    destination === undefined || isFromNodeOf(objects, destination, packet.source)
      ? undefined
      : judge(objects, destination, source, packet.source, "ingress", packet);
  return { isAllowed: egress?.type !== "isolated" && ingress?.type !== "isolated", egress, ingress };
}

/** One on the host's network is the node to all others, and one that has ended has none. */
function withNetwork(pod: Pod | undefined): Pod | undefined {
  return pod === undefined || pod.hostNetwork || pod.completed ? undefined : pod;
}

function isFromNodeOf(objects: Objects, { nodeName }: Pod, source: Ip): boolean {
  const node = objects.Node.get(nodeName ?? "");
  if (node === undefined) return false;
  return node.addresses.includes(source) || node.podCidrs.some((cidr) => gatewayAddress(cidr) === source);
}

function judge(
  objects: Objects,
  subject: Pod,
  peer: Pod | undefined,
  peerAddress: Ip,
  direction: Direction,
  packet: Packet,
): Verdict {
  const isolating = [...objects.NetworkPolicy.values()].filter(
    (policy) => policy[direction] !== undefined && isIn(policy.subject, subject, objects),
  );
  if (isolating.length === 0) return { type: "open" };
  const receiver = direction === "ingress" ? subject : peer;
  for (const policy of isolating)
    for (const [index, rule] of (policy[direction] ?? []).entries()) {
      const isPeer = (one: PolicyPeer) => matchesPeer(one, peer, peerAddress, objects);
      const allows = (port: PolicyPort) =>
        matchesPort(port, receiver, packet) &&
        (rule.peers?.some((one) => isPeer(one) && canName(port, one, direction)) ?? true);
      const isAllowed = rule.ports === undefined ? (rule.peers?.some(isPeer) ?? true) : rule.ports.some(allows);
      if (isAllowed) return { type: "allowed", policy, rule: index };
    }
  return { type: "isolated", policies: isolating };
}

function isIn({ namespaces, pods }: PodSelection, pod: Pod, objects: Objects): boolean {
  if (typeof namespaces === "string") return namespaces === pod.namespace && isSelected(pods, pod.labels);
  // One that is not known yet is only among all of them.
  const namespace = objects.Namespace.get(pod.namespace);
  const isScope =
    namespace === undefined ? namespaces.requirements.length === 0 : isSelected(namespaces, namespace.labels);
  return isScope && isSelected(pods, pod.labels);
}
/** A port's name is a pod's word: a network has none. */
function canName({ port }: PolicyPort, peer: PolicyPeer, direction: Direction): boolean {
  return typeof port !== "string" || direction === "ingress" || peer.type === "pods";
}

function matchesPeer(peer: PolicyPeer, pod: Pod | undefined, address: Ip, objects: Objects): boolean {
  if (peer.type === "pods") return pod !== undefined && isIn(peer.selection, pod, objects);
  return cidrContains(peer.cidr, address) && !peer.except.some((network) => cidrContains(network, address));
}

function matchesPort({ protocol, port }: PolicyPort, receiver: Pod | undefined, packet: Packet): boolean {
  if (protocol !== packet.protocol) return false;
  if (port === undefined) return true;
  const { destinationPort } = packet;
  if (destinationPort === undefined) return false;
  if (typeof port === "string") return receiver?.ports.get(containerPortKey(protocol, port)) === destinationPort;
  return port.from <= destinationPort && destinationPort <= port.to;
}
