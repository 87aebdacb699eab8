import { type Cidr, formatCidr } from "#base/address.ts";
import { subtractCidrs } from "#base/prefixes.ts";
import { EVERYTHING, type LabelSelector } from "./label-selector.ts";
import type { PolicyExtras } from "./policy-extras.ts";

/** Which pods: those that `pods` selects in one namespace, or in all that a selector chooses. */
export interface PodSelection {
  /** Selections that say the same have the same key. */
  readonly key: string;
  readonly namespaces: string | LabelSelector;
  readonly pods: LabelSelector;
}

export type PolicyPeer = { readonly type: "pods"; readonly selection: PodSelection } | NetworkPeer;

/** An ipBlock: `cidr` without what `except` takes out of it. */
export interface NetworkPeer {
  readonly type: "network";
  readonly cidr: Cidr;
  readonly except: readonly Cidr[];
  /** The same as the fewest networks, in text form, by which flows know them. */
  readonly networks: readonly string[];
  /** How `cidr` is written, where that is not as we write it. */
  readonly written?: string;
}

export function createNetworkPeer(cidr: Cidr, except: readonly Cidr[], written?: string): NetworkPeer {
  if (except.length > 0)
    return { type: "network", cidr, except, networks: subtractCidrs(cidr, except).map(formatCidr) };
  const text = formatCidr(cidr);
  const more = written === undefined || written === text ? {} : { written };
  return { type: "network", cidr, except: NONE, networks: [text], ...more };
}

/** One for all: long lists of networks without exceptions are many peers. */
const NONE: readonly Cidr[] = [];

export type ClusterPolicyPeer =
  | PolicyPeer
  /** The addresses of the nodes that a selector chooses. */
  | { readonly type: "nodes"; readonly nodes: LabelSelector }
  /** The addresses of a name, or with "*." before it of all names below: see model/domain.ts. */
  | { readonly type: "domain"; readonly pattern: string };

/** IP protocol number, and the ports: a range (one port is from itself to itself), a container port's name, or all. */
export interface PolicyPort {
  readonly protocol: number;
  readonly port: { readonly from: number; readonly to: number } | string | undefined;
}

/** Traffic with one of the peers at one of the ports. Undefined is everybody, or everything; an empty list is nobody. */
export interface PolicyRule {
  readonly peers: readonly PolicyPeer[] | undefined;
  readonly ports: readonly PolicyPort[] | undefined;
}

export const DIRECTIONS = ["ingress", "egress"] as const;
export type Direction = (typeof DIRECTIONS)[number];

/** In the order in which they are asked. */
export const TIERS = ["admin", "networkPolicy", "baseline"] as const;
export type PolicyTier = (typeof TIERS)[number];

/**
 * What a rule does with traffic that it matches: let it through, end it, or leave it to the next tier. In the order in which
 * they are asked where a policy's priority and a rule's place in it do not decide.
 */
export const VERDICTS = ["deny", "accept", "pass"] as const;
export type RuleVerdict = (typeof VERDICTS)[number];

/** networking.k8s.io/v1. A direction without rules here does not isolate; one with an empty list allows nothing. */
export interface NetworkPolicy {
  readonly kind: "NetworkPolicy";
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  readonly subject: PodSelection;
  readonly ingress: readonly PolicyRule[] | undefined;
  readonly egress: readonly PolicyRule[] | undefined;
  /** Absent without annotations of ours. */
  readonly extras?: PolicyExtras;
}

export interface ClusterPolicyRule {
  /** As its author calls it. */
  readonly name: string | undefined;
  readonly verdict: RuleVerdict;
  readonly peers: readonly ClusterPolicyPeer[] | undefined;
  readonly ports: readonly PolicyPort[] | undefined;
}

/** policy.networking.k8s.io/v1alpha2. The first rule that matches decides; lower numbers of `priority` come first. */
export interface ClusterNetworkPolicy {
  readonly kind: "ClusterNetworkPolicy";
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  readonly tier: Exclude<PolicyTier, "networkPolicy">;
  readonly priority: number;
  readonly subject: PodSelection;
  readonly ingress: readonly ClusterPolicyRule[];
  readonly egress: readonly ClusterPolicyRule[];
  /** Absent without annotations of ours. */
  readonly extras?: PolicyExtras;
}

export type Policy = NetworkPolicy | ClusterNetworkPolicy;

/** A policy by name, as rules, flows and people speak of it. */
export interface PolicyId {
  readonly kind: Policy["kind"];
  /** "namespace/name", or "name" of one for the whole cluster. */
  readonly name: string;
}

export function policyId(policy: Policy): PolicyId {
  const { kind, name } = policy;
  return { kind, name: kind === "NetworkPolicy" ? `${policy.namespace}/${name}` : name };
}

/** The rules of a direction in their order; none where the policy has no say. */
export function rulesOf(policy: Policy, direction: Direction): readonly (PolicyRule | ClusterPolicyRule)[] {
  return policy[direction] ?? [];
}

/** One that isolates has a say without any rule. */
export function hasSay(policy: Policy, direction: Direction): boolean {
  return policy.kind === "NetworkPolicy" ? policy[direction] !== undefined : policy[direction].length > 0;
}

/** Rules of one place are asked together: they say the same of what they match. */
export interface RulePlace {
  readonly direction: Direction;
  readonly tier: PolicyTier;
  /** Within the tier the lower come first. */
  readonly level: number;
}

/** "shop" is one namespace; "{env=test}" are those that a selector chooses, "{}" all of them. */
export function formatScope(namespaces: PodSelection["namespaces"]): string {
  return typeof namespaces === "string" ? namespaces : `{${namespaces.text}}`;
}

export function createSelection(namespaces: PodSelection["namespaces"], pods: LabelSelector): PodSelection {
  return { key: `${formatScope(namespaces)}/${pods.text}`, namespaces, pods };
}

/** Whose port names count where a rule allows sending to everybody. */
export const EVERY_POD: PodSelection = createSelection(EVERYTHING, EVERYTHING);

/** The selections that a policy names: the pods it is for, each of its peers that are pods, and whose port names it needs. */
export function selectionsNamedBy(policy: Policy): readonly PodSelection[] {
  const selections = new Map([[policy.subject.key, policy.subject]]);
  for (const direction of DIRECTIONS)
    for (const { peers, ports } of rulesOf(policy, direction)) {
      for (const peer of peers ?? []) if (peer.type === "pods") selections.set(peer.selection.key, peer.selection);
      const namesPort = ports?.some(({ port }) => typeof port === "string") ?? false;
      if (namesPort && direction === "egress" && peers === undefined) selections.set(EVERY_POD.key, EVERY_POD);
    }
  return [...selections.values()];
}
