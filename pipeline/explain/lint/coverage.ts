import { type Cidr, cidrContains } from "#base/address.ts";
import { subtractCidrs } from "#base/prefixes.ts";
import { isMet, type LabelRequirement, type LabelSelector } from "../../model/label-selector.ts";
import { NAMESPACE_NAME_LABEL } from "../../model/namespace-name.ts";
import type { ClusterPolicyPeer, NetworkPolicy, PodSelection, PolicyPeer, PolicyPort } from "../../model/policy.ts";
import { type AnyRule, type Finding, finding, placesOf, type Subject } from "./finding.ts";

/** A rule of which everything is allowed by another one of the policy. Of two that say the same the later one is told. */
export function* checkCoverage(subject: Subject<NetworkPolicy>): Iterable<Finding> {
  const { policy } = subject;
  const rules = [...placesOf(subject)];
  for (const one of rules) {
    const other = rules.find(
      (candidate) =>
        candidate !== one &&
        candidate.direction === one.direction &&
        coversRule(candidate.rule, one.rule) &&
        (candidate.index < one.index || !coversRule(one.rule, candidate.rule)),
    );
    if (other === undefined) continue;
    yield finding(
      "warning",
      "redundant-rule",
      policy,
      one.field,
      `allows nothing that spec${other.field} does not allow`,
      "take it away, or make it say what was meant",
    );
  }
}

/** Whether all that the second allows is allowed by the first, whatever pods there are. Where it cannot be told, it is not. */
export function coversRule(outer: AnyRule, inner: AnyRule): boolean {
  return covers(outer.peers, inner.peers, coversPeer) && covers(outer.ports, inner.ports, coversPort);
}

function covers<T>(
  outer: readonly T[] | undefined,
  inner: readonly T[] | undefined,
  coversOne: (outer: T, inner: T) => boolean,
): boolean {
  if (outer === undefined) return true;
  return inner?.every((one) => outer.some((other) => coversOne(other, one))) ?? false;
}

function coversPort(outer: PolicyPort, inner: PolicyPort): boolean {
  if (outer.protocol !== inner.protocol) return false;
  if (outer.port === undefined) return true;
  if (typeof outer.port === "string" || typeof inner.port === "string" || inner.port === undefined)
    return outer.port === inner.port;
  return outer.port.from <= inner.port.from && inner.port.to <= outer.port.to;
}

function coversPeer(outer: ClusterPolicyPeer, inner: ClusterPolicyPeer): boolean {
  if (outer.type === "pods") return inner.type === "pods" && coversSelection(outer.selection, inner.selection);
  if (outer.type === "nodes") return inner.type === "nodes" && coversSelector(outer.nodes, inner.nodes);
  if (outer.type !== "network" || inner.type !== "network") return false;
  const isWithin = inner.cidr.prefixLength >= outer.cidr.prefixLength && cidrContains(outer.cidr, inner.cidr.address);
  return isWithin && outer.except.every((hole) => !reaches(inner, hole));
}

/** Whether any address of the network is in the peer. */
export function reaches({ cidr, except }: PolicyPeer & { readonly type: "network" }, network: Cidr): boolean {
  return subtractCidrs(cidr, except).some(
    (part) => cidrContains(part, network.address) || cidrContains(network, part.address),
  );
}

export function coversSelection(outer: PodSelection, inner: PodSelection): boolean {
  if (!coversSelector(outer.pods, inner.pods)) return false;
  const { namespaces } = inner;
  if (typeof outer.namespaces === "string") return outer.namespaces === namespaces;
  // Of a namespace that is named, its name is all that is known whatever namespaces there are.
  return typeof namespaces === "string"
    ? outer.namespaces.requirements.every((one) => one.key === NAMESPACE_NAME_LABEL && isMet(one, namespaces))
    : coversSelector(outer.namespaces, namespaces);
}

function coversSelector(outer: LabelSelector, inner: LabelSelector): boolean {
  return outer.requirements.every((asked) => inner.requirements.some((given) => implies(given, asked)));
}

/** Whoever meets the first meets the second. */
function implies(given: LabelRequirement, asked: LabelRequirement): boolean {
  if (given.key !== asked.key) return false;
  switch (given.operator) {
    case "In":
      return given.values.every((value) => isMet(asked, value));
    case "DoesNotExist":
      return isMet(asked, undefined);
    case "Exists":
      return asked.operator === "Exists";
    case "NotIn":
      return asked.operator === "NotIn" && asked.values.every((value) => given.values.includes(value));
  }
}
