import type { Direction, NetworkPolicy } from "../model/policy.ts";
import { DIRECTIONS, EVERY_POD } from "../model/policy.ts";
import { MultiMap } from "./multi-map.ts";

/** All policies, by whom they select and by those whose port names they read. */
export interface PolicyTable {
  get(key: string): NetworkPolicy | undefined;
  set(key: string, policy: NetworkPolicy | undefined): void;
  /** Keys of the policies with this subject. */
  withSubject(selectionKey: string): ReadonlySet<string>;
  /** Keys of the policies that depend on the names which pods of a selection give to their ports. */
  readingNamesOf(selectionKey: string): ReadonlySet<string>;
  isolating(selectionKey: string, direction: Direction): Iterable<NetworkPolicy>;
  isUsed(namespace: string): boolean;
}

export function createPolicyTable(): PolicyTable {
  const policies = new Map<string, NetworkPolicy>();
  const bySubject = new MultiMap<string, string>();
  const byNames = new MultiMap<string, string>();
  const byNamespace = new MultiMap<string, string>();

  return {
    get: (key) => policies.get(key),
    set(key, policy) {
      const before = policies.get(key);
      if (before !== undefined) {
        bySubject.delete(before.subject.key, key);
        byNamespace.delete(before.namespace, key);
        for (const selection of selectionsWithNames(before)) byNames.delete(selection, key);
      }
      if (policy === undefined) return void policies.delete(key);
      policies.set(key, policy);
      bySubject.add(policy.subject.key, key);
      byNamespace.add(policy.namespace, key);
      for (const selection of selectionsWithNames(policy)) byNames.add(selection, key);
    },
    withSubject: (selectionKey) => bySubject.get(selectionKey),
    readingNamesOf: (selectionKey) => byNames.get(selectionKey),
    *isolating(selectionKey, direction) {
      for (const key of bySubject.get(selectionKey)) {
        const policy = policies.get(key);
        if (policy?.[direction] !== undefined) yield policy;
      }
    },
    isUsed: (namespace) => byNamespace.has(namespace),
  };
}

function selectionsWithNames(policy: NetworkPolicy): readonly string[] {
  return DIRECTIONS.flatMap((direction) =>
    (policy[direction] ?? [])
      .filter(({ ports }) => ports?.some(({ port }) => typeof port === "string"))
      .flatMap(({ peers }) => {
        if (direction === "ingress") return [policy.subject.key];
        if (peers === undefined) return [EVERY_POD.key];
        return peers.flatMap((peer) => (peer.type === "pods" ? [peer.selection.key] : []));
      }),
  );
}
