import { canonicalAsRead, type FieldMatch, type Match, matchTerm } from "#openflow/match.ts";
import { widenPort } from "#openflow/ports.ts";
import { pad, struct, u8, u16, u32, u48, u64, type ValueOf } from "#openflow/wire/codec.ts";
import { decodeMatch } from "#openflow/wire/oxm.ts";
import type { Reader } from "#openflow/wire/reader.ts";

const IP = 0x0800;
const ARP = 0x0806;
const RARP = 0x8035;
const MPLS = [0x8847, 0x8848];
const ICMP = 1;
const DSCP = 0xfc;
const TAGGED = 0x1000;

type Terms = (FieldMatch | undefined)[];

function finish(terms: Terms): Match {
  return canonicalAsRead(terms.filter((term) => term !== undefined));
}

/** A tag: a part that is not matched is undefined. */
function tagTerms(vid: number | undefined, pcp: number | undefined): Terms {
  if (vid === undefined && pcp === undefined) return [];
  const mask = TAGGED | (vid === undefined ? 0 : 0xfff) | (pcp === undefined ? 0 : 0xe000);
  return [matchTerm("vlan_tci", TAGGED | ((vid ?? 0) & 0xfff) | ((pcp ?? 0) << 13), mask)];
}

const UNTAGGED = [matchTerm("vlan_tci", 0)];

/** Source and destination of the layer above IP: what they are depends on the protocol. */
function upperTerms(proto: number, source: number | undefined, destination: number | undefined): Terms {
  const names = proto === ICMP ? (["icmp_type", "icmp_code"] as const) : (["tcp_src", "tcp_dst"] as const);
  return [
    source === undefined ? undefined : { field: names[0], value: source },
    destination === undefined ? undefined : { field: names[1], value: destination },
  ];
}

/** OFPFW_* of OpenFlow 1.0: a bit a field that is not matched, and how many bits of an address are not. */
const WILD = {
  inPort: 1 << 0,
  vlan: 1 << 1,
  source: 1 << 2,
  destination: 1 << 3,
  type: 1 << 4,
  proto: 1 << 5,
  tpSource: 1 << 6,
  tpDestination: 1 << 7,
  pcp: 1 << 20,
  tos: 1 << 21,
} as const;
const ALL_WILD = (1 << 22) - 1;
const SOURCE_SHIFT = 8;
const DESTINATION_SHIFT = 14;
const NO_VLAN = 0xffff;

const wire10 = struct({
  wildcards: u32,
  inPort: u16,
  source: u48,
  destination: u48,
  vlan: u16,
  pcp: u8,
  _pad: pad(1),
  type: u16,
  tos: u8,
  proto: u8,
  _pad2: pad(2),
  ipSource: u32,
  ipDestination: u32,
  tpSource: u16,
  tpDestination: u16,
});

export interface Match10 {
  readonly match: Match;
  /** Whether it matches one kind of packet only, which gives a flow the highest priority. */
  readonly isExact: boolean;
}

/** ofp_match of OpenFlow 1.0. `normalizes`: what cannot be matched with the rest is left out. */
export function readMatch10(r: Reader, normalizes: boolean): Match10 {
  const wire = wire10.decode(r);
  const wildcards = wire.wildcards & ALL_WILD;
  const known = (bit: number, value: number) => ((wildcards & bit) === 0 ? value : undefined);
  const type = known(WILD.type, wire.type);
  const proto = known(WILD.proto, wire.proto);
  const kept = normalizes ? matchable(type, proto) : { network: true, proto: true, tos: true, upper: true };
  const tos = kept.tos ? known(WILD.tos, wire.tos) : undefined;
  const terms: Terms = [
    term("in_port", known(WILD.inPort, widenPort(wire.inPort))),
    term("eth_src", known(WILD.source, wire.source)),
    term("eth_dst", known(WILD.destination, wire.destination)),
    term("eth_type", type),
    tos === undefined ? undefined : { field: "nw_tos", value: tos & DSCP },
    kept.proto ? protoTerm(type, proto) : undefined,
    ...(kept.network
      ? [
          addressTerm(type, "src", wire.ipSource, prefixMask(wildcards >>> SOURCE_SHIFT)),
          addressTerm(type, "dst", wire.ipDestination, prefixMask(wildcards >>> DESTINATION_SHIFT)),
        ]
      : []),
    ...(kept.upper
      ? upperTerms(
          type === IP ? (proto ?? 0) : 0,
          known(WILD.tpSource, wire.tpSource),
          known(WILD.tpDestination, wire.tpDestination),
        )
      : []),
  ];
  const vlan = known(WILD.vlan, wire.vlan);
  const tag = vlan === NO_VLAN ? UNTAGGED : tagTerms(vlan, known(WILD.pcp, wire.pcp & 7));
  return { match: finish([...terms, ...tag]), isExact: (wire.wildcards & ALL_WILD) === 0 };
}

function matchable(type: number | undefined, proto: number | undefined) {
  const isIp = type === IP;
  const isArp = type === ARP || type === RARP;
  return {
    network: isIp || isArp,
    proto: isIp || isArp,
    tos: isIp,
    upper: isIp && proto !== undefined && [ICMP, 6, 17, 132].includes(proto),
  };
}

function term(field: FieldMatch["field"], value: number | undefined): FieldMatch | undefined {
  return value === undefined ? undefined : { field, value };
}

function prefixMask(wildBits: number): number {
  const bits = wildBits & 0x3f;
  return bits >= 32 ? 0 : (0xffff_ffff << bits) >>> 0;
}

