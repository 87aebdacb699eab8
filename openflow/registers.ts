import { FIELDS, type FieldName } from "./fields.ts";
import type { FieldMatch } from "./match.ts";

/**
 * reg0 to reg15 also go by wider names: xregN is reg(2N) and reg(2N+1), xxregN is four of them, the first in the highest
 * bits. One canonical form, in single registers, makes equal matches equal; on the wire OpenFlow 1.5 has them in pairs.
 */
const WIDE: ReadonlyMap<string, readonly FieldName[]> = new Map([
  ...Array.from({ length: 8 }, (_, i) => [`xreg${i}`, registers(2 * i, 2)] as const),
  ...Array.from({ length: 4 }, (_, i) => [`xxreg${i}`, registers(4 * i, 4)] as const),
]);

function registers(first: number, count: number): FieldName[] {
  const names = new Set<string>(Array.from({ length: count }, (_, i) => `reg${first + i}`));
  return Object.values(FIELDS)
    .map(({ name }) => name)
    .filter((name) => names.has(name));
}

/** The same terms with wide registers taken apart; parts that match everything are left out. */
export function splitWideRegisters(terms: readonly FieldMatch[]): readonly FieldMatch[] {
  return terms.some(({ field }) => WIDE.has(field)) ? terms.flatMap(splitTerm) : terms;
}

function splitTerm(term: FieldMatch): readonly FieldMatch[] {
  const parts = WIDE.get(term.field);
  if (parts === undefined) return [term];
  const value = BigInt(term.value);
  const mask = term.mask === undefined ? undefined : BigInt(term.mask);
  return parts.flatMap((field, i): FieldMatch[] => {
    const shift = BigInt(32 * (parts.length - 1 - i));
    const part = (bits: bigint): number => Number((bits >> shift) & 0xffff_ffffn);
    if (mask === undefined || part(mask) === 0xffff_ffff) return [{ field, value: part(value) }];
    return part(mask) === 0 ? [] : [{ field, value: part(value), mask: part(mask) }];
  });
}
