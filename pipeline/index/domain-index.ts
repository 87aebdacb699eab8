import type { Ip } from "#base/address.ts";
import { type Domain, patternsOf } from "../model/domain.ts";
import type { ObjectChange, Objects } from "../model/model.ts";
import type { Domains } from "./domains.ts";
import { MultiMap } from "./multi-map.ts";

/** Names and addresses, found by each other. */
export interface DomainIndex extends Domains {
  apply(changes: readonly ObjectChange[]): void;
}

export function createDomainIndex(objects: Pick<Objects, "Domain">): DomainIndex {
  const names = new MultiMap<string, string>();
  const current = new MultiMap<Ip, string>();
  const lapsed = new MultiMap<Ip, string>();

  function forget(domain: Domain): void {
    for (const pattern of patternsOf(domain.name)) names.delete(pattern, domain.name);
    for (const ip of domain.addresses) current.delete(ip, domain.name);
    for (const ip of domain.lapsed) lapsed.delete(ip, domain.name);
  }

  function file(domain: Domain): void {
    for (const pattern of patternsOf(domain.name)) names.add(pattern, domain.name);
    for (const ip of domain.addresses) current.add(ip, domain.name);
    for (const ip of domain.lapsed) lapsed.add(ip, domain.name);
  }

  function* patternsAmong(found: Iterable<string>): Iterable<string> {
    for (const name of found) yield* patternsOf(name);
  }

  return {
    *addressesOf(pattern) {
      for (const name of names.get(pattern)) {
        const domain = objects.Domain.get(name);
        yield* domain?.addresses ?? [];
        yield* domain?.lapsed ?? [];
      }
    },
    patternsAt: (ip) => patternsAmong(current.get(ip)),
    lapsedPatternsAt: (ip) => patternsAmong(lapsed.get(ip)),
    apply(changes) {
      for (const change of changes) {
        if (change.kind !== "Domain") continue;
        if (change.before !== undefined) forget(change.before);
        if (change.after !== undefined) file(change.after);
      }
    },
  };
}
