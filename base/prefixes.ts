import { type Cidr, cidrContains, type Ip, networkOf } from "./address.ts";

/** A run of values that share their upper bits: those for which `value & mask` is equal. */
export interface Prefix {
  readonly value: number;
  readonly mask: number;
}

/** The fewest prefixes of 16-bit numbers that cover `from` to `to`, both included: ports as a switch can match them. */
export function coverPorts(from: number, to: number): readonly Prefix[] {
  const prefixes: Prefix[] = [];
  for (let next = from; next <= to; ) {
    let size = 1;
    while (next % (size * 2) === 0 && next + size * 2 - 1 <= to) size *= 2;
    prefixes.push({ value: next, mask: 0x1_0000 - size });
    next += size;
  }
  return prefixes;
}

/** The fewest networks that are in `cidr` and in none of `except`. */
export function subtractCidrs(cidr: Cidr, except: readonly Cidr[]): readonly Cidr[] {
  const inside = except.filter((one) => overlaps(one, cidr));
  if (inside.length === 0) return [cidr];
  if (inside.some((one) => one.prefixLength <= cidr.prefixLength)) return [];
  return halves(cidr).flatMap((half) => subtractCidrs(half, inside));
}

function overlaps(a: Cidr, b: Cidr): boolean {
  return a.prefixLength <= b.prefixLength ? cidrContains(a, b.address) : cidrContains(b, a.address);
}

function halves({ address, prefixLength }: Cidr): readonly [Cidr, Cidr] {
  const length = prefixLength + 1;
  const bit = BigInt(typeof address === "number" ? 32 - length : 128 - length);
  const upper = BigInt(address) | (1n << bit);
  const upperAddress = (typeof address === "number" ? Number(upper) : upper) as Ip;
  return [
    { address: networkOf(address, length), prefixLength: length },
    { address: upperAddress, prefixLength: length },
  ];
}
