import type { Pod } from "../../model/model.ts";
import { EVERY_POD, type NetworkPolicy, type PolicyPort } from "../../model/policy.ts";
import { containerPortKey, PROTOCOLS } from "../../model/protocol.ts";
import { matchesPort } from "../matching.ts";
import { describePort, podName } from "../words.ts";
import { type Finding, finding, type Placed, peersOf, portsOf, rulesOf, type Subject } from "./finding.ts";
import { podsIn } from "./selections.ts";

/** A port's name that no receiver has, and one beside a network, which has none. */
export function* checkPortNames(subject: Subject): Iterable<Finding> {
  for (const placed of rulesOf(subject.policy))
    for (const { port, field } of portsOf(placed)) {
      if (typeof port.port !== "string") continue;
      yield* checkName(subject, placed, port, field);
      if (placed.direction === "ingress") continue;
      for (const { peer, field: peerField } of peersOf(placed))
        if (peer.type === "network")
          yield finding(
            "error",
            "port-name-of-network",
            subject.policy,
            field,
            `is the name ${port.port}, which the ipBlock in ${peerField.slice(1)} does not have: nothing is allowed there`,
            "write the port's number for networks",
          );
    }
}

function* checkName(subject: Subject, placed: Placed, port: PolicyPort, field: string): Iterable<Finding> {
  const receivers = receiversOf(subject, placed);
  const key = containerPortKey(port.protocol, String(port.port));
  // Without any receiver the selector is what is wrong, and told.
  if (receivers.length === 0 || receivers.some(({ ports }) => ports.has(key))) return;
  const names = new Set(receivers.flatMap(({ ports }) => [...ports.keys()]));
  const known = names.size === 0 ? "they name none" : `they have ${[...names].sort().join(", ")}`;
  yield finding(
    "warning",
    "unknown-port-name",
    subject.policy,
    field,
    `is the name ${describePort(port)}, which none of the ${receivers.length} pods that receive here gives a port; ${known}`,
    "name the container's port so, or write its number",
  );
}

function receiversOf(subject: Subject, { direction, rule }: Placed): readonly Pod[] {
  if (direction === "ingress") return podsIn(subject.policy.subject, subject);
  if (rule.peers === undefined) return podsIn(EVERY_POD, subject);
  return rule.peers.flatMap((peer) => (peer.type === "pods" ? podsIn(peer.selection, subject) : []));
}

const DNS = 53;

/** Pods that may send something, but cannot ask for names. All policies that select a pod are asked together. */
export function* checkDns(subject: Subject): Iterable<Finding> {
  const { policy, cluster, policiesOf } = subject;
  if ((policy.egress ?? []).length === 0) return;
  const pods = podsIn(policy.subject, subject);
  const lacking = (policies: readonly NetworkPolicy[]) =>
    (["UDP", "TCP"] as const).filter((name) => !policies.some((one) => allowsDns(one, PROTOCOLS[name], cluster)));
  const pod = pods.find((one) => lacking(policiesOf(one)).length > 0);
  if (pod === undefined && pods.length > 0) return;
  const missing = lacking(pod === undefined ? [policy] : policiesOf(pod));
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

function allowsDns(policy: NetworkPolicy, protocol: number, { objects }: Subject["cluster"]): boolean {
  const asked = { protocol, destinationPort: DNS };
  const isDns = (port: PolicyPort) =>
    matchesPort(port, undefined, asked) ||
    (typeof port.port === "string" && [...objects.Pod.values()].some((pod) => matchesPort(port, pod, asked)));
  return (policy.egress ?? []).some(({ ports }) => ports?.some(isDns) ?? true);
}
