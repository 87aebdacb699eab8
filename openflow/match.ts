import type { FieldName } from "#openflow/fields.ts";

/** A field's value: a number up to 48 bits (registers, ports, IPv4, MAC), a bigint above (metadata, ct_label, IPv6). */
export type FieldValue = number | bigint;

/** One term of a match: `nw_dst=10.0.0.0/8` is { field: "nw_dst", value: 0x0a000000, mask: 0xff000000 }. */
export interface FieldMatch {
  readonly field: FieldName;
  readonly value: FieldValue;
  /** Absent for an exact match. Bits of `value` outside the mask are 0. */
  readonly mask?: FieldValue;
}

/** A match in canonical order (the order of the table in fields.ts): equal matches are equal arrays. */
export type Match = readonly FieldMatch[];

/** How a match is written in code: match({ eth_type: 0x800, nw_dst: [0x0a000000, 0xff000000], reg0: 1 }). */
export type MatchSpec = { readonly [F in FieldName]?: FieldValue | readonly [value: FieldValue, mask: FieldValue] };
