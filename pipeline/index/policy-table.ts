import { isMet, isSelected, type LabelSelector } from "../model/label-selector.ts";
import type { Labels } from "../model/model.ts";
import { NAMESPACE_NAME_LABEL } from "../model/namespace-name.ts";
import type { ClusterNetworkPolicy, Direction, NetworkPolicy, Policy } from "../model/policy.ts";
import { DIRECTIONS, EVERY_POD, policyId, rulesOf } from "../model/policy.ts";
import { NO_EXTRAS } from "../model/policy-extras.ts";
import { MultiMap } from "./multi-map.ts";
import type { Isolation } from "./rules.ts";

/** All policies, by whom they select and by those whose port names they read. */
export interface PolicyTable {
  get(key: string): Policy | undefined;
  set(key: string, policy: Policy | undefined): void;
  /** Keys of the policies with this subject. */
  withSubject(selectionKey: string): ReadonlySet<string>;
  /** Keys of the policies that depend on the names which pods of a selection give to their ports. */
  readingNamesOf(selectionKey: string): ReadonlySet<string>;
  hasClusterPolicies(): boolean;
  /** Keys of the policies that depend on the addresses of nodes. */
  readonly readingNodes: ReadonlySet<string>;
  /** NetworkPolicies. */
  isolating(selectionKey: string, direction: Direction): Iterable<Isolation>;
  anyRefuses(): boolean;
  anyLogged(): boolean;
  /** See Rules.unclear; `namespace` has the labels that its object has, if it is there. */
  unclear(place: Place, direction: Direction): Iterable<Policy>;
}

/** What is known of a pod. */
export interface Place {
  readonly namespace: string;
  readonly namespaceLabels: Labels | undefined;
  readonly podLabels: Labels | undefined;
}

export function createPolicyTable(): PolicyTable {
  const policies = new Map<string, Policy>();
  const bySubject = new MultiMap<string, string>();
  const byNames = new MultiMap<string, string>();
  const byNamespace = new MultiMap<string, NetworkPolicy>();
  const ofCluster = new Map<string, ClusterNetworkPolicy>();
  const readingNodes = new Set<string>();
  const refusing = new Set<string>();
  const logged = new Set<string>();

  function forget(key: string, policy: Policy): void {
    policies.delete(key);
    bySubject.delete(policy.subject.key, key);
    for (const selection of selectionsWithNames(policy)) byNames.delete(selection, key);
    readingNodes.delete(key);
    refusing.delete(key);
    logged.delete(key);
    if (policy.kind === "NetworkPolicy") byNamespace.delete(policy.namespace, policy);
    else ofCluster.delete(key);
  }
  return {
    get: (key) => policies.get(key),
    set(key, policy) {
      const before = policies.get(key);
      if (before !== undefined) forget(key, before);
      if (policy === undefined) return;
      policies.set(key, policy);
      bySubject.add(policy.subject.key, key);
      if (policy.extras?.refuses) refusing.add(key);
      if (policy.extras?.log !== undefined) logged.add(key);
      for (const selection of selectionsWithNames(policy)) byNames.add(selection, key);
      if (policy.kind === "NetworkPolicy") byNamespace.add(policy.namespace, policy);
      else {
        ofCluster.set(key, policy);
        if (namesNodes(policy)) readingNodes.add(key);
      }
    },
    withSubject: (selectionKey) => bySubject.get(selectionKey),
    readingNamesOf: (selectionKey) => byNames.get(selectionKey),
    hasClusterPolicies: () => ofCluster.size > 0,
    readingNodes,
    anyRefuses: () => refusing.size > 0,
    anyLogged: () => logged.size > 0,
    *isolating(selectionKey, direction) {
      for (const key of bySubject.get(selectionKey)) {
        const policy = policies.get(key);
        if (policy?.kind !== "NetworkPolicy" || policy[direction] === undefined) continue;
        const { refuses, log } = policy.extras ?? NO_EXTRAS;
        yield { ...policyId(policy), refuses, logged: log?.denied ?? false };
      }
    },
    *unclear(place, direction) {
      // Of a pod of which nothing is known, nothing passes.
      const isUnknown = place.podLabels === undefined;
      if (isUnknown) yield* byNamespace.get(place.namespace);
      for (const policy of ofCluster.values())
        if ((isUnknown || policy[direction].length > 0) && isUnclear(policy, place)) yield policy;
    },
  };
}

/** It may select the pod, and may not. */
function isUnclear({ subject }: ClusterNetworkPolicy, { namespace, namespaceLabels, podLabels }: Place): boolean {
  const scope = isInScope(subject.namespaces, namespace, namespaceLabels);
  const isPod = podLabels === undefined ? undefined : isSelected(subject.pods, podLabels);
  return scope !== false && isPod !== false && (scope === undefined || isPod === undefined);
}

/** Undefined while nobody can say: of a namespace that is not known, the name is. */
function isInScope(selector: string | LabelSelector, name: string, labels: Labels | undefined): boolean | undefined {
  if (typeof selector === "string") return selector === name;
  if (labels !== undefined) return isSelected(selector, labels);
  const { requirements } = selector;
  const ofName = requirements.filter(({ key }) => key === NAMESPACE_NAME_LABEL);
  if (!ofName.every((requirement) => isMet(requirement, name))) return false;
  return ofName.length === requirements.length ? true : undefined;
}

function namesNodes(policy: ClusterNetworkPolicy): boolean {
  return DIRECTIONS.some((direction) =>
    policy[direction].some(({ peers }) => peers?.some(({ type }) => type === "nodes")),
  );
}

function selectionsWithNames(policy: Policy): readonly string[] {
  return DIRECTIONS.flatMap((direction) =>
    rulesOf(policy, direction)
      .filter(({ ports }) => ports?.some(({ port }) => typeof port === "string"))
      .flatMap(({ peers }) => {
        if (direction === "ingress") return [policy.subject.key];
        if (peers === undefined) return [EVERY_POD.key];
        return peers.flatMap((peer) => (peer.type === "pods" ? [peer.selection.key] : []));
      }),
  );
}
