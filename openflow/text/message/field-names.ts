import { FIELDS, type FieldName } from "#openflow/fields.ts";
import { allOnes, type Match } from "#openflow/match.ts";
import { formatValue } from "#openflow/text/values.ts";

function numbered(prefix: string, count: number, first = 0): readonly string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i + first}`);
}

/** Fields in the order in which Open vSwitch numbers them, which is that of its lists. */
const ORDER: readonly string[] = [
  "dp_hash recirc_id packet_type conj_id tun_id tun_src tun_dst tun_ipv6_src tun_ipv6_dst tun_flags tun_gbp_id",
  "tun_gbp_flags tun_erspan_idx tun_erspan_ver tun_erspan_dir tun_erspan_hwid tun_gtpu_flags tun_gtpu_msgtype",
  ...numbered("tun_metadata", 64),
  "metadata in_port in_port_oxm actset_output pkt_mark ct_state ct_zone ct_mark ct_label ct_nw_proto ct_nw_src ct_nw_dst",
  "ct_ipv6_src ct_ipv6_dst ct_tp_src ct_tp_dst",
  ...numbered("reg", 16),
  ...numbered("xreg", 8),
  ...numbered("xxreg", 4),
  "eth_src eth_dst eth_type vlan_tci vlan_vid vlan_pcp mpls_label mpls_tc mpls_bos mpls_ttl ip_src ip_dst ipv6_src",
  "ipv6_dst ipv6_label nw_proto nw_tos ip_dscp nw_ecn nw_ttl ip_frag arp_op arp_spa arp_tpa arp_sha arp_tha tcp_src",
  "tcp_dst tcp_flags udp_src udp_dst sctp_src sctp_dst icmp_type icmp_code icmpv6_type icmpv6_code nd_target nd_sll",
  "nd_tll nd_reserved nd_options_type nsh_flags nsh_mdtype nsh_np nsh_spi nsh_si nsh_c1 nsh_c2 nsh_c3 nsh_c4 nsh_ttl",
].flatMap((line) => line.split(" "));
const places = new Map(ORDER.map((name, place) => [name, place]));

function placeOf(field: string): number {
  return places.get(field) ?? ORDER.length;
}

/** In a match it is the port of 32 bits, which Open vSwitch tells from the old one of 16. */
function nameField(field: FieldName): string {
  return field === "in_port" ? "in_port_oxm" : field;
}

export function sortFields<T extends string>(fields: Iterable<T>): readonly T[] {
  return [...fields].sort((a, b) => placeOf(a) - placeOf(b));
}

/** Fields and the bits of them that count, where those are not all. */
export function formatFieldMasks(fields: Match): string {
  const terms = fields.filter((term) => term.field !== "unknown");
  return terms
    .sort((a, b) => placeOf(a.field) - placeOf(b.field))
    .map(({ field, value }) =>
      BigInt(value) === allOnes(FIELDS[field].bits)
        ? nameField(field)
        : `${nameField(field)}=${formatValue(field, value)}`,
    )
    .join(",");
}
