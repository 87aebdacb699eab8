import { EncodeError } from "#openflow/errors.ts";
import { FIELDS, type Field, NXM_0, type OxmHeader } from "#openflow/fields.ts";
import type { FieldValue, MatchTerm } from "#openflow/match.ts";
import type { Writer } from "./writer.ts";

/*
 * OXM TLV (OpenFlow 1.5.1 section 7.2.3.2), after the header the value and, with HM set, the mask:
 *
 *      0               16      23 24      32
 *     +---------------+--------+--+--------+------------------+
 *     |   class       | field  |HM| length | experimenter (32) | for class 0xffff
 *     +---------------+--------+--+--------+------------------+
 */
export const HAS_MASK = 0x100;

/** A field's headers, ready to be written, and how its value is. */
export interface FieldCodec {
  readonly header: number;
  readonly maskedHeader: number;
  readonly experimenter: number | undefined;
  readonly size: number;
  readonly kind: "number" | "port" | "option";
  /** Of a match: the mask that an exact value has. */
  readonly exactMask: number | undefined;
  /** Of a register: which one. */
  readonly register: number;
}

/** How fields stand in a match, in set_field and move, and in Nicira's actions. */
export const matchCodecs = compileFields((field) => field.header);
export const actionCodecs = compileFields((field) => field.actionHeader);
export const nxmCodecs = compileFields((field) => field.nxmHeader);

function compileFields(headerOf: (field: Field) => OxmHeader): ReadonlyMap<string, FieldCodec> {
  return new Map(Object.values(FIELDS).map((field) => [field.name, compileField(field, headerOf(field))]));
}

function compileField(field: Field, header: OxmHeader): FieldCodec {
  const isNarrowPort = field.format === "port" && header.oxmClass === NXM_0;
  const size = isNarrowPort ? 2 : field.bits / 8;
  return {
    header: headerNumber(header, false, size),
    maskedHeader: headerNumber(header, true, size * 2),
    experimenter: header.experimenter,
    size,
    kind: field.isOption ? "option" : isNarrowPort ? "port" : "number",
    exactMask: field.exactMask ? lowBits(field.exactBits) : undefined,
    register: /^reg\d+$/.test(field.name) ? Number(field.name.slice(3)) : -1,
  };
}

function headerNumber(header: OxmHeader, hasMask: boolean, payload: number): number {
  const length = payload + (header.experimenter === undefined ? 0 : 4);
  return ((header.oxmClass << 16) | (header.number << 9) | (hasMask ? HAS_MASK : 0) | length) >>> 0;
}

export function codecOf(codecs: ReadonlyMap<string, FieldCodec>, name: string): FieldCodec {
  const codec = codecs.get(name);
  if (codec === undefined) throw new EncodeError(`${name} is no match field`);
  return codec;
}

/** The class of OpenFlow 1.5's registers of 64 bits. */
export const PACKET_REGS = 0x8001;

/** Whether a term of a match is written with the header that it came with. */
export function isWrittenSo(header: number, term: MatchTerm | undefined): boolean {
  if (term === undefined || term.field === "unknown") return term !== undefined;
  const codec = codecOf(matchCodecs, term.field);
  if (codec.register >= 0) return header >>> 16 === PACKET_REGS;
  const hasMask = term.mask !== undefined || codec.exactMask !== undefined;
  return codec.kind === "option" || header === (hasMask ? codec.maskedHeader : codec.header);
}

export function lowBits(count: number): number {
  return count === 32 ? 0xffff_ffff : (1 << count) - 1;
}

/** A switch rather than a function of each field's own: it is taken for every term of every flow. */
export function writeNumber(w: Writer, size: number, value: FieldValue): void {
  switch (size) {
    case 4:
      w.u32(Number(value));
      return;
    case 2:
      w.u16(Number(value));
      return;
    case 6:
      w.u48(Number(value));
      return;
    case 1:
      w.u8(Number(value));
      return;
    case 8:
      w.u64(BigInt(value));
      return;
    default:
      w.wide(BigInt(value), size);
  }
}
