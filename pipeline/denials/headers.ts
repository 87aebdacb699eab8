import { type Ip, ipFromBytes } from "#base/address.ts";
import { ETH_TYPE } from "../features/vocabulary.ts";

/** What the headers of a packet say of it. */
export interface Headers {
  readonly source: Ip;
  readonly destination: Ip;
  /** IP protocol number. */
  readonly protocol: number;
  /** Of TCP, UDP and SCTP; absent in later fragments and where the bytes end before. */
  readonly ports?: { readonly source: number; readonly destination: number };
  readonly icmp?: { readonly type: number; readonly code: number };
}

const ETHERNET = 14;
const WITH_PORTS: ReadonlySet<number> = new Set([6, 17, 132]);
const ICMP: ReadonlySet<number> = new Set([1, 58]);
/** Hop-by-hop, routing and destination options: a length in units of 8 bytes behind the next header's number (RFC 8200, 4). */
const IPV6_OPTIONS: ReadonlySet<number> = new Set([0, 43, 60]);
const IPV6_FRAGMENT = 44;
const MOST_EXTENSIONS = 8;

/** Reads an Ethernet frame, or its beginning. Undefined for what is not IP, or is not all there. */
export function readHeaders(frame: Uint8Array): Headers | undefined {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (view.byteLength < ETHERNET + 20) return undefined;
  const etherType = view.getUint16(12);
  if (etherType === ETH_TYPE.ipv4) return readIpv4(frame, view);
  return etherType === ETH_TYPE.ipv6 ? readIpv6(frame, view) : undefined;
}

function readIpv4(frame: Uint8Array, view: DataView): Headers {
  const transport = locateIpv4(frame, view);
  return {
    source: ipFromBytes(frame.subarray(ETHERNET + 12, ETHERNET + 16)),
    destination: ipFromBytes(frame.subarray(ETHERNET + 16, ETHERNET + 20)),
    protocol: frame[ETHERNET + 9]!,
    ...(transport && readTransport(view, transport.protocol, transport.at)),
  };
}

function readIpv6(frame: Uint8Array, view: DataView): Headers | undefined {
  if (view.byteLength < ETHERNET + 40) return undefined;
  const { isLaterFragment, ...transport } = locateIpv6(frame, view);
  return {
    source: ipFromBytes(frame.subarray(ETHERNET + 8, ETHERNET + 24)),
    destination: ipFromBytes(frame.subarray(ETHERNET + 24, ETHERNET + 40)),
    protocol: transport.protocol,
    ...(isLaterFragment ? {} : readTransport(view, transport.protocol, transport.at)),
  };
}

/** What an IP packet carries, and where in its frame that begins. */
export interface Transport {
  readonly protocol: number;
  readonly at: number;
}

/** Of a frame with IP headers: undefined for later fragments, which have none of it. */
export function locateTransport(frame: Uint8Array): Transport | undefined {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (view.getUint16(12) === ETH_TYPE.ipv4) return locateIpv4(frame, view);
  const { isLaterFragment, ...transport } = locateIpv6(frame, view);
  return isLaterFragment ? undefined : transport;
}

function locateIpv4(frame: Uint8Array, view: DataView): Transport | undefined {
  const length = (frame[ETHERNET]! & 0xf) * 4;
  const isLaterFragment = (view.getUint16(ETHERNET + 6) & 0x1fff) !== 0;
  return isLaterFragment ? undefined : { protocol: frame[ETHERNET + 9]!, at: ETHERNET + Math.max(length, 20) };
}

function locateIpv6(frame: Uint8Array, view: DataView): Transport & { readonly isLaterFragment: boolean } {
  let at = ETHERNET + 40;
  let protocol = frame[ETHERNET + 6]!;
  let isLaterFragment = false;
  for (let i = 0; i < MOST_EXTENSIONS && at + 8 <= view.byteLength && !isLaterFragment; i++) {
    if (protocol === IPV6_FRAGMENT) isLaterFragment = view.getUint16(at + 2) >>> 3 !== 0;
    else if (!IPV6_OPTIONS.has(protocol)) break;
    const length = protocol === IPV6_FRAGMENT ? 8 : (frame[at + 1]! + 1) * 8;
    protocol = frame[at]!;
    at += length;
  }
  return { protocol, at, isLaterFragment };
}

function readTransport(view: DataView, protocol: number, at: number): Pick<Headers, "ports" | "icmp"> {
  if (at + 4 > view.byteLength) return {};
  if (WITH_PORTS.has(protocol)) return { ports: { source: view.getUint16(at), destination: view.getUint16(at + 2) } };
  return ICMP.has(protocol) ? { icmp: { type: view.getUint8(at), code: view.getUint8(at + 1) } } : {};
}
