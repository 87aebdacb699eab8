import { FIELDS, type FieldName, findFieldByName } from "#openflow/fields.ts";
import { splitWideRegisters } from "#openflow/registers.ts";

/** A field's value: a number up to 48 bits (registers, ports, IPv4, MAC), a bigint above (metadata, ct_label, IPv6). */
export type FieldValue = number | bigint;

/** One term of a match: `ip_dst=10.0.0.0/8` is { field: "ip_dst", value: 0x0a000000, mask: 0xff000000 }. */
export interface FieldMatch {
  readonly field: FieldName;
  readonly value: FieldValue;
  /** Absent for an exact match. Bits of `value` outside the mask are 0. */
  readonly mask?: FieldValue;
}

/** A match in canonical order (the order of the table in fields.ts): equal matches are equal arrays. */
export type Match = readonly FieldMatch[];

/** How a match is written in code: match({ eth_type: 0x800, ip_dst: [0x0a000000, 0xff000000], reg0: 1 }). */
export type MatchSpec = { readonly [F in FieldName]?: FieldValue | readonly [value: FieldValue, mask: FieldValue] };

/** The canonical match: ordered, a full mask dropped, a term with an empty mask left out. Throws RangeError for a bad value. */
export function match(spec: MatchSpec): Match {
  const terms: FieldMatch[] = [];
  for (const [name, given] of Object.entries(spec)) {
    if (given === undefined) continue;
    const term = typeof given === "object" ? matchTerm(name, given[0], given[1]) : matchTerm(name, given);
    if (term !== undefined) terms.push(term);
  }
  return canonicalMatch(terms);
}

/** One checked term; undefined when the mask lets everything through. */
export function matchTerm(name: string, value: FieldValue, mask?: FieldValue): FieldMatch | undefined {
  const field = findFieldByName(name);
  if (field === undefined) throw new RangeError(`${name} is no match field`);
  const all = allOnes(field.bits);
  checkRange(name, value, all);
  if (mask === undefined) return { field: field.name, value: sized(value, field.bits) };
  checkRange(name, mask, all);
  const bits = BigInt(mask);
  if (bits === 0n) return undefined;
  if (bits === all) return { field: field.name, value: sized(value, field.bits) };
  if (!field.maskable) throw new RangeError(`${name} takes no mask`);
  return { field: field.name, value: sized(BigInt(value) & bits, field.bits), mask: sized(mask, field.bits) };
}

/** Takes wide registers apart and orders terms by the table of fields. */
export function canonicalMatch(given: readonly FieldMatch[]): Match {
  const terms = splitWideRegisters(given);
  for (let i = 1; i < terms.length; i++)
    if (FIELDS[terms[i - 1]!.field].order > FIELDS[terms[i]!.field].order)
      return [...terms].sort((a, b) => FIELDS[a.field].order - FIELDS[b.field].order);
  return terms;
}

/** One text per match: equal for equal matches, different for different ones. */
export function matchKey(terms: Match): string {
  let key = "";
  for (const { field, value, mask } of terms)
    key += mask === undefined ? `${field}=${value},` : `${field}=${value}/${mask},`;
  return key;
}

export function allOnes(bits: number): bigint {
  return (1n << BigInt(bits)) - 1n;
}

/** Up to 48 bits a number, above a bigint. */
export function sized(value: FieldValue, bits: number): FieldValue {
  return bits <= 48 ? Number(value) : BigInt(value);
}

function checkRange(name: string, value: FieldValue, highest: bigint): void {
  if (typeof value === "number" && !Number.isInteger(value))
    throw new RangeError(`${name}: ${value} is no whole number`);
  if (value < 0 || value > highest) throw new RangeError(`${name}: ${value} is not within 0..${highest}`);
}
