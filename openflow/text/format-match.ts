import type { FieldName } from "#openflow/fields.ts";
import {
  allOnes,
  type FieldMatch,
  type FieldValue,
  type Match,
  shortestOption,
  type UnknownMatch,
} from "#openflow/match.ts";
import { formatPort, type NameOptions, optionLengthOf } from "./names.ts";
import { formatHex, formatPrefixedHex, formatValue } from "./values.ts";

type Terms = ReadonlyMap<FieldName, FieldMatch>;
type Style = (term: FieldMatch, names: NameOptions) => string;

/** Decimal, but hexadecimal with a mask. */
const decimal: Style = ({ value, mask }) =>
  mask === undefined ? `${value}` : `${formatPrefixedHex(value)}/${formatPrefixedHex(mask)}`;
const hex: Style = ({ value, mask }) =>
  mask === undefined ? formatHex(value) : `${formatHex(value)}/${formatHex(mask)}`;
const prefixedHex: Style = ({ value, mask }) =>
  mask === undefined ? formatPrefixedHex(value) : `${formatPrefixedHex(value)}/${formatPrefixedHex(mask)}`;
const likeSetField: Style = ({ field, value, mask }, names) => formatValue(field, value, mask, names);
/** Every bit with its sign, however many the mask has. */
const label20: Style = ({ value, mask }) => {
  const text = (bits: FieldValue) => `0x${bits.toString(16).padStart(5, "0")}`;
  return mask === undefined ? text(value) : `${text(value)}/${text(mask)}`;
};
const byte: Style = ({ value, mask }) => {
  const text = (bits: FieldValue) => `0x${bits.toString(16).padStart(2, "0")}`;
  return mask === undefined ? `${value}` : `${text(value)}/${text(mask)}`;
};
const exactHex: Style = ({ value }) => formatHex(value);
const exactDecimal: Style = ({ value }) => `${value}`;
const port: Style = ({ value }, names) => formatPort(Number(value), names);
const upperSixBits: Style = ({ value }) => `${Number(value) & 0xfc}`;
const shiftedSixBits: Style = ({ value }) => `${Number(value) << 2}`;

/** A mask over all of the option is none. */
function option({ field, value, mask }: FieldMatch, names: NameOptions): string {
  const length = optionLengthOf(field, names) ?? shortestOption(value, mask);
  return formatValue(field, value, mask === allOnes(length * 8) ? undefined : mask, names);
}

/** Always with its sign: the switch has more bits in this field than it shows. */
const oam = ({ value }: FieldMatch) => (Number(value) & 1 ? "+oam" : "-oam");

type Line = readonly [field: FieldName, label: string, style: Style];
type Group = (terms: Terms, names: NameOptions) => readonly string[];

function numbered(prefix: "reg" | "tun_metadata", count: number, style: Style): readonly Line[] {
  return Array.from({ length: count }, (_, i) => [`${prefix}${i}` as FieldName, `${prefix}${i}`, style]);
}

const NSH_MD_TYPE_1 = 1;

/** Open vSwitch says them only of the kind of header that has them. */
function nshContext(field: "nsh_c1" | "nsh_c2" | "nsh_c3" | "nsh_c4"): Group {
  return (terms, names) => {
    const term = terms.get("nsh_mdtype")?.value === NSH_MD_TYPE_1 ? terms.get(field) : undefined;
    return term === undefined ? [] : [`${field}=${prefixedHex(term, names)}`];
  };
}

/** There are ports only where a protocol is said. */
function connectionPort(field: "ct_tp_src" | "ct_tp_dst"): Group {
  return (terms, names) => {
    const term = terms.has("ct_nw_proto") ? terms.get(field) : undefined;
    return term === undefined ? [] : [`${field}=${decimal(term, names)}`];
  };
}

/** Open vSwitch takes the value for the mask, so that 0 is no match for it. */
function unlessZero(field: FieldName, label: string, style: Style): Group {
  return (terms, names) => {
    const term = terms.get(field);
    return term === undefined || term.value === 0 ? [] : [`${label}=${style(term, names)}`];
  };
}

function erspan(version: number, field: FieldName, style: Style): Group {
  return (terms, names) => {
    const term = terms.get("tun_erspan_ver")?.value === version ? terms.get(field) : undefined;
    const isHidden = field !== "tun_erspan_idx" && term?.value === 0;
    return term === undefined || isHidden ? [] : [`${field}=${style(term, names)}`];
  };
}

/** Below ten there is one way to write a number. */
function formatType(type: number): string {
  return type < 10 ? `${type}` : formatHex(type);
}

