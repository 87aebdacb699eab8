import { cidrContains, type Ip } from "#base/address.ts";
import { matchesPattern } from "../model/domain.ts";
import { isSelected, type LabelRequirement } from "../model/label-selector.ts";
import type { Pod } from "../model/model.ts";
import { NAMESPACE_NAME_LABEL } from "../model/namespace-name.ts";
import type { ClusterPolicyPeer, Direction, PodSelection, PolicyPort } from "../model/policy.ts";
import { containerPortKey } from "../model/protocol.ts";
import type { Judged, Packet } from "./evaluate.ts";

/** A packet as the policies of one end see it. */
export interface Seen {
  readonly objects: Judged;
  readonly direction: Direction;
  readonly packet: Packet;
  readonly source: Pod | undefined;
  readonly destination: Pod | undefined;
}

/** What of a rule matched; undefined where the rule asks for nothing. */
export interface RuleMatch<Peer = ClusterPolicyPeer> {
  readonly peer: Peer | undefined;
  readonly port: PolicyPort | undefined;
}

interface AnyRule<Peer> {
  readonly peers: readonly Peer[] | undefined;
  readonly ports: readonly PolicyPort[] | undefined;
}

export function matchRule<Peer extends ClusterPolicyPeer>(
  { peers, ports }: AnyRule<Peer>,
  { objects, direction, packet, source, destination }: Seen,
): RuleMatch<Peer> | undefined {
  const [other, address] = direction === "ingress" ? [source, packet.source] : [destination, packet.destination];
  const isPeer = (peer: Peer) => matchesPeer(peer, other, address, objects);
  if (ports === undefined) return matchPeers(peers, isPeer, undefined);
  for (const port of ports) {
    if (!matchesPort(port, destination, packet)) continue;
    const match = matchPeers(peers, (peer) => canName(port, peer, direction) && isPeer(peer), port);
    if (match !== undefined) return match;
  }
  return undefined;
}

function matchPeers<Peer>(
  peers: readonly Peer[] | undefined,
  isPeer: (peer: Peer) => boolean,
  port: PolicyPort | undefined,
): RuleMatch<Peer> | undefined {
  if (peers === undefined) return { peer: undefined, port };
  const peer = peers.find(isPeer);
  return peer && { peer, port };
}

export function isIn({ namespaces, pods }: PodSelection, pod: Pod, objects: Judged): boolean {
  if (typeof namespaces === "string") return namespaces === pod.namespace && isSelected(pods, pod.labels);
  const labels = objects.Namespace.get(pod.namespace)?.labels ?? new Map([[NAMESPACE_NAME_LABEL, pod.namespace]]);
  // Of one that is not known yet the name is, and nothing else.
  const isAnswered = objects.Namespace.has(pod.namespace) || namespaces.requirements.every(isAboutName);
  return isAnswered && isSelected(namespaces, labels) && isSelected(pods, pod.labels);
}

function isAboutName({ key }: LabelRequirement): boolean {
  return key === NAMESPACE_NAME_LABEL;
}

/** A port's name is a pod's word: a network has none. */
export function canName({ port }: PolicyPort, peer: ClusterPolicyPeer, direction: Direction): boolean {
  return typeof port !== "string" || direction === "ingress" || peer.type === "pods";
}

export function matchesPeer(peer: ClusterPolicyPeer, pod: Pod | undefined, address: Ip, objects: Judged): boolean {
  switch (peer.type) {
    case "pods":
      return pod !== undefined && isIn(peer.selection, pod, objects);
    case "network":
      return cidrContains(peer.cidr, address) && !peer.except.some((network) => cidrContains(network, address));
    case "domain":
      return isOfDomain(peer.pattern, address, objects);
    case "nodes":
      return [...objects.Node.values()].some(
        ({ labels, addresses, externalAddresses }) =>
          isSelected(peer.nodes, labels) && [...addresses, ...externalAddresses].includes(address),
      );
  }
}

/** As far as this node has been told. */
function isOfDomain(pattern: string, address: Ip, { Domain: domains }: Judged): boolean {
  if (!pattern.startsWith("*.")) return domains.get(pattern)?.addresses.includes(address) ?? false;
  return [...domains.values()].some(
    ({ name, addresses }) => addresses.includes(address) && matchesPattern(pattern, name),
  );
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
