import { EncodeError } from "#openflow/errors.ts";
import {
  EXPERIMENTER_CLASS,
  FIELDS,
  type Field,
  type FieldName,
  findFieldByActionHeader,
  findFieldByHeader,
} from "#openflow/fields.ts";
import {
  allOnes,
  bytesAsSent,
  canonicalAsRead,
  type FieldMatch,
  type FieldValue,
  isFolded,
  type Match,
  type MatchTerm,
  rememberBytes,
  shortestOption,
  sized,
  type UnknownMatch,
} from "#openflow/match.ts";
import { narrowPort, widenPort } from "#openflow/ports.ts";
import {
  actionCodecs,
  codecOf,
  type FieldCodec,
  HAS_MASK,
  isWrittenSo,
  lowBits,
  matchCodecs,
  nxmCodecs,
  PACKET_REGS,
  writeNumber,
} from "./field-codecs.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

function writePort(w: Writer, value: FieldValue): void {
  const port = narrowPort(Number(value));
  if (port === undefined) throw new EncodeError(`port ${value} does not fit into 16 bits`);
  w.u16(port);
}

/** A field, and how long it is where only the switch knows. */
export interface FieldReference {
  readonly field: FieldName;
  readonly length?: number;
}

/** The header alone, as move names a field. */
export function encodeFieldHeader(w: Writer, reference: FieldReference): void {
  writeReference(w, actionCodecs, reference);
}

/** The header alone, as Nicira's actions name a field. */
export function encodeNxmHeader(w: Writer, reference: FieldReference): void {
  writeReference(w, nxmCodecs, reference);
}

function writeReference(w: Writer, codecs: ReadonlyMap<string, FieldCodec>, { field, length }: FieldReference): void {
  const codec = codecOf(codecs, field);
  if (length === undefined || codec.kind !== "option") writeHeader(w, codec, false);
  else w.u32((codec.header & ~0xff) | length);
}

/** Whether Nicira's actions have room for the field: some hold 32 bits of a header. */
export function hasShortHeader(name: FieldName): boolean {
  return codecOf(nxmCodecs, name).experimenter === undefined;
}

function writeHeader(w: Writer, codec: FieldCodec, hasMask: boolean): void {
  w.u32(hasMask ? codec.maskedHeader : codec.header);
  if (codec.experimenter !== undefined) w.u32(codec.experimenter);
}

/** A header that says what the field is and takes, without a value: of which length the value would be counts as well. */
export function encodeBareHeader(w: Writer, name: FieldName, hasMask: boolean): void {
  writeHeader(w, codecOf(actionCodecs, name), hasMask);
}

/** A field with a value, as set_field holds it. */
export function encodeOxm(w: Writer, term: FieldMatch): void {
  writeOxm(w, codecOf(actionCodecs, term.field), term);
}

function writeOxm(w: Writer, codec: FieldCodec, term: FieldMatch): void {
  const { field: name, value, mask } = term;
  if (codec.kind === "option") {
    writeOption(w, codec, term);
    return;
  }
  try {
    writeHeader(w, codec, mask !== undefined);
    // Some bits of a port are no port: they stand as they are.
    if (codec.kind === "port" && mask === undefined) writePort(w, value);
    else writeNumber(w, codec.size, value);
    if (mask !== undefined) writeNumber(w, codec.size, mask);
  } catch (error) {
    if (error instanceof EncodeError) throw new EncodeError(`${name}: ${error.message}`, error.details);
    throw error;
  }
}

/** tun_metadata takes what its value needs, where nobody has said how long it is: the switch knows. */
function writeOption(w: Writer, { header }: FieldCodec, { value, mask, length }: FieldMatch): void {
  const size = length ?? shortestOption(value, mask);
  w.u32((header & ~0x1ff) | (mask === undefined ? size : HAS_MASK | (size * 2)));
  w.wide(BigInt(value), size);
  if (mask !== undefined) w.wide(BigInt(mask), size);
}

