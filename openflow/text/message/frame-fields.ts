/**
 * What Open vSwitch sees in a packet, by layers. A layer that is cut short or contradicts itself leaves the fields of those
 * above it zero, for that is how the switch takes it.
 */
export interface FrameFields {
  /** Source, destination; absent for a packet that is no Ethernet frame. */
  readonly ethernet: boolean;
  readonly source: number;
  readonly destination: number;
  /** Tags from the outside in, with the bit that says that they are there. */
  readonly vlans: readonly number[];
  readonly etherType: number;
  readonly mpls: readonly number[];
  readonly ipSource: number;
  readonly ipDestination: number;
  readonly ipv6Source: bigint;
  readonly ipv6Destination: bigint;
  readonly ipv6Label: number;
  readonly proto: number;
  readonly tos: number;
  readonly ttl: number;
  readonly fragment: Fragment;
  readonly arpSource: number;
  readonly arpTarget: number;
  readonly portSource: number;
  readonly portDestination: number;
  readonly tcpFlags: number;
  readonly ndTarget: bigint;
  readonly nsh: NshFields | undefined;
  /** The transport layer's bytes, without what pads the frame; absent where there is none. */
  readonly transport: Uint8Array | undefined;
}

export type Fragment = "no" | "first" | "later";

export interface NshFields {
  readonly flags: number;
  readonly ttl: number;
  readonly mdType: number;
  readonly next: number;
  readonly path: number;
  readonly context: readonly number[];
}

export const ETHER_TYPE = {
  ipv4: 0x0800,
  arp: 0x0806,
  rarp: 0x8035,
  vlan: 0x8100,
  serviceVlan: 0x88a8,
  ipv6: 0x86dd,
  mpls: 0x8847,
  mplsMulticast: 0x8848,
  nsh: 0x894f,
  none: 0x05ff,
} as const;
export const PROTO = { icmp: 1, igmp: 2, tcp: 6, udp: 17, fragment: 44, icmpv6: 58, sctp: 132 } as const;
const EXTENSION = { hopByHop: 0, routing: 43, destination: 60, authentication: 51 } as const;
const FIRST_ETHER_TYPE = 0x0600;
const MOST_VLANS = 2;
const MOST_LABELS = 3;
const VLAN_PRESENT = 0x1000;
const BOTTOM_OF_STACK = 0x100;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Fields = Mutable<FrameFields>;

/** The bytes that are left, from the outside in. */
class Rest {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  offset = 0;
  end: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.end = bytes.length;
  }

  get size(): number {
    return this.end - this.offset;
  }

  u8(at: number): number {
    return this.#view.getUint8(this.offset + at);
  }

  u16(at: number): number {
    return this.#view.getUint16(this.offset + at);
  }

  u32(at: number): number {
    return this.#view.getUint32(this.offset + at);
  }

  mac(at: number): number {
    return this.u16(at) * 0x1_0000_0000 + this.u32(at + 2);
  }

  wide(at: number): bigint {
    return (this.#view.getBigUint64(this.offset + at) << 64n) | this.#view.getBigUint64(this.offset + at + 8);
  }

  /** Whether there was as much to pass over. */
  skip(count: number): boolean {
    if (count > this.size) return false;
    this.offset += count;
    return true;
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(this.offset, this.end);
  }
}

/** `packetType` is 0 for Ethernet, else a name space and a type in it, 16 bits each. */
export function readFrame(bytes: Uint8Array, packetType: number): FrameFields {
  const fields: Fields = {
    ethernet: packetType === 0,
    source: 0,
    destination: 0,
    vlans: [],
    etherType: 0,
    mpls: [],
    ipSource: 0,
    ipDestination: 0,
    ipv6Source: 0n,
    ipv6Destination: 0n,
    ipv6Label: 0,
    proto: 0,
    tos: 0,
    ttl: 0,
    fragment: "no",
    arpSource: 0,
    arpTarget: 0,
    portSource: 0,
    portDestination: 0,
    tcpFlags: 0,
    ndTarget: 0n,
    nsh: undefined,
    transport: undefined,
  };
  const rest = new Rest(bytes);
  if (packetType !== 0) fields.etherType = packetType & 0xffff;
  else if (rest.size < 14) return fields;
  else readEthernet(rest, fields);
  if (fields.etherType === ETHER_TYPE.mpls || fields.etherType === ETHER_TYPE.mplsMulticast) readMpls(rest, fields);
  if (fields.etherType === ETHER_TYPE.ipv4) readIpv4(rest, fields);
  else if (fields.etherType === ETHER_TYPE.ipv6) readIpv6(rest, fields);
  else if (fields.etherType === ETHER_TYPE.arp || fields.etherType === ETHER_TYPE.rarp) readArp(rest, fields);
  else if (fields.etherType === ETHER_TYPE.nsh) fields.nsh = readNsh(rest);
  return fields;
}

