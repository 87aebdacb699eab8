/**
 * The match fields: one row each, in the order in which Open vSwitch writes them on the wire. Names are those of
 * ovs-fields(7); `aliases` are the other names it accepts. A row has one header, the one that is written; `readAs` lists the
 * older NXM headers of the same field.
 */
export type FieldFormat =
  | "decimal"
  | "hexadecimal"
  | "ethernet"
  | "ipv4"
  | "ipv6"
  | "port"
  | "frag"
  | "tunnel flags"
  | "tcp flags"
  | "ct state"
  | "packet type";

/** What must be matched as well for the field to mean anything, as ovs-fields(7) calls it. */
export type Prerequisite =
  | "none"
  | "ethernet"
  | "vlan vid"
  | "mpls"
  | "ipv4"
  | "ipv6"
  | "ip"
  | "arp"
  | "nsh"
  | "ct"
  | "ct ipv4"
  | "ct ipv6"
  | "ct protocol"
  | "tcp"
  | "udp"
  | "sctp"
  | "icmpv4"
  | "icmpv6"
  | "nd"
  | "nd solicit"
  | "nd advert";

/** Where a field stands: a class and number of 16 and 7 bits, and for class 0xffff the experimenter that owns the number. */
export interface OxmHeader {
  readonly oxmClass: number;
  readonly number: number;
  readonly experimenter?: number;
}

export interface Field {
  readonly name: FieldName;
  /** Bits on the wire, a multiple of 8. */
  readonly bits: number;
  /** Bits that a move or load can name: `vlan_vid[]` are the lowest 12. */
  readonly significantBits: number;
  /** Bits that a value of a match may have. */
  readonly exactBits: number;
  /** A mask over these lowest bits leaves nothing open, and is left out. */
  readonly maskBits: number;
  readonly maskable: boolean;
  /** An exact match is written with its mask. */
  readonly exactMask: boolean;
  /** An option of a tunnel, of a length that only the switch knows; an empty mask asks whether it is there. */
  readonly isOption: boolean;
  readonly writable: boolean;
  readonly format: FieldFormat;
  readonly prerequisite: Prerequisite;
  readonly aliases: readonly string[];
  /** The header in a match. */
  readonly header: OxmHeader;
  /** The header in set_field and move, which name another field of 16 bits where a match says in_port. */
  readonly actionHeader: OxmHeader;
  /** The header in Nicira's actions, which keep to the oldest one there is. */
  readonly nxmHeader: OxmHeader;
  readonly readAs: readonly OxmHeader[];
  /** Place in the table, which is the canonical order of a match. */
  readonly order: number;
}

export const NXM_0 = 0x0000;
export const NXM_1 = 0x0001;
const ERICSSON = 0x1000;
export const OPENFLOW_BASIC = 0x8000;
const PACKET_REGS = 0x8001;
export const EXPERIMENTER_CLASS = 0xffff;
const NICIRA = 0x0000_2320;
const NSH = 0x005a_d650;
const ONF = 0x4f4e_4600;

interface Row {
  readonly bits: number;
  readonly format: FieldFormat;
  readonly header: OxmHeader;
  readonly significantBits?: number;
  readonly exactBits?: number;
  readonly maskBits?: number;
  readonly maskable?: boolean;
  readonly exactMask?: boolean;
  readonly readOnly?: boolean;
  readonly prerequisite?: Prerequisite;
  readonly aliases?: readonly string[];
  readonly readAs?: readonly OxmHeader[];
  readonly actionHeader?: OxmHeader;
}

type Options = Omit<Row, "bits" | "format" | "header">;

function row(bits: number, format: FieldFormat, header: OxmHeader, options: Options = {}): Row {
  return { bits, format, header, ...options };
}

function basic(number: number): OxmHeader {
  return { oxmClass: OPENFLOW_BASIC, number };
}
function nxm0(number: number): OxmHeader {
  return { oxmClass: NXM_0, number };
}
function nxm1(number: number): OxmHeader {
  return { oxmClass: NXM_1, number };
}
function experimenter(id: number, number: number): OxmHeader {
  return { oxmClass: EXPERIMENTER_CLASS, number, experimenter: id };
}

