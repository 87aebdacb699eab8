import type { ObjectChange } from "../model/model.ts";
import type { EndpointSlice, Service } from "../model/service.ts";
import { countParts, groupKey, groupsOf, partKey } from "../model/service-groups.ts";
import type { Backends, BackendsChange } from "./backends.ts";
import { createConjunctionIds, fnv1a } from "./conjunction-ids.ts";

/** Pairs services with their slices, and numbers their groups. */
export interface BackendIndex extends Backends {
  apply(changes: readonly ObjectChange[]): readonly BackendsChange[];
}

/** Below 2^31, and so below OFPG_MAX. */
const groupHash = (text: string): number => fnv1a(text) >>> 1;

export function createBackendIndex(hash: (text: string) => number = groupHash): BackendIndex {
  const services = new Map<string, Service>();
  /** Of each service, in the order of their names. */
  const slices = new Map<string, readonly EndpointSlice[]>();
  const ids = createConjunctionIds(hash);

  function moveService(key: string, after: Service | undefined): void {
    if (after === undefined) services.delete(key);
    else services.set(key, after);
  }

  function moveSlice(before: EndpointSlice | undefined, after: EndpointSlice | undefined): void {
    if (before !== undefined) {
      const rest = slicesOf(serviceOf(before)).filter(({ name }) => name !== before.name);
      if (rest.length > 0) slices.set(serviceOf(before), rest);
      else slices.delete(serviceOf(before));
    }
    if (after === undefined) return;
    const all = [...slicesOf(serviceOf(after)), after];
    slices.set(serviceOf(after), all.sort(compareNames));
  }

  const slicesOf = (serviceKey: string): readonly EndpointSlice[] => slices.get(serviceKey) ?? [];

  function groupKeysOf(serviceKey: string): ReadonlySet<string> {
    const service = services.get(serviceKey);
    return new Set(service === undefined ? [] : keysOf(service, slicesOf(serviceKey)));
  }

  /** Returns the groups that have other numbers now. */
  function moveGroups(old: ReadonlySet<string>, fresh: ReadonlySet<string>): readonly string[] {
    return [
      ...[...old].filter((key) => !fresh.has(key)).flatMap((key) => ids.remove(key)),
      ...[...fresh].filter((key) => !old.has(key)).flatMap((key) => ids.add(key)),
    ];
  }

  return {
    slicesOf,
    groupId: ids.idOf,
    apply(changes) {
      /** With the groups that they had. */
      const touched = new Map<string, ReadonlySet<string>>();
      const touch = (key: string): void => void (touched.has(key) || touched.set(key, groupKeysOf(key)));
      for (const change of changes)
        if (change.kind === "Service") {
          touch(change.key);
          moveService(change.key, change.after);
        } else if (change.kind === "EndpointSlice") {
          for (const slice of [change.before, change.after]) if (slice !== undefined) touch(serviceOf(slice));
          moveSlice(change.before, change.after);
        }
      const moved = [...touched].flatMap(([key, old]) => moveGroups(old, groupKeysOf(key)));
      const keys = new Set([...touched.keys(), ...moved.map(serviceOfGroup)]);
      return [...keys].map((key): BackendsChange => ({ kind: "Backends", key }));
    },
  };
}

function compareNames(a: EndpointSlice, b: EndpointSlice): number {
  return a.name < b.name ? -1 : 1;
}

function serviceOf({ namespace, serviceName }: EndpointSlice): string {
  return `${namespace}/${serviceName}`;
}

/** Wherever its endpoints are and whoever of them is ready: there may be more parts than any place needs. */
function* keysOf(service: Service, slices: Iterable<EndpointSlice>): Iterable<string> {
  const endpoints = { 4: 0, 6: 0 };
  for (const slice of slices) endpoints[slice.family] += slice.endpoints.length * slice.ports.length;
  for (const group of groupsOf(service)) {
    const key = groupKey(service, group);
    yield key;
    for (let part = 0; part < countParts(endpoints[group.family]); part++) yield partKey(key, part);
  }
}

function serviceOfGroup(key: string): string {
  return key.split("/").slice(0, 2).join("/");
}