function readEthernet(rest: Rest, fields: Fields): void {
  fields.destination = rest.mac(0);
  fields.source = rest.mac(6);
  rest.skip(12);
  const vlans: number[] = [];
  while (vlans.length < MOST_VLANS && isVlan(rest.u16(0)) && rest.size >= 6) {
    vlans.push(rest.u16(2) | VLAN_PRESENT);
    rest.skip(4);
  }
  fields.vlans = vlans;
  fields.etherType = readEtherType(rest);
}

function isVlan(etherType: number): boolean {
  return etherType === ETHER_TYPE.vlan || etherType === ETHER_TYPE.serviceVlan;
}

/** Of Ethernet II, or of a SNAP header behind an IEEE 802.3 length. */
function readEtherType(rest: Rest): number {
  const type = rest.u16(0);
  rest.skip(2);
  if (type >= FIRST_ETHER_TYPE) return type;
  const isSnap = rest.size >= 8 && rest.u32(0) === 0xaaaa_0300 && rest.u16(4) === 0;
  if (!isSnap) return ETHER_TYPE.none;
  const snapType = rest.u16(6);
  rest.skip(8);
  return snapType >= FIRST_ETHER_TYPE ? snapType : ETHER_TYPE.none;
}

function readMpls(rest: Rest, fields: Fields): void {
  const labels: number[] = [];
  while (rest.size >= 4) {
    const label = rest.u32(0);
    rest.skip(4);
    if (labels.length < MOST_LABELS) labels.push(label);
    if ((label & BOTTOM_OF_STACK) !== 0) break;
  }
  fields.mpls = labels;
}

function readIpv4(rest: Rest, fields: Fields): void {
  if (rest.size < 20) return;
  const headerLength = (rest.u8(0) & 15) * 4;
  const length = rest.u16(2);
  if (headerLength < 20 || rest.size < headerLength || length > rest.size || headerLength > length) return;
  rest.end = rest.offset + length;
  fields.tos = rest.u8(1);
  fields.ttl = rest.u8(8);
  fields.proto = rest.u8(9);
  const fragment = rest.u16(6) & 0x3fff;
  fields.fragment = fragment === 0 ? "no" : (fragment & 0x1fff) === 0 ? "first" : "later";
  fields.ipSource = rest.u32(12);
  fields.ipDestination = rest.u32(16);
  rest.skip(headerLength);
  readTransport(rest, fields);
}

function readIpv6(rest: Rest, fields: Fields): void {
  if (rest.size < 40 || rest.u16(4) + 40 > rest.size) return;
  const flow = rest.u32(0);
  const hopLimit = rest.u8(7);
  fields.ipv6Source = rest.wide(8);
  fields.ipv6Destination = rest.wide(24);
  rest.end = rest.offset + 40 + rest.u16(4);
  const next = rest.u8(6);
  rest.skip(40);
  const upper = readExtensions(rest, next);
  if (upper === undefined) return;
  fields.ipv6Label = flow & 0xf_ffff;
  fields.tos = (flow >>> 20) & 0xff;
  fields.ttl = hopLimit;
  fields.proto = upper.proto;
  fields.fragment = upper.fragment;
  readTransport(rest, fields);
}

