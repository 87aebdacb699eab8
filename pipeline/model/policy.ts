import type { Cidr } from "#base/address.ts";
import { EVERYTHING, type LabelSelector } from "./label-selector.ts";

/** Which pods: those that `pods` selects in one namespace, or in all that a selector chooses. */
export interface PodSelection {
  /** Selections that say the same have the same key. */
  readonly key: string;
  readonly namespaces: string | LabelSelector;
  readonly pods: LabelSelector;
}

export type PolicyPeer =
  | { readonly type: "pods"; readonly selection: PodSelection }
  /** An ipBlock: `cidr` without what `except` takes out of it. */
  | { readonly type: "network"; readonly cidr: Cidr; readonly except: readonly Cidr[] };

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

/** networking.k8s.io/v1. A direction without rules here does not isolate; one with an empty list allows nothing. */
export interface NetworkPolicy {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  readonly subject: PodSelection;
  readonly ingress: readonly PolicyRule[] | undefined;
  readonly egress: readonly PolicyRule[] | undefined;
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
export function selectionsNamedBy(policy: NetworkPolicy): readonly PodSelection[] {
  const selections = new Map([[policy.subject.key, policy.subject]]);
  for (const direction of DIRECTIONS)
    for (const { peers, ports } of policy[direction] ?? []) {
      for (const peer of peers ?? []) if (peer.type === "pods") selections.set(peer.selection.key, peer.selection);
      const namesPort = ports?.some(({ port }) => typeof port === "string") ?? false;
      if (namesPort && direction === "egress" && peers === undefined) selections.set(EVERY_POD.key, EVERY_POD);
    }
  return [...selections.values()];
}
