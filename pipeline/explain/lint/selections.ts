import { formatCidr } from "#base/address.ts";
import type { Pod } from "../../model/model.ts";
import type { PodSelection } from "../../model/policy.ts";
import { hasNetwork } from "../cluster.ts";
import { isIn } from "../matching.ts";
import { describePeer } from "../words.ts";
import { reaches } from "./coverage.ts";
import { type Finding, finding, peersOf, rulesOf, type Subject } from "./finding.ts";

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
      ".podSelector",
      `selects no pod: ${describePeer({ type: "pods", selection: policy.subject })} are not there`,
      "compare it with the pods' labels; a policy without pods does nothing",
    );
  for (const placed of rulesOf(policy))
    for (const { peer, field } of peersOf(placed))
      if (peer.type === "pods" && podsIn(peer.selection, subject).length === 0)
        yield finding(
          "warning",
          "peer-selects-nothing",
          policy,
          field,
          `selects no pod: ${describePeer(peer)} are not there`,
          "compare it with the labels of the pods and of their namespaces",
        );
}

/**
 * `- namespaceSelector: ...` and `- podSelector: ...` as two items are two peers: every pod of those namespaces, and pods
 * of the policy's own. Who writes them one after another mostly means the pods of both.
 */
export function* checkSelectorLists({ policy, spec }: Subject): Iterable<Finding> {
  for (const placed of rulesOf(policy)) {
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
export function* checkNetworks({ policy, cluster }: Subject): Iterable<Finding> {
  const podNetworks = [...cluster.objects.Node.values()].flatMap(({ podCidrs }) => podCidrs);
  for (const placed of rulesOf(policy))
    for (const { peer, field } of peersOf(placed)) {
      if (peer.type !== "network") continue;
      const held = podNetworks.filter((network) => reaches(peer, network));
      const [first] = held;
      if (first === undefined) continue;
      const others = held.length === 1 ? "" : ` and ${held.length - 1} more`;
      yield finding(
        "warning",
        "network-holds-pods",
        policy,
        `${field}.ipBlock`,
        `${describePeer(peer)} contains addresses of pods: ${formatCidr(first)}${others}`,
        `put pod networks into except, and say with selectors which pods are meant`,
      );
    }
}