/** In the order in which ovs-ofctl prints, which is not that of the wire. */
const LAYOUT: readonly (Line | Group)[] = [
  ["pkt_mark", "pkt_mark", hex],
  ["recirc_id", "recirc_id", hex],
  ["dp_hash", "dp_hash", hex],
  ["conj_id", "conj_id", exactDecimal],
  ["actset_output", "actset_output", port],
  (terms, names) => {
    const state = terms.get("ct_state");
    // Bits that Open vSwitch does not know are not said.
    return state === undefined || !(Number(state.mask ?? 0xff) & 0xff)
      ? []
      : [`ct_state=${likeSetField(state, names)}`];
  },
  ["ct_zone", "ct_zone", exactDecimal],
  ["ct_mark", "ct_mark", hex],
  ["ct_label", "ct_label", likeSetField],
  ["ct_nw_src", "ct_nw_src", likeSetField],
  ["ct_ipv6_src", "ct_ipv6_src", likeSetField],
  ["ct_nw_dst", "ct_nw_dst", likeSetField],
  ["ct_ipv6_dst", "ct_ipv6_dst", likeSetField],
  ["ct_nw_proto", "ct_nw_proto", exactDecimal],
  connectionPort("ct_tp_src"),
  connectionPort("ct_tp_dst"),
  (terms) => {
    const type = terms.get("packet_type")?.value;
    // Ethernet is not said.
    return type === undefined || type === 0
      ? []
      : [`packet_type=(${formatType(Number(type) >>> 16)},${formatType(Number(type) & 0xffff)})`];
  },
  (terms) => protocol(terms).words,
  ...numbered("reg", 16, hex),
  ["tun_id", "tun_id", hex],
  ["tun_src", "tun_src", likeSetField],
  ["tun_dst", "tun_dst", likeSetField],
  ["tun_ipv6_src", "tun_ipv6_src", likeSetField],
  ["tun_ipv6_dst", "tun_ipv6_dst", likeSetField],
  ["tun_gbp_id", "tun_gbp_id", decimal],
  ["tun_gbp_flags", "tun_gbp_flags", exactHex],
  unlessZero("tun_erspan_ver", "tun_erspan_ver", exactDecimal),
  // Open vSwitch says of ERSPAN what its version has.
  erspan(1, "tun_erspan_idx", exactHex),
  erspan(2, "tun_erspan_dir", exactDecimal),
  erspan(2, "tun_erspan_hwid", exactHex),
  unlessZero("tun_gtpu_flags", "gtpu_flags", exactHex),
  unlessZero("tun_gtpu_msgtype", "gtpu_msgtype", exactDecimal),
  (terms) => {
    const flags = terms.get("tun_flags");
    return flags === undefined || !(Number(flags.mask ?? 1) & 1) ? [] : [`tun_flags=${oam(flags)}`];
  },
  ...numbered("tun_metadata", 64, option),
  ["metadata", "metadata", hex],
  ["in_port", "in_port", port],
  vlan,
  ["eth_src", "dl_src", likeSetField],
  ["eth_dst", "dl_dst", likeSetField],
  etherType,
  ["ipv6_src", "ipv6_src", likeSetField],
  ["ipv6_dst", "ipv6_dst", likeSetField],
  ["ipv6_label", "ipv6_label", label20],
  ["arp_spa", "arp_spa", likeSetField],
  ["arp_tpa", "arp_tpa", likeSetField],
  ["nsh_flags", "nsh_flags", byte],
  ["nsh_ttl", "nsh_ttl", byte],
  ["nsh_mdtype", "nsh_mdtype", byte],
  ["nsh_np", "nsh_np", byte],
  ["nsh_spi", "nsh_spi", prefixedHex],
  ["nsh_si", "nsh_si", byte],
  nshContext("nsh_c1"),
  nshContext("nsh_c2"),
  nshContext("nsh_c3"),
  nshContext("nsh_c4"),
  ["ip_src", "nw_src", likeSetField],
  ["ip_dst", "nw_dst", likeSetField],
  (terms) => {
    const proto = terms.get("nw_proto");
    return proto === undefined || protocol(terms).saysProto ? [] : [`nw_proto=${proto.value}`];
  },
  ["arp_op", "arp_op", exactDecimal],
  ["arp_sha", "arp_sha", likeSetField],
  ["arp_tha", "arp_tha", likeSetField],
  ["nw_tos", "nw_tos", upperSixBits],
  ["ip_dscp", "nw_tos", shiftedSixBits],
  ["nw_ecn", "nw_ecn", exactDecimal],
  ["nw_ttl", "nw_ttl", exactDecimal],
  ["mpls_label", "mpls_label", exactDecimal],
  ["mpls_tc", "mpls_tc", exactDecimal],
  ["mpls_ttl", "mpls_ttl", exactDecimal],
  ["mpls_bos", "mpls_bos", exactDecimal],
  ["ip_frag", "nw_frag", likeSetField],
  ["icmp_type", "icmp_type", exactDecimal],
  ["icmp_code", "icmp_code", exactDecimal],
  ["icmpv6_type", "icmp_type", exactDecimal],
  ["icmpv6_code", "icmp_code", exactDecimal],
  ["nd_target", "nd_target", likeSetField],
  ["nd_sll", "nd_sll", likeSetField],
  ["nd_tll", "nd_tll", likeSetField],
  ["nd_reserved", "nd_reserved", exactDecimal],
  ["nd_options_type", "nd_options_type", exactDecimal],
  ["tcp_src", "tp_src", decimal],
  ["udp_src", "tp_src", decimal],
  ["sctp_src", "tp_src", decimal],
  ["tcp_dst", "tp_dst", decimal],
  ["udp_dst", "tp_dst", decimal],
  ["sctp_dst", "tp_dst", decimal],
  ["tcp_flags", "tcp_flags", likeSetField],
];

