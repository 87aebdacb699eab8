import { FIELDS, type Field, type FieldName } from "#openflow/fields.ts";
import { allOnes, canonicalMatch, type FieldMatch, type Match, matchTerm, shortestOption } from "#openflow/match.ts";
import { type Names, optionLengthOf } from "./names.ts";
import { checkedValue, type MaskedValue, parseMaskedValue } from "./parse-values.ts";
import { ETHER_TYPE, kindOf, PREREQUISITES, PROTOCOL } from "./prerequisites.ts";
import { findField, readSubfield } from "./subfield.ts";
import { fail, parseUnsigned, type Word } from "./syntax.ts";

/** Words that stand for an EtherType, or an EtherType and a protocol. */
const PROTOCOL_WORDS: Readonly<Record<string, readonly [etherType: number, protocol?: number]>> = {
  ip: [ETHER_TYPE.ip],
  ipv4: [ETHER_TYPE.ip],
  ip4: [ETHER_TYPE.ip],
  icmp: [ETHER_TYPE.ip, PROTOCOL.icmp],
  tcp: [ETHER_TYPE.ip, PROTOCOL.tcp],
  udp: [ETHER_TYPE.ip, PROTOCOL.udp],
  sctp: [ETHER_TYPE.ip, PROTOCOL.sctp],
  ipv6: [ETHER_TYPE.ipv6],
  ip6: [ETHER_TYPE.ipv6],
  icmp6: [ETHER_TYPE.ipv6, PROTOCOL.icmp6],
  tcp6: [ETHER_TYPE.ipv6, PROTOCOL.tcp],
  udp6: [ETHER_TYPE.ipv6, PROTOCOL.udp],
  sctp6: [ETHER_TYPE.ipv6, PROTOCOL.sctp],
  arp: [ETHER_TYPE.arp],
  rarp: [ETHER_TYPE.rarp],
  mpls: [ETHER_TYPE.mpls],
  mplsm: [ETHER_TYPE.mplsm],
};

/**
 * Fields that share their place in a packet, of which the match says elsewhere which one is meant: nw_src is ip_src in a match
 * on ip and arp_spa in one on arp.
 */
const SHARED: readonly (readonly FieldName[])[] = [
  ["ip_src", "arp_spa"],
  ["ip_dst", "arp_tpa"],
  ["nw_proto", "arp_op"],
  ["arp_sha", "nd_sll"],
  ["arp_tha", "nd_tll"],
  ["tcp_src", "udp_src", "sctp_src", "icmp_type", "icmpv6_type"],
  ["tcp_dst", "udp_dst", "sctp_dst", "icmp_code", "icmpv6_code"],
];
const sharing = new Map<FieldName, readonly FieldName[]>(
  SHARED.flatMap((fields) => fields.map((field) => [field, fields] as const)),
);

/** As dump-flows prints them. */
const OTHER_NAMES: Readonly<Record<string, FieldName>> = {
  gtpu_flags: "tun_gtpu_flags",
  gtpu_msgtype: "tun_gtpu_msgtype",
};

interface Term extends MaskedValue {
  readonly field: Field;
  readonly word: string;
  /** Of a tunnel's option: its bytes, where they are known. */
  readonly length?: number;
}

const OPTION_ROOM = 256;
const VID = 0x0fff;
const PRESENT = 0x1000;
const PCP = 0xe000;
const NO_TAG = 0xffff;

/** Takes the words of a match one by one; a field that comes again replaces what was said of it before. */
export class MatchReader {
  readonly #names: Names;
  readonly #terms = new Map<string, Term>();
  #optionRoom = 0;

  constructor(names: Names) {
    this.#names = names;
  }

  /** False for a word that is no part of a match. */
  take({ key, value, text }: Word): boolean {
    const protocol = PROTOCOL_WORDS[key];
    if (protocol !== undefined) {
      this.#set(text, FIELDS.eth_type, { value: BigInt(protocol[0]) });
      if (protocol[1] !== undefined) this.#set(text, FIELDS.nw_proto, { value: BigInt(protocol[1]) });
      this.#terms.delete("packet_type");
    } else if (key === "eth") this.#set(text, FIELDS.packet_type, { value: 0n });
    else if (key === "dl_vlan" || key === "dl_vlan_pcp") this.#takeTag(key, value, text);
    else if (key.includes("[")) this.#takeSubfield(key, value, text);
    else return this.#takeField(key, value, text);
    return true;
  }