/** ofp_match: type OFPMT_OXM, length without padding, TLVs, zeros to a multiple of 8. */
export function encodeMatch(w: Writer, match: Match): void {
  const start = w.offset;
  w.u32(0x0001_0000);
  encodeTerms(w, match);
  w.patch16(start + 2, w.offset - start);
  w.pad(start, 8);
}

/** The terms alone, one behind the other, as Open vSwitch writes them. */
export function encodeTerms(w: Writer, match: Match): void {
  const sent = bytesAsSent(match);
  if (sent !== undefined && w.version === OPENFLOW15) w.raw(sent);
  else writeTerms(w, match);
}

function writeTerms(w: Writer, match: Match): void {
  for (let i = 0; i < match.length; i++) {
    const term = match[i]!;
    if (term.field === "unknown") {
      writeUnknown(w, term);
      continue;
    }
    const codec = codecOf(matchCodecs, term.field);
    if (codec.register >= 0 && w.version === OPENFLOW15) i += writeRegisters(w, codec.register, term, match[i + 1]);
    else if (codec.exactMask !== undefined && term.mask === undefined && Number(term.value) <= codec.exactMask)
      writeOxm(w, codec, { ...term, mask: codec.exactMask });
    else writeOxm(w, codec, term);
  }
}

const OPENFLOW15 = 6;

/** OpenFlow 1.5 has registers of 64 bits: two of ours are one. Returns how many of the terms behind are written too. */
function writeRegisters(w: Writer, register: number, term: FieldMatch, next: MatchTerm | undefined): number {
  const isUpper = register % 2 === 0;
  const hasPair = isUpper && next?.field === `reg${register + 1}`;
  const [upper, lower] = [isUpper ? term : undefined, isUpper ? (hasPair ? next : undefined) : term];
  const masks = [maskOf(upper), maskOf(lower)] as const;
  const isExact = masks[0] === ALL_32 && masks[1] === ALL_32;
  w.u16(PACKET_REGS);
  w.u16(((register >> 1) << 9) | (isExact ? 8 : HAS_MASK | 16));
  w.u32(Number(upper?.value ?? 0));
  w.u32(Number(lower?.value ?? 0));
  if (!isExact) for (const mask of masks) w.u32(mask);
  return hasPair ? 1 : 0;
}

const ALL_32 = 0xffff_ffff;

function maskOf(term: MatchTerm | undefined): number {
  return term === undefined ? 0 : Number(term.mask ?? ALL_32);
}

function writeUnknown(w: Writer, { header, experimenter, value, mask }: UnknownMatch): void {
  const payload = (header & 0xff) - (experimenter === undefined ? 0 : 4);
  w.u32(header);
  if (experimenter !== undefined) w.u32(experimenter);
  const size = mask === undefined ? payload : payload / 2;
  w.wide(value, size);
  if (mask !== undefined) w.wide(mask, size);
}

export function decodeMatch(r: Reader): Match {
  const type = r.u16();
  const length = r.u16();
  if (type !== 1)
    r.fail(`match type ${type}; 1 (OFPMT_OXM) is expected`, type === 0 ? "OFPBMC_BAD_LEN" : "OFPBMC_BAD_TYPE");
  if (length < 4) r.fail(`match length ${length}; at least 4 is expected`);
  const outer = r.narrow(length - 4);
  const match = decodeTerms(r);
  r.widen(outer);
  r.skip((8 - (length % 8)) % 8);
  return match;
}

/** Terms up to the end of what is read. */
export function decodeTerms(r: Reader): Match {
  const terms: MatchTerm[] = [];
  const start = r.offset;
  let last = -1;
  let isUsual = true;
  while (r.offset < r.end) {
    r.enter("match", terms.length);
    const at = r.offset;
    last = decodeTerm(r, terms, last);
    isUsual &&= isWrittenSo(r.view.getUint32(at), terms[terms.length - 1]);
    r.leave();
  }
  if (last !== UNORDERED && isUsual) return terms;
  try {
    const match = last === UNORDERED ? canonicalAsRead(terms) : terms;
    return r.version === OPENFLOW15 ? rememberBytes(match, r.bytes.slice(start, r.end)) : match;
  } catch (error) {
    return r.fail(error instanceof Error ? error.message : String(error), "OFPBMC_DUP_FIELD");
  }
}

