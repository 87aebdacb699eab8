import { formatMac, type Mac } from "#base/address.ts";
import { formatFlags, TCP_FLAGS } from "#openflow/text/flags.ts";
import { formatIpv4, formatIpv6 } from "#openflow/text/values.ts";
import { ETHER_TYPE, type FrameFields, isNeighborDiscovery, PROTO, readFrame } from "./frame-fields.ts";
import { hex } from "./words.ts";

/** A packet as ovs-ofctl prints it: the flow that it belongs to, and the checksum of its transport layer. */
export function formatFrame(bytes: Uint8Array, packetType: number): string {
  const fields = readFrame(bytes, packetType);
  const words = [
    ...formatType(fields, packetType),
    ...(fields.ethernet ? formatEthernet(fields) : []),
    ...formatNetwork(fields),
    ...formatTransport(fields),
  ];
  return `${words.join(",")}${formatChecksum(fields)}\n`;
}

const IPV4_NAMES = new Map<number, string>([
  [PROTO.icmp, "icmp"],
  [PROTO.tcp, "tcp"],
  [PROTO.udp, "udp"],
  [PROTO.sctp, "sctp"],
]);
const IPV6_NAMES = new Map<number, string>([
  [PROTO.icmpv6, "icmp6"],
  [PROTO.tcp, "tcp6"],
  [PROTO.udp, "udp6"],
  [PROTO.sctp, "sctp6"],
]);
const TYPE_NAMES = new Map<number, string>([
  [ETHER_TYPE.ipv4, "ip"],
  [ETHER_TYPE.ipv6, "ipv6"],
  [ETHER_TYPE.arp, "arp"],
  [ETHER_TYPE.rarp, "rarp"],
  [ETHER_TYPE.mpls, "mpls"],
  [ETHER_TYPE.mplsMulticast, "mplsm"],
]);

/** The word for an IP packet's protocol, where it has one. */
function protoName({ ethernet, etherType, proto }: FrameFields): string | undefined {
  if (!ethernet) return undefined;
  if (etherType === ETHER_TYPE.ipv4) return IPV4_NAMES.get(proto);
  return etherType === ETHER_TYPE.ipv6 ? IPV6_NAMES.get(proto) : undefined;
}

function formatType(fields: FrameFields, packetType: number): readonly string[] {
  if (!fields.ethernet) return [`packet_type=(${shortNumber(packetType >>> 16)},${shortNumber(packetType & 0xffff)})`];
  const name = protoName(fields) ?? TYPE_NAMES.get(fields.etherType);
  return name === undefined ? [] : [name];
}

function shortNumber(value: number): string {
  return value > 9 ? hex(value) : `${value}`;
}

function formatEthernet({ vlans, source, destination, etherType }: FrameFields): readonly string[] {
  const tags = vlans.flatMap((tci, i) => {
    const suffix = i === 0 ? "" : `${i}`;
    return [`dl_vlan${suffix}=${tci & 0xfff}`, `dl_vlan_pcp${suffix}=${tci >>> 13}`];
  });
  // The switch looks at one tag more than there are, up to two.
  if (vlans.length < 2) tags.push(`vlan_tci${vlans.length === 0 ? "" : vlans.length}=0x0000`);
  return [
    ...tags,
    `dl_src=${formatMac(source as Mac)}`,
    `dl_dst=${formatMac(destination as Mac)}`,
    ...(TYPE_NAMES.has(etherType) ? [] : [`dl_type=${hex(etherType, 4)}`]),
  ];
}

function formatNetwork(fields: FrameFields): readonly string[] {
  switch (fields.etherType) {
    case ETHER_TYPE.ipv4:
      return [
        `nw_src=${formatIpv4(fields.ipSource)}`,
        `nw_dst=${formatIpv4(fields.ipDestination)}`,
        ...formatIpHeader(fields),
      ];
    case ETHER_TYPE.ipv6:
      return [
        `ipv6_src=${formatIpv6(fields.ipv6Source)}`,
        `ipv6_dst=${formatIpv6(fields.ipv6Destination)}`,
        `ipv6_label=${hex(fields.ipv6Label, 5)}`,
        ...formatIpHeader(fields),
      ];
    case ETHER_TYPE.arp:
    case ETHER_TYPE.rarp:
      return [
        `arp_spa=${formatIpv4(fields.ipSource)}`,
        `arp_tpa=${formatIpv4(fields.ipDestination)}`,
        `arp_op=${fields.proto}`,
        `arp_sha=${formatMac(fields.arpSource as Mac)}`,
        `arp_tha=${formatMac(fields.arpTarget as Mac)}`,
      ];
    case ETHER_TYPE.mpls:
    case ETHER_TYPE.mplsMulticast:
      return formatMpls(fields.mpls);
    case ETHER_TYPE.nsh:
      return [...formatNsh(fields), ...formatIpHeader(fields)];
    default:
      return [];
  }
}

