import type { Pod } from "../../model/model.ts";
import { EVERY_POD, type NetworkPolicy, type PolicyPort } from "../../model/policy.ts";
import { containerPortKey, PROTOCOLS } from "../../model/protocol.ts";
import { matchesPort } from "../matching.ts";
import { rulesInOrder } from "../tiers.ts";
import { describePort, podName } from "../words.ts";
import {
  type AnyRule,
  type Finding,
  finding,
  type Placed,
  peersOf,
  placesOf,
  portsOf,
  type Subject,
} from "./finding.ts";
import { podsIn } from "./selections.ts";

/** A port's name that no receiver has, and one beside a network, which has none. */
export function* checkPortNames(subject: Subject): Iterable<Finding> {
  for (const placed of placesOf(subject)) {
    const named = [...portsOf(placed)].filter(({ port }) => typeof port.port === "string");
    for (const [field, ports] of Map.groupBy(named, (one) => one.field)) {
      const all = ports.map(({ port }) => port);
      yield* checkName(subject, placed, all, field);
      if (placed.direction === "ingress") continue;
      for (const { peer, field: peerField } of peersOf(placed))
        if (peer.type === "network")
          yield finding(
            "error",
            "port-name-of-network",
            subject.policy,
            field,
            `is the name ${all[0]?.port}, which the ipBlock in ${peerField.slice(1)} does not have: nothing is allowed there`,
            "write the port's number for networks",
          );
    }
  }
}

/** In a ClusterNetworkPolicy a name is of any protocol, and it is enough if one has it. */
function* checkName(subject: Subject, placed: Placed, ports: readonly PolicyPort[], field: string): Iterable<Finding> {
  const receivers = receiversOf(subject, placed);
  const keys = ports.map(({ protocol, port }) => containerPortKey(protocol, String(port)));
  // Without any receiver the selector is what is wrong, and told.
  if (receivers.length === 0 || receivers.some((pod) => keys.some((key) => pod.ports.has(key)))) return;
  const names = new Set(receivers.flatMap((pod) => [...pod.ports.keys()]));
  const known = names.size === 0 ? "they name none" : `they have ${[...names].sort().join(", ")}`;
  const [first] = ports;
  const name = ports.length === 1 ? describePort(first!) : String(first?.port);
  yield finding(
    "warning",
    "unknown-port-name",
    subject.policy,
    field,
    `is the name ${name}, which none of the ${receivers.length} pods that receive here gives a port; ${known}`,
    "name the container's port so, or write its number",
  );
}

function receiversOf(subject: Subject, { direction, rule }: Placed): readonly Pod[] {
  if (direction === "ingress") return podsIn(subject.policy.subject, subject);
  if (rule.peers === undefined) return podsIn(EVERY_POD, subject);
  return rule.peers.flatMap((peer) => (peer.type === "pods" ? podsIn(peer.selection, subject) : []));
}

const DNS = 53;

/**
 * Pods that may send something, but cannot ask for names. All policies that select a pod are asked together, and what the tier
 * before them accepts counts.
 */
export function* checkDns(subject: Subject<NetworkPolicy>): Iterable<Finding> {
  const { policy, cluster, policiesOf } = subject;
  if ((policy.egress ?? []).length === 0) return;
  const pods = podsIn(policy.subject, subject);
  const lacking = (rules: readonly AnyRule[]) =>
    (["UDP", "TCP"] as const).filter((name) => !rules.some((one) => allowsDns(one, PROTOCOLS[name], cluster)));
  const rulesFor = (pod: Pod) => [
    ...policiesOf(pod).flatMap(({ egress }) => egress ?? []),
    ...rulesInOrder(cluster.objects, pod, "egress", "admin").flatMap(({ rule }) =>
      rule.verdict === "accept" ? [rule] : [],
    ),
  ];
  const pod = pods.find((one) => lacking(rulesFor(one)).length > 0);
  if (pod === undefined && pods.length > 0) return;
  const missing = lacking(pod === undefined ? (policy.egress ?? []) : rulesFor(pod));
  if (missing.length === 0) return;
  const who = pod === undefined ? "whom it selects" : `pod ${podName(pod)}`;
  const where = missing.map((name) => `${DNS}/${name}`).join(" and ");
  yield finding(
    "warning",
    "egress-without-dns",
    policy,
    ".egress",
    `lets ${who} send, but nothing to ${where}: names are not resolved, or not all`,
    `allow egress to the DNS server at ports ${DNS}/UDP and ${DNS}/TCP`,
  );
}

function allowsDns({ ports }: AnyRule, protocol: number, { objects }: Subject["cluster"]): boolean {
  const asked = { protocol, destinationPort: DNS };
  const isDns = (port: PolicyPort) =>
    matchesPort(port, undefined, asked) ||
    (typeof port.port === "string" && [...objects.Pod.values()].some((pod) => matchesPort(port, pod, asked)));
  return ports?.some(isDns) ?? true;
}