/** What decodeTerm returns from then on: the terms must be put in order. */
const UNORDERED = Number.POSITIVE_INFINITY;
const folded = new Set(Object.values(FIELDS).filter(({ name }) => isFolded(name)));

/**
 * Appends one term; the switch writes registers in pairs, which are taken apart here rather than as bigints later. `last` is
 * the order of the term before; returns that of this one.
 */
function decodeTerm(r: Reader, terms: MatchTerm[], last: number): number {
  const header = r.u32();
  const oxmClass = header >>> 16;
  const hasMask = (header & HAS_MASK) !== 0;
  const experimenter = oxmClass === EXPERIMENTER_CLASS ? r.u32() : undefined;
  const length = (header & 0xff) - (experimenter === undefined ? 0 : 4);
  const field = findFieldByHeader(oxmClass, (header >>> 9) & 0x7f, experimenter);
  const size = hasMask ? length / 2 : length;
  if (length < 0 || !Number.isInteger(size)) r.fail(`an OXM with a length of ${length}${hasMask ? " and a mask" : ""}`);
  if (field === undefined || !isOfLength(field, size, oxmClass)) {
    terms.push(decodeUnknown(r, header, experimenter, size, hasMask));
    r.doubt ??= "OFPBMC_BAD_FIELD";
    return UNORDERED;
  }
  if (field.bits === 64 && field.name.startsWith("xreg")) {
    decodeRegisterPair(r, field, size, hasMask, terms);
    const first = REGISTERS[field.header.number * 2]!.order;
    return first <= last ? UNORDERED : first + 1;
  }
  decodeValue(r, field, size, hasMask, terms);
  return field.order <= last || folded.has(field) ? UNORDERED : field.order;
}

/** A header says the length too: with another one it is of a field that nobody knows. */
function isOfLength(field: Field, size: number, oxmClass: number): boolean {
  if (field.isOption) return true;
  return size * 8 === (oxmClass === OLDEST_CLASS && field.format === "port" ? 16 : field.bits);
}

/** NXM's first class, whose in_port has 16 bits. */
const OLDEST_CLASS = 0;

function decodeUnknown(
  r: Reader,
  header: number,
  experimenter: number | undefined,
  size: number,
  hasMask: boolean,
): UnknownMatch {
  const value = r.wide(size);
  return {
    field: "unknown",
    header,
    ...(experimenter === undefined ? {} : { experimenter }),
    value,
    ...(hasMask ? { mask: r.wide(size) } : {}),
  };
}

const REGISTERS = Object.values(FIELDS).filter((field) => /^reg\d/.test(field.name));

function decodeRegisterPair(r: Reader, field: Field, size: number, hasMask: boolean, terms: MatchTerm[]): void {
  if (size !== 8) r.fail(`${field.name} has ${size} bytes; 8 are expected`);
  r.need(hasMask ? 16 : 8);
  const first = field.header.number * 2;
  for (let i = 0; i < 2; i++) {
    const value = r.view.getUint32(r.offset + 4 * i);
    const mask = hasMask ? r.view.getUint32(r.offset + 8 + 4 * i) : 0xffff_ffff;
    if ((value & ~mask) !== 0) failOutside(r, field.name);
    pushTerm(terms, REGISTERS[first + i]!, value, mask);
  }
  r.offset += hasMask ? 16 : 8;
}

function decodeValue(r: Reader, field: Field, size: number, hasMask: boolean, terms: MatchTerm[]): void {
  if (field.isOption) {
    terms.push(decodeOption(r, field, size, hasMask));
    return;
  }
  const value = readValue(r, field, size);
  if (!hasMask) {
    const isPort = field.format === "port" && size === 2;
    terms.push({ field: field.name, value: isPort ? widenPort(Number(value)) : value });
    return;
  }
  const mask = readValue(r, field, size);
  if (typeof value === "number" ? !isWithin(value, Number(mask)) : (value & ~BigInt(mask)) !== 0n)
    failOutside(r, field.name);
  pushTerm(terms, field, value, mask);
}