  #takeField(key: string, text: string, word: string): boolean {
    const field = findField(OTHER_NAMES[key] ?? key);
    if (field === undefined || /^[A-Z]/.test(key)) return false;
    const masked = text === "" ? this.#existence(field, word) : parseMaskedValue(word, field, text, this.#names);
    checkedValue(word, field, masked.value & (masked.mask ?? allOnes(field.bits)));
    this.#set(word, field, masked);
    return true;
  }

  /** A bare tun_metadata0 asks for the option, whatever its value; a bare word of any other field says nothing. */
  #existence(field: Field, word: string): MaskedValue {
    if (field.format === "decimal" || field.format === "hexadecimal" || field.format.endsWith("flags"))
      return { value: 0n, mask: 0n };
    return fail(word, "a value is expected");
  }

  #set(word: string, field: Field, { value, mask }: MaskedValue): void {
    if (/^xx?reg/.test(field.name)) this.#setRegisters(word, field, value, mask);
    else if (field.name === "vlan_tci") this.#setTag(word, Number(value), Number(mask ?? 0xffffn));
    else if (field.name === "vlan_vid") this.#setVlanId(word, Number(value), Number(mask ?? 0x1fffn));
    else if (field.name === "vlan_pcp") this.#setPriority(word, Number(value));
    else if (field.name === "nw_tos") this.#set(word, FIELDS.ip_dscp, { value: value >> 2n });
    else if (field.name === "in_port_oxm") this.#set(word, FIELDS.in_port, { value });
    else if (field.isOption) this.#setOption(word, field, value, mask);
    else {
      const place = sharing.get(field.name)?.[0] ?? field.name;
      const masked = mask === undefined ? { value } : { value: value & mask, mask };
      if (mask === 0n) this.#terms.delete(place);
      else this.#terms.set(place, { ...masked, field, word });
    }
  }

  /** Options share the room of a tunnel's header, in pieces of four bytes. */
  #setOption(word: string, field: Field, value: bigint, mask: bigint | undefined): void {
    if (this.#terms.has(field.name)) fail(word, `${field.name} is matched twice`);
    const known = optionLengthOf(field.name, this.#names);
    const shortest = shortestOption(value, mask);
    if (known !== undefined && shortest > known) fail(word, `${field.name} has ${known} bytes`);
    this.#optionRoom += 4 * Math.ceil((known ?? shortest) / 4);
    if (this.#optionRoom > OPTION_ROOM) fail(word, `the options of a match have ${OPTION_ROOM} bytes at most`);
    this.#terms.set(field.name, {
      ...(mask === undefined ? { value } : { value: value & mask, mask }),
      ...(known === undefined || known === shortest ? {} : { length: known }),
      field,
      word,
    });
  }

  #setRegisters(word: string, { name, bits }: Field, value: bigint, mask = allOnes(bits)): void {
    const count = bits / 32;
    const first = count * Number(/\d+$/.exec(name)?.[0]);
    for (let i = 0; i < count; i++) {
      const shift = BigInt(32 * (count - 1 - i));
      const part = (whole: bigint) => (whole >> shift) & 0xffff_ffffn;
      if (part(mask) === 0n) continue;
      const register = findField(`reg${first + i}`);
      if (register !== undefined) this.#set(word, register, { value: part(value), mask: part(mask) });
    }
  }

  /** The VLAN tag of 16 bits, which several fields are parts of. */
  #tag(): { readonly value: number; readonly mask: number } {
    const tag = this.#terms.get("vlan_tci");
    return tag === undefined ? { value: 0, mask: 0 } : { value: Number(tag.value), mask: Number(tag.mask ?? 0xffffn) };
  }

  #setTag(word: string, value: number, mask: number): void {
    if (mask === 0) this.#terms.delete("vlan_tci");
    else
      this.#terms.set("vlan_tci", {
        field: FIELDS.vlan_tci,
        word,
        value: BigInt(value & mask),
        ...(mask === 0xffff ? {} : { mask: BigInt(mask) }),
      });
  }

  #setVlanId(word: string, id: number, given: number): void {
    const { value, mask } = this.#tag();
    const bits = given & (VID | PRESENT);
    this.#setTag(word, (value & PCP) | (id & bits), (mask & PCP) | bits);
  }

  #setPriority(word: string, priority: number): void {
    const { value, mask } = this.#tag();
    this.#setTag(word, (value & ~PCP) | (priority << 13) | PRESENT, mask | PCP | PRESENT);
  }

  /** dl_vlan and dl_vlan_pcp, which OpenFlow 1.0 had; 0xffff is no tag at all. */
  #takeTag(key: "dl_vlan" | "dl_vlan_pcp", text: string, word: string): void {
    const { value, mask } = this.#tag();
    const given = text === "*" || text === "" ? undefined : parseUnsigned(word, text, 16);
    if (given === undefined) this.#setTag(word, value, mask & ~(key === "dl_vlan" ? VID | PRESENT : PCP));
    else if (key === "dl_vlan_pcp") {
      if (given > 7) fail(word, `${text} does not fit into the 3 bits of a VLAN priority`);
      this.#setPriority(word, given);
    } else if (given === NO_TAG) this.#setTag(word, 0, 0xffff);
    else {
      if (given > VID) fail(word, `${text} does not fit into the 12 bits of a VLAN id`);
      this.#setTag(word, (value & PCP) | given | PRESENT, mask | VID | PRESENT);
    }
  }

  /** reg0[0..3]=5 adds bits to what is said of the field already. */
  #takeSubfield(key: string, text: string, word: string): void {
    const subfield = readSubfield(word, key, this.#names) ?? fail(word, `${key} is no field`);
    const field = FIELDS[subfield.field];
    const { value: bits, mask } = parseMaskedValue(word, { ...field, format: "hexadecimal" }, text, this.#names);
    if (mask !== undefined) fail(word, "a run of bits takes no mask");
    if (bits > allOnes(subfield.bits)) fail(word, `${text} does not fit into ${subfield.bits} bits`);
    const start = BigInt(subfield.start);
    const before = this.#terms.get(sharing.get(field.name)?.[0] ?? field.name);
    const beforeMask = before === undefined ? 0n : (before.mask ?? allOnes(field.bits));
    const run = allOnes(subfield.bits) << start;
    const value = ((before?.value ?? 0n) & ~run) | (bits << start);
    const all = run | beforeMask;
    if (all !== allOnes(field.bits) && !field.maskable) fail(word, `${field.name} can be matched as a whole only`);
    this.#set(word, field, all === allOnes(field.bits) ? { value } : { value, mask: all });
  }

  /** The match, once every term is known to make sense beside the others. */
  finish(): Match {
    const words = new Map<string, string>();
    const terms = this.#resolve(words);
    const match = canonicalMatch(terms);
    const kind = kindOf(match);
    for (const { field } of match) {
      if (field === "unknown") continue;
      const { needs, holds } = PREREQUISITES[FIELDS[field].prerequisite];
      if (!holds(kind)) fail(words.get(field) ?? field, `${field} can be matched only beside ${needs}`);
    }
    return match;
  }

  /** Says of each term whose place others share which field it is. Notes in `words` where each came from. */
  #resolve(words: Map<string, string>): readonly FieldMatch[] {
    const resolved: FieldMatch[] = [];
    // What decides comes first: the EtherType, then the protocol, then the type of ICMPv6.
    const ordered = [...this.#terms].sort(([a], [b]) => rank(a) - rank(b));
    for (const [place, term] of ordered) {
      const kind = kindOf(resolved);
      const shared = sharing.get(place as FieldName);
      const name = shared?.find((field) => PREREQUISITES[FIELDS[field].prerequisite].holds(kind)) ?? term.field.name;
      const field = FIELDS[name];
      if (term.value > allOnes(field.exactBits) || !isMaskOf(field, term))
        fail(
          term.word,
          `does not fit ${field.name}, which has ${field.exactBits} bits${field.maskable ? "" : " and no mask"}`,
        );
      words.set(field.name, term.word);
      const made = matchTerm(field.name, term.value, scaleMask(field, term));
      if (made !== undefined) resolved.push(term.length === undefined ? made : { ...made, length: term.length });
    }
    return resolved;
  }
}

function rank(place: string): number {
  const order = [
    "packet_type",
    "eth_type",
    "nw_proto",
    "ip_frag",
    "ct_state",
    "ct_nw_proto",
    "vlan_tci",
    "tcp_src",
    "tcp_dst",
  ];
  const index = order.indexOf(place);
  return index < 0 ? order.length : index;
}

function isMaskOf(field: Field, { mask }: Term): boolean {
  return mask === undefined || (mask <= allOnes(field.bits) && (field.maskable || mask === allOnes(field.bits)));
}

function scaleMask(field: Field, { mask }: Term): bigint | undefined {
  return mask === allOnes(field.bits) ? undefined : mask;
}
