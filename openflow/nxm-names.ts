import { FIELDS, type Field, type FieldName, NXM_0, NXM_1, OPENFLOW_BASIC } from "./fields.ts";

/*
 * Moves, loads and learn name a field by its header: NXM_OF_ETH_SRC[]. Open vSwitch prints the name of the oldest header and
 * reads any. Most headers are called as their field is, behind a prefix for their class; here are those that are not.
 */
const NXM_NAMES: Readonly<Partial<Record<FieldName, string>>> = {
  actset_output: "ONFOXM_ET_ACTSET_OUTPUT",
  nw_tos: "NXM_OF_IP_TOS",
  nw_ecn: "NXM_NX_IP_ECN",
  nw_ttl: "NXM_NX_IP_TTL",
  nw_proto: "NXM_OF_IP_PROTO",
  tun_src: "NXM_NX_TUN_IPV4_SRC",
  tun_dst: "NXM_NX_TUN_IPV4_DST",
  tun_erspan_idx: "NXOXM_ET_ERSPAN_IDX",
  tun_erspan_ver: "NXOXM_ET_ERSPAN_VER",
  tun_erspan_dir: "NXOXM_ET_ERSPAN_DIR",
  tun_erspan_hwid: "NXOXM_ET_ERSPAN_HWID",
  tun_gtpu_flags: "NXOXM_ET_GTPU_FLAGS",
  tun_gtpu_msgtype: "NXOXM_ET_GTPU_MSGTYPE",
  nd_reserved: "ERICOXM_OF_ICMPV6_ND_RESERVED",
  nd_options_type: "ERICOXM_OF_ICMPV6_ND_OPTIONS_TYPE",
  in_port_oxm: "OXM_OF_IN_PORT",
};

/** Names that are read as well, besides OXM_OF_ and the name of the field. */
const OTHER_NAMES: Readonly<Partial<Record<FieldName, readonly string[]>>> = {
  ip_src: ["OXM_OF_IPV4_SRC"],
  ip_dst: ["OXM_OF_IPV4_DST"],
  ipv6_label: ["OXM_OF_IPV6_FLABEL"],
  icmp_type: ["OXM_OF_ICMPV4_TYPE"],
  icmp_code: ["OXM_OF_ICMPV4_CODE"],
  nd_target: ["OXM_OF_IPV6_ND_TARGET"],
  nd_sll: ["OXM_OF_IPV6_ND_SLL"],
  nd_tll: ["OXM_OF_IPV6_ND_TLL"],
  tun_id: ["OXM_OF_TUNNEL_ID"],
  nw_ecn: ["OXM_OF_IP_ECN"],
  nw_proto: ["OXM_OF_IP_PROTO"],
  dp_hash: ["NXOXM_ET_DP_HASH"],
  tcp_flags: ["ONFOXM_ET_TCP_FLAGS"],
};

const PREFIXES: Readonly<Record<number, string>> = { [NXM_0]: "NXM_OF", [NXM_1]: "NXM_NX", [OPENFLOW_BASIC]: "OXM_OF" };

const names = new Map<FieldName, string>();
const fields = new Map<string, Field>();
for (const field of Object.values(FIELDS)) {
  const name = deriveName(field);
  names.set(field.name, name);
  fields.set(name, field);
  for (const other of OTHER_NAMES[field.name] ?? []) fields.set(other, field);
  if (field.header.oxmClass === OPENFLOW_BASIC && field.header === field.actionHeader)
    fields.set(`OXM_OF_${field.name.toUpperCase()}`, field);
}

function deriveName({ name, nxmHeader }: Field): string {
  const fixed = NXM_NAMES[name];
  if (fixed !== undefined) return fixed;
  if (name.startsWith("xreg")) return name.toUpperCase().replace("XREG", "OXM_OF_PKT_REG");
  return `${PREFIXES[nxmHeader.oxmClass] ?? "NXOXM"}_${name.toUpperCase()}`;
}

/** NXM_NX_REG0 for reg0. */
export function nxmNameOf(field: FieldName): string {
  return names.get(field) ?? field;
}

/** By the name of any header that the field has or had. */
export function findFieldByNxmName(name: string): Field | undefined {
  return fields.get(name);
}