function decodeOption(r: Reader, field: Field, size: number, hasMask: boolean): FieldMatch {
  const value = BigInt(readValue(r, field, size));
  const mask = hasMask ? BigInt(readValue(r, field, size)) : undefined;
  if (mask !== undefined && (value & ~mask) !== 0n) failOutside(r, field.name);
  return {
    field: field.name,
    value,
    ...(mask === undefined ? {} : { mask }),
    ...(size === shortestOption(value, mask) ? {} : { length: size }),
  };
}

function failOutside(r: Reader, name: string): never {
  return r.fail(`${name} has bits outside its mask`, "OFPBMC_BAD_WILDCARDS");
}

/** For up to 48 bits, which the operators of JavaScript cannot take at once. */
function isWithin(value: number, mask: number): boolean {
  if (mask <= 0xffff_ffff) return value <= 0xffff_ffff && (value & ~mask) === 0;
  const high = 0x1_0000_0000;
  return (value & ~mask) === 0 && (Math.floor(value / high) & ~Math.floor(mask / high)) === 0;
}

/** Leaves out what an empty mask lets through, and the mask that leaves nothing open. */
function pushTerm(terms: MatchTerm[], field: Field, value: FieldValue, mask: FieldValue): void {
  if (mask === 0 || mask === 0n) return;
  const { name, bits, maskBits } = field;
  const isExact =
    bits <= 32 ? (Number(mask) & lowBits(maskBits)) >>> 0 === lowBits(maskBits) : BigInt(mask) === allOnes(maskBits);
  terms.push(isExact ? { field: name, value } : { field: name, value, mask });
}

/** NXM in_port has 16 bits where OXM has 32, and tun_metadata is as long as the switch was told: the length decides. */
function readValue(r: Reader, field: Field, size: number): FieldValue {
  if (size > field.bits / 8) r.fail(`${field.name} has ${size} bytes; at most ${field.bits / 8} are expected`);
  if (field.bits > 48) return size === 8 ? r.u64() : r.wide(size);
  if (size === 4) return r.u32();
  if (size === 2) return r.u16();
  if (size === 1) return r.u8();
  if (size === 6) return r.u48();
  return sized(r.wide(size), 48);
}

/** A header that stands alone in an action. */
export function decodeFieldHeader(r: Reader): Field {
  const header = r.u32();
  const oxmClass = header >>> 16;
  const experimenter = oxmClass === EXPERIMENTER_CLASS ? r.u32() : undefined;
  const number = (header >>> 9) & 0x7f;
  const field = findFieldByActionHeader(oxmClass, number, experimenter);
  if (field === undefined) throw new UnknownField(`class 0x${oxmClass.toString(16)}, number ${number}`);
  return field;
}

/** The same, with the length of an option that is not the longest. */
export function decodeReference(r: Reader): FieldReference {
  r.need(4);
  const length = r.bytes[r.offset + 3]!;
  const { name, bits, isOption } = decodeFieldHeader(r);
  return isOption && length !== bits / 8 ? { field: name, length } : { field: name };
}

/** Thrown where an action names a field that is not in the table: the action is then kept as bytes. */
export class UnknownField extends Error {}

/** A field with a value, as set_field holds it. */
export function decodeOxm(r: Reader): FieldMatch {
  r.need(4);
  const header = r.view.getUint32(r.offset);
  const field = decodeFieldHeader(r);
  const hasMask = (header & HAS_MASK) !== 0;
  const length = (header & 0xff) - (header >>> 16 === EXPERIMENTER_CLASS ? 4 : 0);
  const size = hasMask ? length / 2 : length;
  if (length < 0 || !Number.isInteger(size)) r.fail(`${field.name} has a length of ${length}`);
  if (field.isOption) return decodeOption(r, field, size, hasMask);
  const terms: MatchTerm[] = [];
  // A mask counts here as soon as it leaves one bit out, also one that has no meaning.
  decodeValue(r, { ...field, maskBits: field.bits }, size, hasMask, terms);
  const [term] = terms;
  if (term === undefined || term.field === "unknown") return r.fail(`${field.name} has an empty mask`);
  return term;
}