/** Goes behind the extension headers; undefined when they are cut short. */
function readExtensions(
  rest: Rest,
  first: number,
): { readonly proto: number; readonly fragment: Fragment } | undefined {
  let proto = first;
  let fragment: Fragment = "no";
  for (;;) {
    const isOptions = proto === EXTENSION.hopByHop || proto === EXTENSION.routing || proto === EXTENSION.destination;
    if (!isOptions && proto !== EXTENSION.authentication && proto !== PROTO.fragment) return { proto, fragment };
    if (rest.size < 8) return undefined;
    const next = rest.u8(0);
    if (proto === PROTO.fragment) {
      const offset = rest.u16(2);
      rest.skip(8);
      if (offset !== 0) fragment = "first";
      if ((offset & 0xfff8) !== 0) return { proto: PROTO.fragment, fragment: "later" };
    } else if (!rest.skip(isOptions ? (rest.u8(1) + 1) * 8 : (rest.u8(1) + 2) * 4)) return undefined;
    proto = next;
  }
}

/** Source, destination and what else is known of the upper layer; a later fragment has none of it. */
function readTransport(rest: Rest, fields: Fields): void {
  fields.transport = rest.bytes();
  if (fields.fragment === "later") return;
  const { proto } = fields;
  if (proto === PROTO.tcp) {
    const headerLength = rest.size >= 20 ? (rest.u8(12) >> 4) * 4 : 0;
    if (headerLength < 20 || rest.size < headerLength) return;
    fields.tcpFlags = rest.u16(12) & 0xfff;
    readPorts(rest, fields);
  } else if ((proto === PROTO.udp && rest.size >= 8) || (proto === PROTO.sctp && rest.size >= 12))
    readPorts(rest, fields);
  else if ((proto === PROTO.icmp || proto === PROTO.igmp || proto === PROTO.icmpv6) && rest.size >= 8) {
    fields.portSource = rest.u8(0);
    fields.portDestination = rest.u8(1);
    if (isNeighborDiscovery(fields)) readNeighborDiscovery(rest, fields);
  }
}

/** A neighbour solicitation or advertisement. */
export function isNeighborDiscovery({ etherType, proto, portSource, portDestination }: FrameFields): boolean {
  const isIcmpv6 = etherType === ETHER_TYPE.ipv6 && proto === PROTO.icmpv6;
  return isIcmpv6 && portDestination === 0 && (portSource === 135 || portSource === 136);
}

/** Target, then options: type (8) | length in units of 8 bytes (8) | an address of the link. */
function readNeighborDiscovery(rest: Rest, fields: Fields): void {
  rest.skip(8);
  if (rest.size < 16) return;
  const target = rest.wide(0);
  rest.skip(16);
  const addresses = { source: 0, target: 0 };
  while (rest.size >= 8) {
    const length = rest.u8(1) * 8;
    if (length === 0 || length > rest.size) break;
    const which = length === 8 ? ([undefined, "source", "target"] as const)[rest.u8(0)] : undefined;
    if (which !== undefined) {
      // An address given twice spoils them all.
      if (addresses[which] !== 0) return;
      addresses[which] = rest.mac(2);
    }
    rest.skip(length);
  }
  fields.ndTarget = target;
  fields.arpSource = addresses.source;
  fields.arpTarget = addresses.target;
}

function readPorts(rest: Rest, fields: Fields): void {
  fields.portSource = rest.u16(0);
  fields.portDestination = rest.u16(2);
}

function readArp(rest: Rest, fields: Fields): void {
  if (rest.size < 28 || rest.u32(0) !== 0x0001_0800 || rest.u16(4) !== 0x0604) return;
  const operation = rest.u16(6);
  fields.proto = operation <= 0xff ? operation : 0;
  fields.arpSource = rest.mac(8);
  fields.ipSource = rest.u32(14);
  fields.arpTarget = rest.mac(18);
  fields.ipDestination = rest.u32(24);
}

/** RFC 8300: version (2) | O, unassigned (1 each) | TTL (6) | length in words (6) | type of metadata | next | path | context. */
function readNsh(rest: Rest): NshFields | undefined {
  if (rest.size < 8) return undefined;
  const first = rest.u16(0);
  const length = (first & 0x3f) * 4;
  const mdType = rest.u8(2);
  if (length > rest.size || first >> 14 !== 0) return undefined;
  const isFixed = mdType === 1;
  if (isFixed ? length !== 24 : mdType === 2 && length < 8) return undefined;
  return {
    flags: (first >> 12) & 3,
    ttl: (first >> 6) & 0x3f,
    mdType,
    next: rest.u8(3),
    path: rest.u32(4),
    context: isFixed ? [8, 12, 16, 20].map((at) => rest.u32(at)) : [0, 0, 0, 0],
  };
}
