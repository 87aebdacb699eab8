import { formatCidr } from "#base/address.ts";
import type { Objects, Pod } from "../model/model.ts";
import { type Direction, formatScope, type NetworkPolicy, type PolicyPeer, type PolicyPort } from "../model/policy.ts";
import { PROTOCOL_NAMES, PROTOCOLS } from "../model/protocol.ts";
import type { Allowed, Verdict } from "./evaluate.ts";

/** How policies, rules and their parts are spoken of. */

export function podName({ namespace, name }: Pick<Pod, "namespace" | "name">): string {
  return `${namespace}/${name}`;
}

/** "shop/db ingress[1]": the rule that stands in spec.ingress[1] of the policy. */
export function ruleName(policy: NetworkPolicy, direction: Direction, rule: number): string {
  return `${podName(policy)} ${direction}[${rule}]`;
}

export function protocolName(protocol: number): string {
  return PROTOCOL_NAMES.find((name) => PROTOCOLS[name] === protocol) ?? `protocol ${protocol}`;
}

/** "5432/TCP", "8000-8100/UDP", "http/TCP", "every port of SCTP". */
export function describePort({ protocol, port }: PolicyPort): string {
  if (port === undefined) return `every port of ${protocolName(protocol)}`;
  return `${typeof port === "string" ? port : formatRange(port.from, port.to)}/${protocolName(protocol)}`;
}

export function formatRange(from: number, to: number): string {
  return from === to ? String(from) : `${from}-${to}`;
}

/** "pods app=web of namespace shop", "every pod", "10.0.0.0/8 without 10.1.0.0/16". */
export function describePeer(peer: PolicyPeer): string {
  if (peer.type === "network") {
    const except = peer.except.map(formatCidr).join(", ");
    return `${formatCidr(peer.cidr)}${except === "" ? "" : ` without ${except}`}`;
  }
  const { namespaces, pods } = peer.selection;
  const who = pods.text === "" ? "every pod" : `pods ${pods.text}`;
  if (typeof namespaces === "string") return `${who} of namespace ${namespaces}`;
  return formatScope(namespaces) === "{}" ? who : `${who} of namespaces ${namespaces.text}`;
}

/** "allowed by shop/db ingress[0]: from pods app=web of namespace shop, at 5432/TCP". */
export function describeVerdict(verdict: Verdict | undefined, direction: Direction): string {
  switch (verdict?.type) {
    case undefined:
      return "no pod with a network of its own: no policy applies";
    case "open":
      return "allowed: no policy isolates it";
    case "own":
      return "allowed: a pod's own traffic never leaves it";
    case "node":
      return "allowed: it comes from the pod's own node";
    case "allowed":
      return `allowed by ${ruleName(verdict.policy, direction, verdict.rule)}: ${describeMatch(verdict, direction)}`;
    case "isolated":
      return `denied: ${verdict.policies.map(podName).join(", ")} ${verdict.policies.length === 1 ? "isolates" : "isolate"} it, and no rule matches`;
  }
}

function describeMatch({ peer, port }: Allowed, direction: Direction): string {
  const who = peer === undefined ? "everybody" : describePeer(peer);
  const where = port === undefined ? "every port" : describePort(port);
  return `${direction === "ingress" ? "from" : "to"} ${who}, at ${where}`;
}

/** "{app=web, tier=front}". */
export function describeLabels(labels: ReadonlyMap<string, string>): string {
  return [...labels].map(([key, value]) => `${key}=${value}`).join(",");
}

export function namespacesOf({ Namespace: namespaces, Pod: pods }: Objects): readonly string[] {
  return [...new Set([...namespaces.keys(), ...[...pods.values()].map(({ namespace }) => namespace)])].sort();
}