type Digit = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9;
type Below4 = 0 | 1 | 2 | 3;
type Below8 = Below4 | 4 | 5 | 6 | 7;
type Below16 = Digit | 10 | 11 | 12 | 13 | 14 | 15;
type Below64 = Digit | `${1 | 2 | 3 | 4 | 5}${Digit}` | `6${Below4}`;

function numbered<Name extends string>(prefix: string, count: number, make: (i: number) => Row): Record<Name, Row> {
  const rows = Array.from({ length: count }, (_, i) => [`${prefix}${i}`, make(i)]);
  return Object.fromEntries(rows);
}

const maskable = true;
const readOnly = true;
const exactMask = true;

const ROWS = {
  packet_type: row(32, "packet type", basic(44), { readOnly }),
  dp_hash: row(32, "hexadecimal", nxm1(35), { maskable, readOnly, readAs: [experimenter(NICIRA, 0)] }),
  recirc_id: row(32, "decimal", nxm1(36), { readOnly }),
  conj_id: row(32, "decimal", nxm1(37), { readOnly }),
  in_port: row(32, "port", basic(0), { significantBits: 16, exactBits: 32, actionHeader: nxm0(0) }),
  in_port_oxm: row(32, "port", basic(0)),
  actset_output: row(32, "port", basic(43), {
    readOnly,
    readAs: [experimenter(ONF, 43)],
  }),
  eth_src: row(48, "ethernet", basic(4), {
    maskable,
    aliases: ["dl_src"],
    readAs: [nxm0(2)],
    prerequisite: "ethernet",
  }),
  eth_dst: row(48, "ethernet", basic(3), {
    maskable,
    aliases: ["dl_dst"],
    readAs: [nxm0(1)],
    prerequisite: "ethernet",
  }),
  eth_type: row(16, "hexadecimal", basic(5), {
    readOnly,
    aliases: ["dl_type"],
    readAs: [nxm0(3)],
    prerequisite: "ethernet",
  }),
  vlan_tci: row(16, "hexadecimal", nxm0(4), { maskable, prerequisite: "ethernet" }),
  vlan_vid: row(16, "decimal", basic(6), { maskable, significantBits: 12, exactBits: 13, prerequisite: "ethernet" }),
  vlan_pcp: row(8, "decimal", basic(7), { significantBits: 3, prerequisite: "vlan vid" }),
  mpls_tc: row(8, "decimal", basic(35), { significantBits: 3, prerequisite: "mpls" }),
  mpls_bos: row(8, "decimal", basic(36), { readOnly, significantBits: 1, prerequisite: "mpls" }),
  mpls_ttl: row(8, "decimal", nxm1(30), { prerequisite: "mpls" }),
  mpls_label: row(32, "decimal", basic(34), { significantBits: 20, prerequisite: "mpls" }),
  ip_src: row(32, "ipv4", basic(11), { maskable, prerequisite: "ipv4", aliases: ["nw_src"], readAs: [nxm0(7)] }),
  ip_dst: row(32, "ipv4", basic(12), { maskable, prerequisite: "ipv4", aliases: ["nw_dst"], readAs: [nxm0(8)] }),
  ipv6_src: row(128, "ipv6", basic(26), { maskable, prerequisite: "ipv6", readAs: [nxm1(19)] }),
  ipv6_dst: row(128, "ipv6", basic(27), { maskable, prerequisite: "ipv6", readAs: [nxm1(20)] }),
  ip_frag: row(8, "frag", nxm1(26), {
    maskable,
    readOnly,
    significantBits: 2,
    prerequisite: "ip",
    aliases: ["nw_frag"],
  }),
  nw_tos: row(8, "decimal", nxm0(5), { prerequisite: "ip" }),
  ip_dscp: row(8, "decimal", basic(8), { significantBits: 6, prerequisite: "ip" }),
  nw_ecn: row(8, "decimal", basic(9), {
    significantBits: 2,
    prerequisite: "ip",
    aliases: ["ip_ecn"],
    readAs: [nxm1(28)],
  }),
  nw_ttl: row(8, "decimal", nxm1(29), { prerequisite: "ip" }),
  ipv6_label: row(32, "hexadecimal", basic(28), {
    maskable,
    significantBits: 20,
    prerequisite: "ipv6",
    readAs: [nxm1(27)],
  }),
  nw_proto: row(8, "decimal", basic(10), {
    readOnly,
    prerequisite: "ip",
    aliases: ["ip_proto"],
    readAs: [nxm0(6)],
  }),
  tcp_src: row(16, "decimal", basic(13), { maskable, prerequisite: "tcp", aliases: ["tp_src"], readAs: [nxm0(9)] }),
  tcp_dst: row(16, "decimal", basic(14), { maskable, prerequisite: "tcp", aliases: ["tp_dst"], readAs: [nxm0(10)] }),
  tcp_flags: row(16, "tcp flags", basic(42), {
    maskable,
    readOnly,
    significantBits: 12,
    prerequisite: "tcp",
    readAs: [nxm1(34), experimenter(ONF, 42)],
  }),
  udp_src: row(16, "decimal", basic(15), { maskable, prerequisite: "udp", readAs: [nxm0(11)] }),
  udp_dst: row(16, "decimal", basic(16), { maskable, prerequisite: "udp", readAs: [nxm0(12)] }),
  sctp_src: row(16, "decimal", basic(17), { maskable, prerequisite: "sctp" }),
  sctp_dst: row(16, "decimal", basic(18), { maskable, prerequisite: "sctp" }),
  icmp_type: row(8, "decimal", basic(19), { prerequisite: "icmpv4", readAs: [nxm0(13)] }),
  icmp_code: row(8, "decimal", basic(20), { prerequisite: "icmpv4", readAs: [nxm0(14)] }),
  icmpv6_type: row(8, "decimal", basic(29), { prerequisite: "icmpv6", readAs: [nxm1(21)] }),
  icmpv6_code: row(8, "decimal", basic(30), { prerequisite: "icmpv6", readAs: [nxm1(22)] }),
  nd_reserved: row(32, "decimal", { oxmClass: ERICSSON, number: 1 }, { prerequisite: "nd" }),
  nd_target: row(128, "ipv6", basic(31), { maskable, prerequisite: "nd", readAs: [nxm1(23)] }),
  nd_options_type: row(8, "decimal", { oxmClass: ERICSSON, number: 2 }, { prerequisite: "nd" }),
  nd_sll: row(48, "ethernet", basic(32), { maskable, prerequisite: "nd solicit", readAs: [nxm1(24)] }),
  nd_tll: row(48, "ethernet", basic(33), { maskable, prerequisite: "nd advert", readAs: [nxm1(25)] }),
  arp_op: row(16, "decimal", basic(21), { prerequisite: "arp", readAs: [nxm0(15)] }),
  arp_spa: row(32, "ipv4", basic(22), { maskable, prerequisite: "arp", readAs: [nxm0(16)] }),
  arp_tpa: row(32, "ipv4", basic(23), { maskable, prerequisite: "arp", readAs: [nxm0(17)] }),
  arp_sha: row(48, "ethernet", basic(24), { maskable, prerequisite: "arp", aliases: ["nw_sha"], readAs: [nxm1(17)] }),
  arp_tha: row(48, "ethernet", basic(25), { maskable, prerequisite: "arp", readAs: [nxm1(18)] }),
  tun_id: row(64, "hexadecimal", basic(38), { maskable, aliases: ["tunnel_id"], readAs: [nxm1(16)] }),
  tun_flags: row(16, "tunnel flags", nxm1(104), { maskable, significantBits: 1, exactMask }),
  tun_src: row(32, "ipv4", nxm1(31), { maskable }),
  tun_dst: row(32, "ipv4", nxm1(32), { maskable }),
  tun_ipv6_src: row(128, "ipv6", nxm1(109), { maskable }),
  tun_ipv6_dst: row(128, "ipv6", nxm1(110), { maskable }),
  tun_gbp_id: row(16, "decimal", nxm1(38), { maskable }),
  tun_gbp_flags: row(8, "hexadecimal", nxm1(39), { maskable }),
  tun_erspan_idx: row(32, "hexadecimal", experimenter(NICIRA, 11), {
    maskable,
    maskBits: 32,
    significantBits: 20,
  }),
  tun_erspan_ver: row(8, "decimal", experimenter(NICIRA, 12), {
    maskable,
    maskBits: 8,
    significantBits: 4,
  }),
  tun_erspan_dir: row(8, "decimal", experimenter(NICIRA, 13), {
    maskable,
    maskBits: 8,
    significantBits: 1,
  }),
  tun_erspan_hwid: row(8, "hexadecimal", experimenter(NICIRA, 14), {
    maskable,
    maskBits: 8,
    significantBits: 6,
  }),
  tun_gtpu_flags: row(8, "hexadecimal", experimenter(NICIRA, 15), {
    maskable,
    readOnly,
  }),
  tun_gtpu_msgtype: row(8, "decimal", experimenter(NICIRA, 16), {
    maskable,
    readOnly,
  }),
  ...numbered<`tun_metadata${Below64}`>("tun_metadata", 64, (i) => row(992, "hexadecimal", nxm1(40 + i), { maskable })),
  nsh_flags: row(8, "decimal", experimenter(NSH, 1), { maskable, prerequisite: "nsh" }),
  nsh_ttl: row(8, "decimal", experimenter(NSH, 10), { prerequisite: "nsh" }),
  nsh_mdtype: row(8, "decimal", experimenter(NSH, 2), { readOnly, prerequisite: "nsh" }),
  nsh_np: row(8, "decimal", experimenter(NSH, 3), { readOnly, prerequisite: "nsh" }),
  nsh_spi: row(32, "hexadecimal", experimenter(NSH, 4), { significantBits: 24, prerequisite: "nsh", aliases: ["nsp"] }),
  nsh_si: row(8, "decimal", experimenter(NSH, 5), { prerequisite: "nsh", aliases: ["nsi"] }),
  nsh_c1: row(32, "hexadecimal", experimenter(NSH, 6), { maskable, prerequisite: "nsh", aliases: ["nshc1"] }),
  nsh_c2: row(32, "hexadecimal", experimenter(NSH, 7), { maskable, prerequisite: "nsh", aliases: ["nshc2"] }),
  nsh_c3: row(32, "hexadecimal", experimenter(NSH, 8), { maskable, prerequisite: "nsh", aliases: ["nshc3"] }),
  nsh_c4: row(32, "hexadecimal", experimenter(NSH, 9), { maskable, prerequisite: "nsh", aliases: ["nshc4"] }),
  ...numbered<`reg${Below16}`>("reg", 16, (i) => row(32, "hexadecimal", nxm1(i), { maskable })),
  ...numbered<`xreg${Below8}`>("xreg", 8, (i) =>
    row(64, "hexadecimal", { oxmClass: PACKET_REGS, number: i }, { maskable }),
  ),
  ...numbered<`xxreg${Below4}`>("xxreg", 4, (i) => row(128, "hexadecimal", nxm1(111 + i), { maskable })),
  pkt_mark: row(32, "hexadecimal", nxm1(33), { maskable }),
  ct_state: row(32, "ct state", nxm1(105), { maskable, readOnly, exactBits: 8, exactMask }),
  ct_zone: row(16, "hexadecimal", nxm1(106), { readOnly }),
  ct_mark: row(32, "hexadecimal", nxm1(107), { maskable }),
  ct_label: row(128, "hexadecimal", nxm1(108), { maskable }),
  ct_nw_src: row(32, "ipv4", nxm1(120), { maskable, readOnly, prerequisite: "ct ipv4" }),
  ct_ipv6_src: row(128, "ipv6", nxm1(122), { maskable, readOnly, prerequisite: "ct ipv6" }),
  ct_nw_dst: row(32, "ipv4", nxm1(121), { maskable, readOnly, prerequisite: "ct ipv4" }),
  ct_ipv6_dst: row(128, "ipv6", nxm1(123), { maskable, readOnly, prerequisite: "ct ipv6" }),
  ct_nw_proto: row(8, "decimal", nxm1(119), { readOnly, prerequisite: "ct" }),
  ct_tp_src: row(16, "decimal", nxm1(124), { maskable, readOnly, prerequisite: "ct protocol" }),
  ct_tp_dst: row(16, "decimal", nxm1(125), { maskable, readOnly, prerequisite: "ct protocol" }),
  metadata: row(64, "hexadecimal", basic(2), { maskable }),
} satisfies Readonly<Record<string, Row>>;

