import type { ObjectChange } from "../model/model.ts";
import type { EndpointSlice, Service } from "../model/service.ts";
import { type GroupName, groupKey, groupsOf } from "../model/service-groups.ts";
import type { Backends, BackendsChange } from "./backends.ts";
import { createConjunctionIds, fnv1a } from "./conjunction-ids.ts";

/** Pairs services with their slices, and numbers their groups. */
export interface BackendIndex extends Backends {
  apply(changes: readonly ObjectChange[]): readonly BackendsChange[];
}

/** Below 2^31, and so below OFPG_MAX. */
const groupHash = (text: string): number => fnv1a(text) >>> 1;

export function createBackendIndex(hash: (text: string) => number = groupHash): BackendIndex {
  const slices = new Map<string, ReadonlyMap<string, EndpointSlice>>();
  const ids = createConjunctionIds(hash);

  function moveSlice(key: string, before: EndpointSlice | undefined, after: EndpointSlice | undefined): void {
    if (before !== undefined) {
      const rest = new Map(slices.get(serviceOf(before)));
      rest.delete(key);
      if (rest.size > 0) slices.set(serviceOf(before), rest);
      else slices.delete(serviceOf(before));
    }
    if (after !== undefined) slices.set(serviceOf(after), new Map(slices.get(serviceOf(after))).set(key, after));
  }

  /** Returns the groups that have other numbers now. */
  function moveGroups(before: Service | undefined, after: Service | undefined): readonly string[] {
    const [old, fresh] = [keysOf(before), keysOf(after)];
    return [
      ...[...old].filter((key) => !fresh.has(key)).flatMap((key) => ids.remove(key)),
      ...[...fresh].filter((key) => !old.has(key)).flatMap((key) => ids.add(key)),
    ];
  }

  return {
    slicesOf: (serviceKey) => [...(slices.get(serviceKey)?.values() ?? [])].sort((a, b) => (a.name < b.name ? -1 : 1)),
    groupId: ids.idOf,
    apply(changes) {
      const touched = new Set<string>();
      for (const change of changes)
        if (change.kind === "Service") {
          touched.add(change.key);
          for (const key of moveGroups(change.before, change.after)) touched.add(serviceOfGroup(key));
        } else if (change.kind === "EndpointSlice") {
          moveSlice(change.key, change.before, change.after);
          for (const slice of [change.before, change.after]) if (slice !== undefined) touched.add(serviceOf(slice));
        }
      return [...touched].map((key): BackendsChange => ({ kind: "Backends", key }));
    },
  };
}

function serviceOf({ namespace, serviceName }: EndpointSlice): string {
  return `${namespace}/${serviceName}`;
}

function keysOf(service: Service | undefined): ReadonlySet<string> {
  if (service === undefined) return new Set();
  return new Set(groupsOf(service).map((group: GroupName) => groupKey(service, group)));
}

function serviceOfGroup(key: string): string {
  return key.split("/").slice(0, 2).join("/");
}
