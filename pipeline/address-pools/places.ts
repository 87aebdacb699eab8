import type { Ip, IpFamily } from "#base/address.ts";
import { familyOf } from "#base/address.ts";
import { fnv1a } from "../index/conjunction-ids.ts";
import type { AddressPool, AddressRange } from "../model/address-pool.ts";

/** How many addresses of a family a pool has. */
export function sizeOf({ ranges }: AddressPool, family: IpFamily): bigint {
  return ranges.filter(({ first }) => familyOf(first) === family).reduce((sum, range) => sum + lengthOf(range), 0n);
}

function lengthOf({ first, last }: AddressRange): bigint {
  return BigInt(last) - BigInt(first) + 1n;
}

/**
 * A free address of the pool. Where the search begins follows from the name of who asks: a service that is made anew gets its former
 * address when that is free, and one that has just been given back is not the next to be given away.
 */
export function findFree(
  pool: AddressPool,
  family: IpFamily,
  name: string,
  isTaken: (ip: Ip) => boolean,
): Ip | undefined {
  const ranges = pool.ranges.filter(({ first }) => familyOf(first) === family);
  const size = sizeOf(pool, family);
  if (size === 0n) return undefined;
  const start = ((BigInt(fnv1a(name)) << 32n) | BigInt(fnv1a(`${name} again`))) % size;
  for (let step = 0n; step < size; step++) {
    const ip = addressAt(ranges, (start + step) % size, family);
    if (!isTaken(ip)) return ip;
  }
  return undefined;
}

function addressAt(ranges: readonly AddressRange[], place: bigint, family: IpFamily): Ip {
  let rest = place;
  for (const range of ranges) {
    const length = lengthOf(range);
    if (rest < length) {
      const value = BigInt(range.first) + rest;
      return (family === 4 ? Number(value) : value) as Ip;
    }
    rest -= length;
  }
  throw new RangeError(`a pool has no place ${place}`);
}
