import type { Prerequisite } from "#openflow/fields.ts";
import type { FieldValue, Match } from "#openflow/match.ts";

/** What is known of a packet where a match or an action looks at it. */
export interface PacketKind {
  /** 0 for an Ethernet packet, as in the field packet_type. */
  readonly packetType: number;
  readonly etherType: number;
  readonly protocol: number;
  /** The ICMPv6 type of a packet of neighbour discovery, whose code is 0; 0 for any other packet. */
  readonly neighbourType: number;
  readonly isLaterFragment: boolean;
  readonly vlanTags: number;
  readonly ctState: number;
  readonly ctStateMask: number;
  readonly ctProtocol: number;
}

const PRESENT = 0x1000;

export function kindOf(match: Match): PacketKind {
  const terms = new Map<string, { readonly value: FieldValue; readonly mask?: FieldValue }>();
  for (const term of match) terms.set(term.field, term);
  const numberOf = (field: string) => Number(terms.get(field)?.value ?? 0);
  const packetType = numberOf("packet_type");
  const ctState = terms.get("ct_state");
  const tag = terms.get("vlan_vid") ?? terms.get("vlan_tci");
  return {
    packetType,
    etherType: packetType >>> 16 === 1 ? packetType & 0xffff : numberOf("eth_type"),
    protocol: numberOf("nw_proto"),
    neighbourType: numberOf("icmpv6_code") === 0 ? numberOf("icmpv6_type") : 0,
    isLaterFragment: (numberOf("ip_frag") & 2) !== 0,
    vlanTags: (Number(tag?.value ?? 0) & PRESENT) === 0 ? 0 : 1,
    ctState: Number(ctState?.value ?? 0),
    ctProtocol: numberOf("ct_nw_proto"),
    ctStateMask: ctState === undefined ? 0 : Number(ctState.mask ?? 0xff),
  };
}

export const ETHER_TYPE = {
  ip: 0x0800,
  arp: 0x0806,
  rarp: 0x8035,
  ipv6: 0x86dd,
  mpls: 0x8847,
  mplsm: 0x8848,
  nsh: 0x894f,
};
export const PROTOCOL = { icmp: 1, tcp: 6, udp: 17, icmp6: 58, sctp: 132 };

const NEIGHBOUR_SOLICIT = 135;
const NEIGHBOUR_ADVERT = 136;

/** new, est, rel, rpl, snat, dnat: each says that there is a connection. */
const CONNECTION = 0x01 | 0x02 | 0x04 | 0x08 | 0x40 | 0x80;
const INVALID = 0x10;
const TRACKED = 0x20;

export function isIp({ etherType }: PacketKind): boolean {
  return etherType === ETHER_TYPE.ip || etherType === ETHER_TYPE.ipv6;
}

export function isMpls({ etherType }: PacketKind): boolean {
  return etherType === ETHER_TYPE.mpls || etherType === ETHER_TYPE.mplsm;
}

function isTransport(kind: PacketKind, protocol: number): boolean {
  return isIp(kind) && kind.protocol === protocol && !kind.isLaterFragment;
}

function isIcmpv6({ etherType, protocol }: PacketKind): boolean {
  return etherType === ETHER_TYPE.ipv6 && protocol === PROTOCOL.icmp6;
}

function isNeighbour(kind: PacketKind, type: number): boolean {
  return isIcmpv6(kind) && kind.neighbourType === type;
}

const A_CONNECTION = "a ct_state that says there is a connection, such as +trk+est or +trk-inv";

function hasConnection({ ctState, ctStateMask }: PacketKind): boolean {
  return (
    (ctState & CONNECTION) !== 0 ||
    ((ctState & TRACKED) !== 0 && (ctStateMask & INVALID) !== 0 && (ctState & INVALID) === 0)
  );
}

interface Rule {
  /** What must stand in the match for it to hold. */
  readonly needs: string;
  holds(kind: PacketKind): boolean;
}

export const PREREQUISITES: Readonly<Record<Prerequisite, Rule>> = {
  none: { needs: "", holds: () => true },
  ethernet: { needs: "no packet_type but Ethernet's", holds: ({ packetType }) => packetType === 0 },
  "vlan vid": { needs: "dl_vlan or vlan_vid", holds: ({ vlanTags }) => vlanTags > 0 },
  mpls: { needs: "mpls or mplsm", holds: isMpls },
  ipv4: { needs: "ip", holds: ({ etherType }) => etherType === ETHER_TYPE.ip },
  ipv6: { needs: "ipv6", holds: ({ etherType }) => etherType === ETHER_TYPE.ipv6 },
  ip: { needs: "ip or ipv6", holds: isIp },
  arp: {
    needs: "arp or rarp",
    holds: ({ etherType }) => etherType === ETHER_TYPE.arp || etherType === ETHER_TYPE.rarp,
  },
  nsh: { needs: "dl_type=0x894f", holds: ({ etherType }) => etherType === ETHER_TYPE.nsh },
  ct: { needs: A_CONNECTION, holds: hasConnection },
  "ct ipv4": {
    needs: `ip and ${A_CONNECTION}`,
    holds: (kind) => hasConnection(kind) && kind.etherType === ETHER_TYPE.ip,
  },
  "ct ipv6": {
    needs: `ipv6 and ${A_CONNECTION}`,
    holds: (kind) => hasConnection(kind) && kind.etherType === ETHER_TYPE.ipv6,
  },
  "ct protocol": {
    needs: `ct_nw_proto and ${A_CONNECTION}`,
    holds: (kind) => hasConnection(kind) && kind.ctProtocol !== 0,
  },
  tcp: { needs: "tcp or tcp6", holds: (kind) => isTransport(kind, PROTOCOL.tcp) },
  udp: { needs: "udp or udp6", holds: (kind) => isTransport(kind, PROTOCOL.udp) },
  sctp: { needs: "sctp or sctp6", holds: (kind) => isTransport(kind, PROTOCOL.sctp) },
  icmpv4: {
    needs: "icmp",
    holds: ({ etherType, protocol }) => etherType === ETHER_TYPE.ip && protocol === PROTOCOL.icmp,
  },
  icmpv6: { needs: "icmp6", holds: isIcmpv6 },
  nd: {
    needs: "icmp6,icmp_type=135 or icmp6,icmp_type=136",
    holds: (kind) => isNeighbour(kind, NEIGHBOUR_SOLICIT) || isNeighbour(kind, NEIGHBOUR_ADVERT),
  },
  "nd solicit": {
    needs: "icmp6,icmp_type=135",
    holds: (kind) => isNeighbour(kind, NEIGHBOUR_SOLICIT),
  },
  "nd advert": {
    needs: "icmp6,icmp_type=136",
    holds: (kind) => isNeighbour(kind, NEIGHBOUR_ADVERT),
  },
};
