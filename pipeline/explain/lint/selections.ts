import { formatCidr } from "#base/address.ts";
import { isSelected } from "../../model/label-selector.ts";
import type { Pod } from "../../model/model.ts";
import type { ClusterPolicyPeer, NetworkPolicy, PodSelection, Policy } from "../../model/policy.ts";
import { hasNetwork } from "../cluster.ts";
import { isIn } from "../matching.ts";
import { describePeer } from "../words.ts";
import { reaches } from "./coverage.ts";
import { type Finding, finding, peersOf, placesOf, type Severity, type Subject } from "./finding.ts";

/** The pods with a network of their own that a selection holds. */
export function podsIn(selection: PodSelection, { cluster }: Pick<Subject, "cluster">): readonly Pod[] {
  return [...cluster.objects.Pod.values()].filter((pod) => hasNetwork(pod) && isIn(selection, pod, cluster.objects));
}

/** A selector that holds no pod: of the policy itself, and of its peers. */
export function* checkSelections(subject: Subject): Iterable<Finding> {
  const { policy } = subject;
  if (podsIn(policy.subject, subject).length === 0)
    yield finding(
      "warning",
      "selects-nothing",
      policy,
      policy.kind === "NetworkPolicy" ? ".podSelector" : ".subject",
      `selects no pod: ${describePeer({ type: "pods", selection: policy.subject })} are not there`,
      "compare it with the pods' labels; a policy without pods does nothing",
    );
  for (const placed of placesOf(subject))
    for (const { peer, field } of peersOf(placed)) {
      const nobody = selectsNobody(peer, subject);
      if (nobody !== undefined)
        yield finding(
          "warning",
          "peer-selects-nothing",
          policy,
          field,
          `selects no ${nobody}: ${describePeer(peer)} are not there`,
          nobody === "pod"
            ? "compare it with the labels of the pods and of their namespaces"
            : "compare it with the nodes' labels",
        );
    }
}

function selectsNobody(peer: ClusterPolicyPeer, { cluster }: Subject): "pod" | "node" | undefined {
  if (peer.type === "pods") return podsIn(peer.selection, { cluster }).length === 0 ? "pod" : undefined;
  if (peer.type !== "nodes") return undefined;
  const nodes = [...cluster.objects.Node.values()];
  return nodes.some(({ labels }) => isSelected(peer.nodes, labels)) ? undefined : "node";
}

/**
 * `- namespaceSelector: ...` and `- podSelector: ...` as two items are two peers: every pod of those namespaces, and pods
 * of the policy's own. Who writes them one after another mostly means the pods of both.
 */
export function* checkSelectorLists(subject: Subject<NetworkPolicy>): Iterable<Finding> {
  const { policy, spec } = subject;
  for (const placed of placesOf(subject)) {
    const written = writtenPeers(spec, placed.direction, placed.index);
    const peers = [...peersOf(placed)];
    const only = (field: string, other: string) => (peer: unknown) => hasField(peer, field) && !hasField(peer, other);
    const namespaces = written.findIndex(only("namespaceSelector", "podSelector"));
    const pods = written.findIndex(only("podSelector", "namespaceSelector"));
    const [first, second] = [peers[namespaces], peers[pods]];
    if (first === undefined || second === undefined || Math.abs(namespaces - pods) !== 1) continue;
    yield finding(
      "warning",
      "ambiguous-selector-list",
      policy,
      first.field,
      `and ${second.field.slice(second.field.lastIndexOf(".") + 1)} are two peers: ${describePeer(first.peer)}, and ${describePeer(second.peer)}`,
      "if the pods of those namespaces are meant, write both selectors in one item; if both are, put another peer in between or write podSelector: {} beside the namespaceSelector",
    );
  }
}

function writtenPeers(spec: Subject["spec"], direction: "ingress" | "egress", index: number): readonly unknown[] {
  const rules = spec[direction];
  const rule: unknown = Array.isArray(rules) ? rules[index] : undefined;
  const peers: unknown = Reflect.get(Object(rule), direction === "ingress" ? "from" : "to");
  return Array.isArray(peers) ? peers : [];
}

function hasField(value: unknown, field: string): boolean {
  return (Reflect.get(Object(value), field) ?? undefined) !== undefined;
}

/** An ipBlock for pods: they are meant by labels, for their addresses change. */
export function* checkNetworks(subject: Subject): Iterable<Finding> {
  const { policy, cluster } = subject;
  const podNetworks = [...cluster.objects.Node.values()].flatMap(({ podCidrs }) => podCidrs);
  for (const placed of placesOf(subject))
    for (const { peer, field } of peersOf(placed)) {
      if (peer.type !== "network") continue;
      const held = podNetworks.filter((network) => reaches(peer, network));
      const [first] = held;
      if (first === undefined) continue;
      const others = held.length === 1 ? "" : ` and ${held.length - 1} more`;
      const [severity, place, remedy] = HOLDING[policy.kind];
      yield finding(
        ...([severity, "network-holds-pods", policy, `${field}${place}`] as const),
        `${describePeer(peer)} contains addresses of pods: ${formatCidr(first)}${others}`,
        remedy,
      );
    }
}

/** The API of ClusterNetworkPolicies has no except, and a rule for every address is what many of them end with. */
const HOLDING = {
  NetworkPolicy: ["warning", ".ipBlock", "put pod networks into except, and say with selectors which pods are meant"],
  ClusterNetworkPolicy: ["info", "", "let a rule before it accept or pass pods, unless they are meant too"],
} as const satisfies Record<Policy["kind"], readonly [Severity, string, string]>;
