import type { Ip } from "#base/address.ts";
import type { LabelSelector } from "./label-selector.ts";

/** From `first` to `last`, both among them; of one family. */
export interface AddressRange {
  readonly first: Ip;
  readonly last: Ip;
}

/** weir.dev/v1alpha1: addresses for services of type LoadBalancer, which the nodes announce themselves. */
export interface AddressPool {
  readonly name: string;
  /** Sorted, IPv4 first, and none touches another. */
  readonly ranges: readonly AddressRange[];
  /** Who may have an address of it: both have to select. Of all three, undefined is one that cannot be read: it selects none. */
  readonly serviceSelector: LabelSelector | undefined;
  readonly namespaceSelector: LabelSelector | undefined;
  /** The nodes that may announce them. */
  readonly nodeSelector: LabelSelector | undefined;
  /** On these, whether their networks hold the address or not; empty: on those whose networks do. */
  readonly interfaces: readonly string[];
  /** Whether who asks for none gets one of it. */
  readonly autoAssign: boolean;
  /** It is being deleted: it gives nothing any more, and ends with the last of its addresses. */
  readonly terminating: boolean;
}

export function poolHolds({ ranges }: AddressPool, ip: Ip): boolean {
  return ranges.some(({ first, last }) => typeof ip === typeof first && ip >= first && ip <= last);
}

/** The pool of an address: the one with the first name, where several hold it. */
export function poolOf(ip: Ip, pools: Iterable<AddressPool>): AddressPool | undefined {
  let found: AddressPool | undefined;
  for (const pool of pools) if (poolHolds(pool, ip) && (found === undefined || pool.name < found.name)) found = pool;
  return found;
}
