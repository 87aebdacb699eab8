import { FIELDS, type FieldName, findFieldByName } from "./fields.ts";

/** A field's value: a number up to 48 bits (registers, ports, IPv4, MAC), a bigint above (metadata, ct_label, IPv6). */
export type FieldValue = number | bigint;

/** One term of a match: `ip_dst=10.0.0.0/8` is { field: "ip_dst", value: 0x0a000000, mask: 0xff000000 }. */
export interface FieldMatch {
  readonly field: FieldName;
  readonly value: FieldValue;
  /** Absent for an exact match. Bits of `value` outside the mask are 0. */
  readonly mask?: FieldValue;
  /** Of a tunnel's option: bytes, where they are not as many as the value needs. No part of the match's key. */
  readonly length?: number;
}

/** A term on a field that is not in the table, kept as it came: its header holds class, number and length. */
export interface UnknownMatch {
  readonly field: "unknown";
  readonly header: number;
  readonly experimenter?: number;
  readonly value: bigint;
  readonly mask?: bigint;
}

export type MatchTerm = FieldMatch | UnknownMatch;

/**
 * A match in canonical order (the order of the table in fields.ts): equal matches are equal arrays. It holds no overlapping
 * fields either: what is said about xreg0 is a term on reg0 and one on reg1, for the switch gives them back as it likes.
 */
export type Match = readonly MatchTerm[];

const AS_SENT = Symbol("as sent");
type SentMatch = Match & { readonly [AS_SENT]?: Uint8Array };

/**
 * A match whose sender has other habits than Open vSwitch (another order, masks that leave nothing open, older headers) holds the
 * bytes beside its terms, to be written again as it came. They are no part of its value: a copy does not have them.
 */
export function rememberBytes(terms: Match, bytes: Uint8Array): Match {
  return Object.defineProperty(terms, AS_SENT, { value: bytes });
}

export function bytesAsSent(terms: Match): Uint8Array | undefined {
  return (terms as SentMatch)[AS_SENT];
}

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
  if (bits === 0n && !field.isOption) return undefined;
  const exact = allOnes(field.maskBits);
  if ((bits & exact) === exact) return { field: field.name, value: sized(value, field.bits) };
  if (!field.maskable) throw new RangeError(`${name} takes no mask`);
  return { field: field.name, value: sized(BigInt(value) & bits, field.bits), mask: sized(mask, field.bits) };
}

/** Orders terms by the table of fields, and takes overlapping fields apart. Throws RangeError for a field that comes twice. */
export function canonicalMatch(terms: readonly MatchTerm[]): Match {
  return orderTerms(terms, fold);
}

/**
 * The same for terms that were read. OpenFlow 1.5 writes a vlan_tci of 0 as a vlan_vid of 0, which says nothing of the priority
 * in a tag that is not there; NXM and OpenFlow 1.0 have it whole, and it stays so.
 */
export function canonicalAsRead(terms: readonly MatchTerm[]): Match {
  return orderTerms(terms, (term) => (isUntagged(term) ? [term] : fold(term)));
}

function isUntagged({ field, value, mask }: MatchTerm): boolean {
  return field === "vlan_tci" && mask === undefined && value === 0;
}

function orderTerms(terms: readonly MatchTerm[], apart: (term: MatchTerm) => readonly MatchTerm[]): Match {
  let isCanonical = true;
  let last = -1;
  for (const term of terms) {
    const order = orderOf(term);
    if (order <= last || term.field in FOLDS) isCanonical = false;
    last = order;
  }
  if (isCanonical) return terms;
  const folded = terms.flatMap(apart).sort((a, b) => orderOf(a) - orderOf(b));
  for (let i = 1; i < folded.length; i++)
    if (folded[i]!.field === folded[i - 1]!.field && folded[i]!.field !== "unknown")
      throw new RangeError(`${folded[i]!.field} is matched twice`);
  return withoutImplied(folded);
}

/** Whether a term on the field may be other terms in a canonical match. */
export function isFolded(name: FieldName): boolean {
  return name in FOLDS;
}

