import type { IpFamily } from "#base/address.ts";

/** The words of nftables, as `nft -j list` prints them. */

/** `{ table: … }`, `{ set: … }`, `{ chain: … }`, `{ rule: … }`, without handles. */
export type NftObject = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
export type Expression = Readonly<Record<string, unknown>>;

/** Our tables, by name in two families. Everything in them is ours, nothing outside is. */
export const NFT_TABLE = "weir";
export const NFT_FAMILIES = ["inet", "arp"] as const;
export type NftFamily = (typeof NFT_FAMILIES)[number];

/** Where in a hook a chain stands. */
export const HOOK_PRIORITY = {
  /** Before defragmentation, and thereby before everything. */
  first: -450,
  /** Before connection tracking. */
  raw: -300,
  mangle: -150,
  destinationNat: -100,
  filter: 0,
  sourceNat: 100,
} as const;

export function set(
  name: string,
  type: string | readonly string[],
  elem: readonly unknown[],
  interval = false,
): NftObject {
  const flags = interval ? { flags: ["interval"] } : {};
  return {
    set: { family: "inet", name, table: NFT_TABLE, type, ...flags, ...(elem.length === 0 ? {} : { elem }) },
  };
}

export function addressType(version: IpFamily): string {
  return version === 4 ? "ipv4_addr" : "ipv6_addr";
}

export function chain(family: NftFamily, name: string, type: string, hook: string, prio: number): NftObject {
  return { chain: { family, table: NFT_TABLE, name, type, hook, prio, policy: "accept" } };
}

export function rule(family: NftFamily, name: string, expr: readonly Expression[]): NftObject {
  return { rule: { family, table: NFT_TABLE, chain: name, expr } };
}

export function address(version: IpFamily, field: "saddr" | "daddr"): Expression {
  return { payload: { protocol: version === 4 ? "ip" : "ip6", field } };
}

export function addressKind(field: "saddr" | "daddr"): Expression {
  return { fib: { result: "type", flags: [field] } };
}

export function meta(key: string): Expression {
  return { meta: { key } };
}

export function concat(...parts: readonly unknown[]): Expression {
  return { concat: parts };
}

export function is(left: Expression, right: unknown): Expression {
  return { match: { op: "==", left, right } };
}

export function isNot(left: Expression, right: unknown): Expression {
  return { match: { op: "!=", left, right } };
}
