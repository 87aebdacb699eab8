import type { Ip } from "#base/address.ts";

/** What pods of this node have been told of names, by what policies may say of these. */
export interface Domains {
  /** The addresses of the names that a pattern means, lapsed ones too; one may come several times. */
  addressesOf(pattern: string): Iterable<Ip>;
  /** Every pattern that means a name which has the address. */
  patternsAt(ip: Ip): Iterable<string>;
  /** Every pattern that means a name which had it. */
  lapsedPatternsAt(ip: Ip): Iterable<string>;
}