/** Unknown terms stand behind all others. */
function orderOf(term: MatchTerm): number {
  return term.field === "unknown" ? UNKNOWN_ORDER + term.header : FIELDS[term.field].order;
}

const UNKNOWN_ORDER = 1000;

type Fold = (term: FieldMatch) => readonly FieldMatch[];

/** Fields that are other fields under another name. */
const FOLDS: Readonly<Record<string, Fold>> = {
  ...Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`xreg${i}`, foldRegisters(2, i)])),
  ...Object.fromEntries(Array.from({ length: 4 }, (_, i) => [`xxreg${i}`, foldRegisters(4, i)])),
  in_port_oxm: ({ value }) => [{ field: "in_port", value }],
  nw_tos: ({ value }) => [{ field: "ip_dscp", value: Number(value) >>> 2 }],
  packet_type: (term) => [term],
  vlan_tci: foldTag,
};

/** What a field of an Ethernet packet says as well (ovs-fields(7), packet_type). */
const ETHERNET_PACKET = 0;

/** Without what the other terms say. */
function withoutImplied(terms: Match): Match {
  const [first, ...others] = terms;
  const isEthernet = first?.field === "packet_type" && first.value === ETHERNET_PACKET;
  const implies = ({ field }: MatchTerm) => field !== "unknown" && FIELDS[field].prerequisite !== "none";
  return isEthernet && others.some(implies) ? others : terms;
}

function fold(term: MatchTerm): readonly MatchTerm[] {
  return term.field === "unknown" ? [term] : (FOLDS[term.field]?.(term) ?? [term]);
}

/** xreg1 is reg2 (its upper half) and reg3; xxreg1 is reg4 to reg7. */
function foldRegisters(count: number, index: number): Fold {
  return ({ value, mask }) =>
    Array.from({ length: count }, (_, i) => {
      const shift = BigInt(32 * (count - 1 - i));
      const part = (whole: FieldValue) => Number((BigInt(whole) >> shift) & 0xffff_ffffn);
      return matchTerm(`reg${count * index + i}`, part(value), mask === undefined ? undefined : part(mask));
    }).filter((term) => term !== undefined);
}

const VID_AND_PRESENT = 0x1fff;
const PRESENT = 0x1000;

/** A tag is vlan_vid, with the bit which says that there is a tag, and vlan_pcp, of which a match takes all or nothing. */
function foldTag(term: FieldMatch): readonly FieldMatch[] {
  const value = Number(term.value);
  const mask = Number(term.mask ?? 0xffff);
  const pcpMask = mask >>> 13;
  const isTagged = (value & mask & PRESENT) !== 0;
  if (pcpMask !== 0 && (pcpMask !== 7 || (!isTagged && ((mask & PRESENT) === 0 || value >>> 13 !== 0)))) return [term];
  const vid = mask & VID_AND_PRESENT;
  return [
    ...(vid === 0
      ? []
      : [
          vid === VID_AND_PRESENT
            ? { field: "vlan_vid" as const, value: value & vid }
            : { field: "vlan_vid" as const, value: value & vid, mask: vid },
        ]),
    ...(pcpMask === 7 && isTagged ? [{ field: "vlan_pcp" as const, value: value >>> 13 }] : []),
  ];
}

/** One text per match: equal for equal matches, different for different ones. */
export function matchKey(terms: Match): string {
  let key = "";
  for (const term of terms) {
    const name = term.field === "unknown" ? `${term.header}.${term.experimenter ?? ""}` : term.field;
    key += term.mask === undefined ? `${name}=${term.value},` : `${name}=${term.value}/${term.mask},`;
  }
  return key;
}

export function allOnes(bits: number): bigint {
  return (1n << BigInt(bits)) - 1n;
}

/** The bytes that a tunnel's option has at least. */
export function shortestOption(value: FieldValue, mask: FieldValue = 0): number {
  return Math.ceil((BigInt(value) | BigInt(mask)).toString(16).length / 2);
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
