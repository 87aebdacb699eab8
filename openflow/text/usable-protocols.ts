import { FIELDS, type FieldName } from "#openflow/fields.ts";
import type { Flow } from "#openflow/flow.ts";
import { allOnes, type MatchTerm } from "#openflow/match.ts";
import { findField } from "./subfield.ts";
import { prefixLengthOf } from "./values.ts";

/*
 * Versions and extensions, a bit each, as ovs-ofctl names them: the first four are OpenFlow 1.0 with and without two extensions
 * of Open vSwitch, the others OpenFlow 1.1 to 1.5.
 */
const OF10 = 0b11;
const NXM = 0b1100;
const OF11 = 1 << 4;
const OXM = 0b1_1110_0000;
const OF12_UP = OXM;
const OF13_UP = 0b1_1100_0000;
const ANY = 0x1ff;
const NXM_OXM = NXM | OXM;
const NXM_OF11_UP = NXM | OF11 | OXM;
const OF11_UP = OF11 | OXM;
/** Those that say which table a flow is for. */
const WITH_TABLE = 0b10 | 0b1000 | OF11_UP;

const NAMES: readonly (readonly [bits: number, name: string])[] = [
  [ANY, "any"],
  [OF10, "OpenFlow10"],
  [NXM, "NXM"],
  [OXM, "OXM"],
  [1 << 0, "OpenFlow10-table_id"],
  [1 << 1, "OpenFlow10+table_id"],
  [1 << 2, "NXM-table_id"],
  [1 << 3, "NXM+table_id"],
  [OF11, "OpenFlow11"],
  [1 << 5, "OXM-OpenFlow12"],
  [1 << 6, "OXM-OpenFlow13"],
  [1 << 7, "OXM-OpenFlow14"],
  [1 << 8, "OXM-OpenFlow15"],
];

/** As parse-flows prints them. */
export function formatProtocols(protocols: number): string {
  const names: string[] = [];
  let left = protocols;
  for (const [bits, name] of NAMES) {
    if (left === 0 || (left & bits) !== bits) continue;
    names.push(name);
    left &= ~bits;
  }
  return names.length === 0 ? "none" : names.join(",");
}

/** Fields that OpenFlow 1.0 has; in_port and the like take no mask. */
const OF10_FIELDS: readonly FieldName[] = [
  ...(["in_port", "eth_type", "eth_src", "eth_dst", "vlan_tci", "vlan_vid", "vlan_pcp", "nw_proto", "nw_tos"] as const),
  ...(["ip_dscp", "ip_src", "ip_dst", "arp_op", "arp_spa", "arp_tpa", "icmp_type", "icmp_code"] as const),
  ...(["tcp_src", "tcp_dst", "udp_src", "udp_dst"] as const),
];
const OF11_FIELDS: readonly FieldName[] = [
  ...(["metadata", "in_port_oxm", "mpls_label", "mpls_tc", "nw_ecn", "sctp_src", "sctp_dst"] as const),
];
const PREFIXED: readonly FieldName[] = ["ip_src", "ip_dst", "arp_spa", "arp_tpa"];

function exactIn(field: FieldName): number {
  if (OF10_FIELDS.includes(field)) return ANY;
  return OF11_FIELDS.includes(field) ? NXM_OF11_UP : NXM_OXM;
}

function usableOf(term: MatchTerm): number {
  const { field, mask } = term;
  if (field === "unknown") return NXM_OXM;
  // What is left of a tag or a port in a match does not tell how it was written.
  if (/^vlan_/.test(field) || (/^sctp_/.test(field) && mask === undefined)) return ANY;
  if (mask === undefined || mask === allOnes(FIELDS[field].bits)) return exactIn(field);
  if (PREFIXED.includes(field)) return prefixLengthOf(mask, 32) === undefined ? NXM_OF11_UP : ANY;
  return ["eth_src", "eth_dst", "metadata"].includes(field) ? NXM_OF11_UP : NXM_OXM;
}

const IPV6 = 0x86dd;
const WITHIN_IPV6 = /^(nw_proto|ip_dscp|nw_ecn|(tcp|udp|sctp|icmpv6)_(src|dst|type|code))$/;

/** What words of the text tell, be it match or actions, beyond what is left of them in the flow. */
const HEAD_WORDS: readonly (readonly [word: RegExp, protocols: number])[] = [
  [/\btable\s*=\s*(?!255\b)/, WITH_TABLE],
  [/\bvlan_(tci|vid)=[^,\s]+\/(?!0xffff\b)/, NXM_OXM],
  [/\b(in_port_oxm|sctp_src|sctp_dst)\b/, NXM_OF11_UP],
];
const WORDS: readonly (readonly [word: RegExp, protocols: number])[] = [
  [/\breset_counts\b/, OF12_UP],
  [/\bno_(packet|byte)_counts\b/, OF13_UP],
  [/\bpush_vlan\b/, OF11_UP],
  [/\bencap\b/, OF13_UP],
  [/\bmeter\s*[:(=]/, OF13_UP],
  [/\bwrite_metadata\b/, NXM_OF11_UP],
];

/** In which versions the flow can be said that was read from the text. */
export function usableProtocols({ match }: Flow, text: string): number {
  const head = text.slice(0, text.indexOf("action"));
  let usable = match.reduce((protocols, term) => protocols & usableOf(term), ANY);
  const type = match.find(({ field }) => field === "eth_type")?.value;
  if (type === IPV6 && match.some(({ field }) => WITHIN_IPV6.test(field))) usable &= NXM_OXM;
  for (const [word, protocols] of HEAD_WORDS) if (word.test(head)) usable &= protocols;
  for (const [word, protocols] of WORDS) if (word.test(text)) usable &= protocols;
  for (const [, name = ""] of text.matchAll(/\bset_field\b[^>]*->\s*(\w+)/gi)) {
    const field = findField(name);
    if (field !== undefined) usable &= exactIn(field.name);
  }
  return usable;
}