function isArp(type: number | undefined): boolean {
  return type === ARP || type === RARP;
}

function addressTerm(
  type: number | undefined,
  side: "src" | "dst",
  address: number,
  mask: number,
): FieldMatch | undefined {
  const arpName = side === "src" ? "arp_spa" : "arp_tpa";
  const masked = (address & mask) >>> 0;
  return matchTerm(isArp(type) ? arpName : `ip_${side}`, masked, mask);
}

function protoTerm(type: number | undefined, proto: number | undefined): FieldMatch | undefined {
  return proto === undefined ? undefined : { field: isArp(type) ? "arp_op" : "nw_proto", value: proto };
}

/** OFPFW_* of OpenFlow 1.1. */
const WILD11 = {
  inPort: 1 << 0,
  vlan: 1 << 1,
  pcp: 1 << 2,
  type: 1 << 3,
  tos: 1 << 4,
  proto: 1 << 5,
  tpSource: 1 << 6,
  tpDestination: 1 << 7,
  mplsLabel: 1 << 8,
  mplsTc: 1 << 9,
} as const;
const ANY_VLAN = 0xfffe;
const LAST_VLAN = 0xfff;
const ALL_MAC = 0xffff_ffff_ffff;
const ALL_64 = 0xffff_ffff_ffff_ffffn;

const wire11 = struct({
  _type: pad(2),
  _length: pad(2),
  inPort: u32,
  wildcards: u32,
  source: u48,
  sourceMask: u48,
  destination: u48,
  destinationMask: u48,
  vlan: u16,
  pcp: u8,
  _pad: pad(1),
  type: u16,
  tos: u8,
  proto: u8,
  ipSource: u32,
  ipSourceMask: u32,
  ipDestination: u32,
  ipDestinationMask: u32,
  tpSource: u16,
  tpDestination: u16,
  mplsLabel: u32,
  mplsTc: u8,
  _pad2: pad(3),
  metadata: u64,
  metadataMask: u64,
});
const STANDARD_LENGTH = 88;

/** ofp_match of OpenFlow 1.1, whose masks say what is not matched, or the later one. */
export function readMatch11(r: Reader): Match {
  r.need(4);
  const type = r.view.getUint16(r.offset);
  if (type !== 0) return r.within("match", () => decodeMatch(r));
  return r.within("match", () => {
    const length = r.view.getUint16(r.offset + 2);
    if (length !== STANDARD_LENGTH) r.fail(`match length ${length}; 88 is expected`, "OFPBMC_BAD_LEN");
    return finish(readTerms11(r, wire11.decode(r)));
  });
}

function readTerms11(r: Reader, wire: ValueOf<typeof wire11>): Terms {
  const known = (bit: number, value: number) => ((wire.wildcards & bit) === 0 ? value : undefined);
  const type = known(WILD11.type, wire.type);
  const proto = known(WILD11.proto, wire.proto);
  const isIp = type === IP;
  const hasAddresses = isIp || isArp(type);
  const tos = isIp ? known(WILD11.tos, wire.tos) : undefined;
  if (tos !== undefined && (tos & ~DSCP) !== 0) r.fail(`nw_tos ${tos} has bits of ECN`, "OFPBMC_BAD_VALUE");
  const isMpls = type !== undefined && MPLS.includes(type);
  return [
    term("in_port", known(WILD11.inPort, wire.inPort)),
    macTerm("eth_src", wire.source, wire.sourceMask),
    macTerm("eth_dst", wire.destination, wire.destinationMask),
    ...vlanTerms(r, known(WILD11.vlan, wire.vlan), known(WILD11.pcp, wire.pcp)),
    term("eth_type", type),
    term("nw_tos", tos),
    ...(hasAddresses
      ? [
          protoTerm(type, proto),
          addressTerm(type, "src", wire.ipSource, ~wire.ipSourceMask >>> 0),
          addressTerm(type, "dst", wire.ipDestination, ~wire.ipDestinationMask >>> 0),
        ]
      : []),
    ...(isIp && proto !== undefined && [ICMP, 6, 17, 132].includes(proto)
      ? upperTerms(proto, known(WILD11.tpSource, wire.tpSource), known(WILD11.tpDestination, wire.tpDestination))
      : []),
    ...(isMpls
      ? [
          term("mpls_label", known(WILD11.mplsLabel, wire.mplsLabel)),
          term("mpls_tc", known(WILD11.mplsTc, wire.mplsTc)),
        ]
      : []),
    matchTerm("metadata", wire.metadata & ~wire.metadataMask & ALL_64, ~wire.metadataMask & ALL_64),
  ];
}

function macTerm(field: "eth_src" | "eth_dst", value: number, inverse: number): FieldMatch | undefined {
  const mask = ALL_MAC - inverse;
  return matchTerm(field, BigInt(value) & BigInt(mask), mask);
}

function vlanTerms(r: Reader, vlan: number | undefined, pcp: number | undefined): Terms {
  if (vlan === undefined) return [];
  if (vlan === NO_VLAN) return UNTAGGED;
  if (vlan > LAST_VLAN && vlan !== ANY_VLAN) r.fail(`dl_vlan ${vlan} is none`, "OFPBMC_BAD_VALUE");
  if (pcp !== undefined && pcp > 7) r.fail(`dl_vlan_pcp ${pcp} is none`, "OFPBMC_BAD_VALUE");
  if (vlan !== ANY_VLAN) return tagTerms(vlan, pcp);
  return pcp === undefined ? [matchTerm("vlan_tci", TAGGED, TAGGED)] : tagTerms(undefined, pcp);
}