export type FieldName = keyof typeof ROWS;

/** Every field by its name. */
export const FIELDS: Readonly<Record<FieldName, Field>> = compileRows();

const byHeader = new Map<number, Field>();
const byActionHeader = new Map<number, Field>();
const byName = new Map<string, Field>();
for (const field of Object.values(FIELDS)) {
  for (const header of [field.actionHeader, ...field.readAs]) setFirst(byActionHeader, headerKey(header), field);
  for (const header of [field.header, field.actionHeader, ...field.readAs])
    setFirst(byHeader, headerKey(header), field);
  for (const name of [field.name, ...field.aliases]) byName.set(name, field);
}

/** in_port and in_port_oxm share a header in a match, where both mean the same. */
function setFirst(fields: Map<number, Field>, key: number, field: Field): void {
  if (!fields.has(key)) fields.set(key, field);
}

/** The field of a term of a match. Undefined for a field that no version of Open vSwitch known here has. */
export function findFieldByHeader(oxmClass: number, number: number, experimenter = 0): Field | undefined {
  return byHeader.get(headerNumber(oxmClass, number, experimenter));
}

/** The field that an action names. */
export function findFieldByActionHeader(oxmClass: number, number: number, experimenter = 0): Field | undefined {
  return byActionHeader.get(headerNumber(oxmClass, number, experimenter));
}

