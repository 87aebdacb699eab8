import fc from "fast-check";
import type { Subfield } from "#openflow/actions.ts";
import { FIELDS, type Field } from "#openflow/fields.ts";
import { allOnes, sized } from "#openflow/match.ts";
import { OFPP } from "#openflow/ports.ts";

/** Plain objects, as the codecs make them. */
export function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T>;
export function record<T, K extends keyof T>(
  model: { [P in keyof T]: fc.Arbitrary<T[P]> },
  options: { readonly requiredKeys: K[] },
): fc.Arbitrary<Partial<T> & Pick<T, K>>;
export function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }, options = {}): fc.Arbitrary<unknown> {
  return fc.record(model, { noNullPrototype: true, ...options });
}

export const u8 = fc.nat(0xff);
export const u16 = fc.nat(0xffff);
export const u32 = fc.nat(0xffff_ffff);

export const u64 = fc.bigInt({ min: 0n, max: allOnes(64) });
export const ipv6 = fc.bigInt({ min: 1n, max: allOnes(128) });
export const table = fc.nat(254);
export const port = fc.oneof(fc.nat(0xfeff), fc.constantFrom(OFPP.LOCAL, OFPP.IN_PORT));
export const output = fc.oneof(port, fc.constantFrom(OFPP.NORMAL, OFPP.FLOOD, OFPP.ALL, OFPP.TABLE));
export const bytes = fc.uint8Array({ minLength: 1, maxLength: 40 });

/** Fields that are there in any packet, so that no match needs to say more. */
export const plain = Object.values(FIELDS).filter(
  ({ prerequisite, isOption, name }) =>
    (prerequisite === "none" || name === "eth_src" || name === "eth_dst") && !isOption && name !== "packet_type",
);
export const writable = plain.filter(
  ({ name, writable: can }) => can && !name.startsWith("in_port") && name !== "ct_mark" && name !== "ct_label",
);
export const short = (fields: readonly Field[]) =>
  fields.filter(({ nxmHeader }) => nxmHeader.experimenter === undefined);

export function subfieldOf(fields: readonly Field[], bits?: number): fc.Arbitrary<Subfield> {
  const wide = fields.filter(({ significantBits }) => significantBits >= (bits ?? 1));
  return fc
    .constantFrom(...wide)
    .chain(({ name, significantBits }) =>
      fc
        .integer({ min: bits ?? 1, max: bits ?? Math.min(64, significantBits) })
        .chain((width) => fc.nat(significantBits - width).map((start) => ({ field: name, start, bits: width }))),
    );
}

export function fieldValue({ bits, exactBits, format, name }: Field): fc.Arbitrary<number | bigint> {
  if (format === "port") return port;
  const width = name === "vlan_vid" ? 12 : name === "arp_op" ? 8 : exactBits;
  return fc.bigInt({ min: 0n, max: allOnes(width) }).map((value) => sized(value, bits));
}

/** ovs-ofctl takes the first digits of an IPv6 mask that is no prefix for the length of one: here it begins with a letter. */
export function maskOf(field: Field): fc.Arbitrary<number | bigint> {
  if (field.format !== "ipv6") return fieldValue(field);
  const prefix = fc.integer({ min: 1, max: 127 }).map((length) => allOnes(length) << BigInt(128 - length));
  return fc.oneof(prefix, fc.bigInt({ min: 0xfn << 124n, max: allOnes(128) }));
}