function formatIpHeader(fields: FrameFields): readonly string[] {
  const { proto, tos, ttl } = fields;
  return [
    ...(protoName(fields) === undefined ? [`nw_proto=${proto}`] : []),
    `nw_tos=${tos & 0xfc}`,
    `nw_ecn=${tos & 3}`,
    `nw_ttl=${ttl}`,
    `nw_frag=${fields.fragment}`,
  ];
}

const BOTTOM_OF_STACK = 0x100;

/** The first label by its parts, the others as numbers; one behind the last is looked at while there is no bottom. */
function formatMpls(labels: readonly number[]): readonly string[] {
  const first = labels[0] ?? 0;
  const words = [
    `mpls_label=${first >>> 12}`,
    `mpls_tc=${(first >>> 9) & 7}`,
    `mpls_ttl=${first & 0xff}`,
    `mpls_bos=${(first >>> 8) & 1}`,
  ];
  for (let i = 1; i < 3 && ((labels[i - 1] ?? 0) & BOTTOM_OF_STACK) === 0; i++)
    words.push(`mpls_lse${i}=${labels[i] ?? 0}`);
  return words;
}

function formatNsh({ nsh }: FrameFields): readonly string[] {
  const { flags, ttl, mdType, next, path, context } = nsh ?? {
    flags: 0,
    ttl: 0,
    mdType: 0,
    next: 0,
    path: 0,
    context: [],
  };
  return [
    `nsh_flags=${flags}`,
    `nsh_ttl=${ttl}`,
    `nsh_mdtype=${mdType}`,
    `nsh_np=${next}`,
    `nsh_spi=${hex(path >>> 8)}`,
    `nsh_si=${path & 0xff}`,
    ...(mdType === 1 ? context.map((value, i) => `nsh_c${i + 1}=${hex(value)}`) : []),
  ];
}

const ALL_TCP_FLAGS = 0xfff;

function formatTransport(fields: FrameFields): readonly string[] {
  const { etherType, proto, portSource, portDestination, fragment } = fields;
  const isIp = etherType === ETHER_TYPE.ipv4 || etherType === ETHER_TYPE.ipv6;
  if (!isIp || fragment === "later") return [];
  const isIcmp = proto === (etherType === ETHER_TYPE.ipv4 ? PROTO.icmp : PROTO.icmpv6);
  if (isIcmp) return [`icmp_type=${portSource}`, `icmp_code=${portDestination}`, ...formatNeighborDiscovery(fields)];
  const hasPorts = ([PROTO.tcp, PROTO.udp, PROTO.sctp, PROTO.igmp, PROTO.icmp, PROTO.icmpv6] as number[]).includes(
    proto,
  );
  if (!hasPorts) return [];
  const ports = [`tp_src=${portSource}`, `tp_dst=${portDestination}`];
  if (proto !== PROTO.tcp) return ports;
  return [...ports, `tcp_flags=${formatFlags(TCP_FLAGS, fields.tcpFlags, ALL_TCP_FLAGS, ALL_TCP_FLAGS)}`];
}

function formatNeighborDiscovery(fields: FrameFields): readonly string[] {
  if (!isNeighborDiscovery(fields)) return [];
  return [
    `nd_target=${formatIpv6(fields.ndTarget)}`,
    `nd_sll=${formatMac(fields.arpSource as Mac)}`,
    `nd_tll=${formatMac(fields.arpTarget as Mac)}`,
  ];
}

/** Where each protocol has its checksum, how long that is, and how long the header is at least. */
const CHECKSUMS = new Map<number, { name: string; at: number; size: 2 | 4; header: number }>([
  [PROTO.tcp, { name: "tcp_csum", at: 16, size: 2, header: 20 }],
  [PROTO.udp, { name: "udp_csum", at: 6, size: 2, header: 8 }],
  [PROTO.sctp, { name: "sctp_csum", at: 8, size: 4, header: 12 }],
  [PROTO.icmp, { name: "icmp_csum", at: 2, size: 2, header: 8 }],
  [PROTO.icmpv6, { name: "icmp6_csum", at: 2, size: 2, header: 4 }],
]);

function formatChecksum({ proto, transport }: FrameFields): string {
  const checksum = CHECKSUMS.get(proto);
  if (checksum === undefined || transport === undefined || transport.length < checksum.header) return "";
  const view = new DataView(transport.buffer, transport.byteOffset);
  const value = checksum.size === 2 ? view.getUint16(checksum.at) : view.getUint32(checksum.at);
  return ` ${checksum.name}:${value.toString(16)}`;
}
