import { formatCidr } from "#base/address.ts";
import type { Objects, Pod } from "../model/model.ts";
import {
  type ClusterPolicyPeer,
  type Direction,
  formatScope,
  type Policy,
  type PolicyPort,
  policyId,
} from "../model/policy.ts";
import { NO_EXTRAS } from "../model/policy-extras.ts";
import { PROTOCOL_NAMES, PROTOCOLS } from "../model/protocol.ts";
import type { Verdict } from "./evaluate.ts";
import type { RuleMatch } from "./matching.ts";

/** How policies, rules and their parts are spoken of. */

export function podName({ namespace, name }: Pick<Pod, "namespace" | "name">): string {
  return `${namespace}/${name}`;
}

/** "shop/db"; "ClusterNetworkPolicy quarantine (Admin 10)". */
export function policyName(policy: Policy): string {
  const { kind, name } = policyId(policy);
  if (policy.kind === "NetworkPolicy") return name;
  return `${kind} ${name} (${policy.tier === "admin" ? "Admin" : "Baseline"} ${policy.priority})`;
}

/** "shop/db ingress[1]": the rule that stands in spec.ingress[1] of the policy, with its own name if it has one. */
export function ruleName(policy: Policy, direction: Direction, rule: number): string {
  const own = policy.kind === "ClusterNetworkPolicy" ? policy[direction][rule]?.name : undefined;
  return `${policyName(policy)} ${direction}[${rule}]${own === undefined ? "" : ` "${own}"`}`;
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

/** "pods app=web of namespace shop", "every pod", "10.0.0.0/8 without 10.1.0.0/16", "*.example.com". */
export function describePeer(peer: ClusterPolicyPeer): string {
  if (peer.type === "nodes") return peer.nodes.text === "" ? "every node" : `nodes ${peer.nodes.text}`;
  if (peer.type === "domain") return peer.pattern;
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
  if (verdict === undefined) return "no pod with a network of its own: no policy applies";
  const passed = (verdict.passed ?? []).map(({ policy, rule }) => ruleName(policy, direction, rule)).join(" and ");
  return `${describeDecision(verdict, direction)}${passed === "" ? "" : `; ${passed} passed it on`}`;
}

function describeDecision(verdict: Verdict, direction: Direction): string {
  switch (verdict.type) {
    case "open":
      return "allowed: no policy isolates it";
    case "own":
      return "allowed: a pod's own traffic never leaves it";
    case "hairpin":
      return "allowed: a service leads it back to its sender, which no NetworkPolicy isolates from itself";
    case "node":
      return "allowed: it comes from the pod's own node";
    case "allowed":
    case "accepted":
    case "denied": {
      const word = verdict.type === "denied" ? "denied" : "allowed";
      const { rate } = verdict.policy.extras ?? NO_EXTRAS;
      const bound =
        word === "denied" || rate === undefined ? "" : `, up to ${rate} new connections a second on each node`;
      return `${word} by ${ruleName(verdict.policy, direction, verdict.rule)}: ${describeMatch(verdict, direction)}${bound}`;
    }
    case "isolated":
      return `denied: ${verdict.policies.map(policyName).join(", ")} ${verdict.policies.length === 1 ? "isolates" : "isolate"} it, and no rule matches`;
    case "unclear":
      return `denied: its namespace is not known, so ${verdict.policies.map(policyName).join(", ")} may be for it or not`;
  }
}

function describeMatch({ peer, port }: RuleMatch, direction: Direction): string {
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

export function policiesOf(objects: Objects): readonly Policy[] {
  return [...objects.NetworkPolicy.values(), ...objects.ClusterNetworkPolicy.values()];
}