/** By name or alias. */
export function findFieldByName(name: string): Field | undefined {
  return byName.get(name);
}

function headerKey({ oxmClass, number, experimenter }: OxmHeader): number {
  return headerNumber(oxmClass, number, experimenter ?? 0);
}

/** One number below 2^53 a header. */
function headerNumber(oxmClass: number, number: number, experimenter: number): number {
  return experimenter * 0x80_0000 + oxmClass * 0x80 + number;
}

function compileRows(): Record<FieldName, Field> {
  const fields = Object.entries<Row>(ROWS).map(([name, given], order) => [
    name,
    {
      name,
      bits: given.bits,
      significantBits: given.significantBits ?? given.bits,
      exactBits: given.exactBits ?? given.significantBits ?? given.bits,
      maskBits: given.maskBits ?? given.exactBits ?? given.significantBits ?? given.bits,
      maskable: given.maskable ?? false,
      exactMask: given.exactMask ?? false,
      isOption: name.startsWith("tun_metadata"),
      writable: !given.readOnly,
      format: given.format,
      prerequisite: given.prerequisite ?? "none",
      aliases: given.aliases ?? [],
      header: given.header,
      actionHeader: given.actionHeader ?? given.header,
      nxmHeader: given.actionHeader ?? oldestHeader(given),
      readAs: given.readAs ?? [],
      order,
    },
  ]);
  return Object.fromEntries(fields);
}

function oldestHeader({ header, readAs = [] }: Row): OxmHeader {
  const isNxm = ({ oxmClass }: OxmHeader) => oxmClass === NXM_0 || oxmClass === NXM_1;
  return [...readAs, header].find(isNxm) ?? readAs[0] ?? header;
}