/** A match as `ovs-ofctl dump-flows` prints it, without the priority: "tcp,in_port=3,nw_dst=10.0.0.0/8,tp_dst=80". */
export function formatMatch(match: Match, names: NameOptions = {}): string {
  const terms = new Map<FieldName, FieldMatch>();
  const unknown: string[] = [];
  for (const term of match) {
    if (term.field === "unknown") unknown.push(formatUnknown(term));
    else terms.set(term.field, term);
  }
  const words: string[] = [];
  for (const line of LAYOUT) {
    if (typeof line === "function") {
      words.push(...line(terms, names));
      continue;
    }
    const [field, label, style] = line;
    const term = terms.get(field);
    if (term !== undefined) words.push(term.mask === 0n ? label : `${label}=${style(term, names)}`);
  }
  return [...words, ...unknown].join(",");
}

/** No text of Open vSwitch's has these; class and number tell at least which field it is. */
function formatUnknown({ header, value, mask }: UnknownMatch): string {
  const name = `oxm_0x${(header >>> 16).toString(16)}_${(header >>> 9) & 0x7f}`;
  return `${name}=${formatHex(value)}${mask === undefined ? "" : `/${formatHex(mask)}`}`;
}

const ETHER_TYPES: ReadonlyMap<FieldValue, string> = new Map([
  [0x0800, "ip"],
  [0x86dd, "ipv6"],
  [0x0806, "arp"],
  [0x8035, "rarp"],
  [0x8847, "mpls"],
  [0x8848, "mplsm"],
]);
const IP_PROTOCOLS: ReadonlyMap<FieldValue, string> = new Map([
  [1, "icmp"],
  [6, "tcp"],
  [17, "udp"],
  [132, "sctp"],
]);
const IPV6_PROTOCOLS: ReadonlyMap<FieldValue, string> = new Map([
  [58, "icmp6"],
  [6, "tcp6"],
  [17, "udp6"],
  [132, "sctp6"],
]);

/** The word for EtherType and protocol, and whether it says the protocol too. */
function protocol(terms: Terms): { readonly words: readonly string[]; readonly saysProto: boolean } {
  const type = terms.get("eth_type")?.value;
  const proto = terms.get("nw_proto")?.value;
  const both = proto === undefined ? undefined : (type === 0x86dd ? IPV6_PROTOCOLS : IP_PROTOCOLS).get(proto);
  if (both !== undefined && (type === 0x0800 || type === 0x86dd)) return { words: [both], saysProto: true };
  const word = type === undefined ? undefined : ETHER_TYPES.get(type);
  return { words: word === undefined ? [] : [word], saysProto: false };
}

function etherType(terms: Terms): readonly string[] {
  const type = terms.get("eth_type")?.value;
  return type === undefined || ETHER_TYPES.has(type) ? [] : [`dl_type=0x${type.toString(16).padStart(4, "0")}`];
}

const VID = 0x0fff;
const PRESENT = 0x1000;
const PCP = 0xe000;

/** vlan_vid and vlan_pcp are parts of one tag, which is printed by its parts where they are whole and as vlan_tci else. */
function vlan(terms: Terms): readonly string[] {
  const tci = terms.get("vlan_tci");
  const vid = terms.get("vlan_vid");
  const pcp = terms.get("vlan_pcp");
  let value = Number(tci?.value ?? 0);
  let mask = tci === undefined ? 0 : Number(tci.mask ?? 0xffff);
  if (vid !== undefined) {
    value |= Number(vid.value);
    mask |= Number(vid.mask ?? 0x1fff) & 0x1fff;
  }
  if (pcp !== undefined) {
    value |= (Number(pcp.value) << 13) | PRESENT;
    mask |= PCP | PRESENT;
  }
  if (mask === 0) return [];
  const vidMask = mask & VID;
  const pcpMask = mask & PCP;
  const isWhole = (vidMask === 0 || vidMask === VID) && (pcpMask === 0 || pcpMask === PCP) && (vidMask | pcpMask) !== 0;
  if ((mask & value & PRESENT) !== 0 && isWhole)
    return [
      ...(vidMask === 0 ? [] : [`dl_vlan=${value & VID}`]),
      ...(pcpMask === 0 ? [] : [`dl_vlan_pcp=${value >>> 13}`]),
    ];
  const text = (bits: number) => `0x${bits.toString(16).padStart(4, "0")}`;
  return [mask === 0xffff ? `vlan_tci=${text(value)}` : `vlan_tci=${text(value)}/${text(mask)}`];
}
