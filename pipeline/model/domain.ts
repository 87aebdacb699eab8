import type { Ip } from "#base/address.ts";

/** A name that a pod of this node has asked for, and the addresses that it was told. */
export interface Domain {
  /** In lower case, without a dot at its end. */
  readonly name: string;
  readonly addresses: readonly Ip[];
  /** They were the name's until a while ago: connections that began then go on, and no new ones begin. */
  readonly lapsed: readonly Ip[];
}

/** "Shop.Example.com." and "shop.example.com" are one name. */
export function normaliseDomain(name: string): string {
  const lower = name.toLowerCase();
  return lower.endsWith(".") ? lower.slice(0, -1) : lower;
}

/** All that policies can say to mean a name: itself, and "*." before any of the domains that it is in. */
export function* patternsOf(name: string): Iterable<string> {
  yield name;
  for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) yield `*${name.slice(dot)}`;
}

export function matchesPattern(pattern: string, name: string): boolean {
  return pattern.startsWith("*.")
    ? name.length > pattern.length - 1 && name.endsWith(pattern.slice(1))
    : pattern === name;
}
