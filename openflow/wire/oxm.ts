import { EncodeError } from "#openflow/errors.ts";
import { EXPERIMENTER_CLASS, FIELDS, type Field, findFieldByHeader, type OxmHeader } from "#openflow/fields.ts";
import { canonicalMatch, type FieldMatch, type FieldValue, type Match, sized } from "#openflow/match.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/*
 * OXM TLV (OpenFlow 1.5.1 section 7.2.3.2), after the header the value and, with HM set, the mask:
 *
 *      0               16      23 24      32
 *     +---------------+--------+--+--------+------------------+
 *     |   class       | field  |HM| length | experimenter (32) | for class 0xffff
 *     +---------------+--------+--+--------+------------------+
 */

interface FieldCodec {
  readonly header: number;
  readonly maskedHeader: number;
  readonly experimenter: number | undefined;
  readonly size: number;
  readonly write: (w: Writer, value: FieldValue) => void;
}

function headerNumber(header: OxmHeader, hasMask: boolean, payload: number): number {
  const length = payload + (header.experimenter === undefined ? 0 : 4);
  return ((header.oxmClass << 16) | (header.number << 9) | (hasMask ? 0x100 : 0) | length) >>> 0;
}

const codecs: ReadonlyMap<string, FieldCodec> = new Map(
  Object.values(FIELDS).map((field) => [field.name, compileField(field)]),
);

function compileField(field: Field): FieldCodec {
  const size = field.bits / 8;
  return {
    header: headerNumber(field.header, false, size),
    maskedHeader: headerNumber(field.header, true, size * 2),
    experimenter: field.header.experimenter,
    size,
    write: valueWriter(size),
  };
}

function valueWriter(size: number): (w: Writer, value: FieldValue) => void {
  if (size === 1) return (w, value) => w.u8(Number(value));
  if (size === 2) return (w, value) => w.u16(Number(value));
  if (size === 4) return (w, value) => w.u32(Number(value));
  if (size === 6) return (w, value) => w.u48(Number(value));
  if (size === 8) return (w, value) => w.u64(BigInt(value));
  return (w, value) => w.wide(BigInt(value), size);
}

function codecOf(name: string): FieldCodec {
  const codec = codecs.get(name);
  if (codec === undefined) throw new EncodeError(`${name} is no match field`);
  return codec;
}

/** The header alone, as actions name a field. */
export function encodeFieldHeader(w: Writer, name: string, hasMask = false): void {
  const codec = codecOf(name);
  w.u32(hasMask ? codec.maskedHeader : codec.header);
  if (codec.experimenter !== undefined) w.u32(codec.experimenter);
}

export function encodeOxm(w: Writer, name: string, value: FieldValue, mask?: FieldValue): void {
  const codec = codecOf(name);
  w.u32(mask === undefined ? codec.header : codec.maskedHeader);
  if (codec.experimenter !== undefined) w.u32(codec.experimenter);
  codec.write(w, value);
  if (mask !== undefined) codec.write(w, mask);
}

/** ofp_match: type OFPMT_OXM, length without padding, TLVs, zeros to a multiple of 8. */
export function encodeMatch(w: Writer, match: Match): void {
  const start = w.offset;
  w.u32(0x0001_0000);
  for (let i = 0; i < match.length; i++) {
    const term = match[i]!;
    const number = registerNumbers.get(term.field);
    if (number === undefined) encodeOxm(w, term.field, term.value, term.mask);
    else {
      const next = match[i + 1];
      const partner = number % 2 === 0 && next !== undefined && registerNumbers.get(next.field) === number + 1;
      if (partner) encodeRegisterPair(w, number >> 1, term, match[++i]);
      else if (number % 2 === 0) encodeRegisterPair(w, number >> 1, term, undefined);
      else encodeRegisterPair(w, number >> 1, undefined, term);
    }
  }
  w.patch16(start + 2, w.offset - start);
  w.pad(start, 8);
}

const ALL_BITS = 0xffff_ffff;
const registerNumbers: ReadonlyMap<string, number> = new Map(
  Object.values(FIELDS)
    .map(({ name }) => [name, /^reg(\d+)$/.exec(name)?.[1]] as const)
    .flatMap(([name, number]) => (number === undefined ? [] : [[name, Number(number)] as const])),
);
const pairCodecs = Array.from({ length: 8 }, (_, i) => codecOf(`xreg${i}`));

/** OpenFlow 1.5 has registers in matches as packet registers of 64 bits (xreg), the even one in the high half. */
function encodeRegisterPair(w: Writer, pair: number, high: FieldMatch | undefined, low: FieldMatch | undefined): void {
  const codec = pairCodecs[pair]!;
  const highMask = high === undefined ? 0 : Number(high.mask ?? ALL_BITS);
  const lowMask = low === undefined ? 0 : Number(low.mask ?? ALL_BITS);
  const exact = highMask === ALL_BITS && lowMask === ALL_BITS;
  w.u32(exact ? codec.header : codec.maskedHeader);
  w.u32(Number(high?.value ?? 0));
  w.u32(Number(low?.value ?? 0));
  if (exact) return;
  w.u32(highMask);
  w.u32(lowMask);
}

export interface FieldHeader {
  readonly field: Field;
  readonly hasMask: boolean;
  /** Bytes that follow: value, and mask when there is one. */
  readonly length: number;
}

export function decodeFieldHeader(r: Reader): FieldHeader {
  const header = r.u32();
  const oxmClass = header >>> 16;
  const number = (header >>> 9) & 0x7f;
  const hasMask = (header & 0x100) !== 0;
  const total = header & 0xff;
  const experimenter = oxmClass === EXPERIMENTER_CLASS ? r.u32() : undefined;
  const found = findFieldByHeader(
    experimenter === undefined ? { oxmClass, number } : { oxmClass, number, experimenter },
  );
  if (found === undefined) return r.fail(`no field has class 0x${oxmClass.toString(16)} and number ${number}`);
  return { field: found, hasMask, length: total - (experimenter === undefined ? 0 : 4) };
}

export function decodeOxm(r: Reader): FieldMatch {
  const { field, hasMask, length } = decodeFieldHeader(r);
  const size = hasMask ? length / 2 : length;
  if (!Number.isInteger(size) || size < 0) r.fail(`${field.name} has a length of ${length}`);
  const value = readValue(r, field, size);
  if (!hasMask) return { field: field.name, value };
  const mask = readValue(r, field, size);
  return { field: field.name, value, mask };
}

/** NXM in_port has 16 bits where OXM has 32, and tun_metadata is as long as the switch was told: the length decides. */
export function readValue(r: Reader, field: Field, size: number): FieldValue {
  if (size > field.bits / 8) r.fail(`${field.name} has ${size} bytes; at most ${field.bits / 8} are expected`);
  if (field.bits > 48) return size === 8 ? r.u64() : r.wide(size);
  if (size === 4) return r.u32();
  if (size === 2) return r.u16();
  if (size === 1) return r.u8();
  if (size === 6) return r.u48();
  return sized(r.wide(size), 48);
}

export function decodeMatch(r: Reader): Match {
  const type = r.u16();
  const length = r.u16();
  if (type !== 1) r.fail(`match type ${type}; 1 (OFPMT_OXM) is expected`);
  if (length < 4) r.fail(`match length ${length}; at least 4 is expected`);
  const terms: FieldMatch[] = [];
  r.slice(length - 4, () => {
    while (r.left > 0) terms.push(r.within(`match[${terms.length}]`, () => decodeOxm(r)));
  });
  r.skip((8 - (length % 8)) % 8);
  return canonicalMatch(terms);
}
