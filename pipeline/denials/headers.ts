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

/** A packet's IP header, and where in the frame it ends. */
export interface Location extends Pick<Headers, "source" | "destination" | "protocol"> {
  /** Where the transport's header begins; undefined in later fragments. */
  readonly at: number | undefined;
  /** Where the packet ends, or the frame if that is before: there may be padding behind. */
  readonly end: number;
  /** More fragments follow. */
  readonly isPart: boolean;
}

/** Reads an Ethernet frame, or its beginning. Undefined for what is not IP, or is not all there. */
export function readHeaders(frame: Uint8Array): Headers | undefined {
  const location = locateTransport(frame);
  if (location === undefined) return undefined;
  const { source, destination, protocol, at } = location;
  return { source, destination, protocol, ...(at !== undefined && readTransport(viewOf(frame), protocol, at)) };
}

/** Reads the IP header of an Ethernet frame, or of its beginning. Undefined for what is not IP, or is not all there. */
export function locateTransport(frame: Uint8Array): Location | undefined {
  const view = viewOf(frame);
  if (view.byteLength < ETHERNET + 20) return undefined;
  const etherType = view.getUint16(12);
  if (etherType === ETH_TYPE.ipv4) return locateBehindIpv4(frame, view);
  return etherType === ETH_TYPE.ipv6 ? locateBehindIpv6(frame, view) : undefined;
}

function viewOf(frame: Uint8Array): DataView {
  return new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
}

function locateBehindIpv4(frame: Uint8Array, view: DataView): Location {
  const length = (frame[ETHERNET]! & 0xf) * 4;
  const fragment = view.getUint16(ETHERNET + 6);
  const isLater = (fragment & 0x1fff) !== 0;
  return {
    source: ipFromBytes(frame.subarray(ETHERNET + 12, ETHERNET + 16)),
    destination: ipFromBytes(frame.subarray(ETHERNET + 16, ETHERNET + 20)),
    protocol: frame[ETHERNET + 9]!,
    at: isLater ? undefined : ETHERNET + Math.max(length, 20),
    end: Math.min(frame.length, ETHERNET + view.getUint16(ETHERNET + 2)),
    isPart: (fragment & 0x2000) !== 0,
  };
}

function locateBehindIpv6(frame: Uint8Array, view: DataView): Location | undefined {
  let at = ETHERNET + 40;
  if (view.byteLength < at) return undefined;
  let protocol = frame[ETHERNET + 6]!;
  let [isLater, isPart] = [false, false];
  for (let i = 0; i < MOST_EXTENSIONS && at + 8 <= view.byteLength && !isLater; i++) {
    if (protocol === IPV6_FRAGMENT) {
      isLater = view.getUint16(at + 2) >>> 3 !== 0;
      isPart = (view.getUint16(at + 2) & 1) !== 0;
    } else if (!IPV6_OPTIONS.has(protocol)) break;
    const length = protocol === IPV6_FRAGMENT ? 8 : (frame[at + 1]! + 1) * 8;
    protocol = frame[at]!;
    at += length;
  }
  return {
    source: ipFromBytes(frame.subarray(ETHERNET + 8, ETHERNET + 24)),
    destination: ipFromBytes(frame.subarray(ETHERNET + 24, ETHERNET + 40)),
    protocol,
    at: isLater ? undefined : at,
    end: Math.min(frame.length, ETHERNET + 40 + view.getUint16(ETHERNET + 4)),
    isPart,
  };
}

function readTransport(view: DataView, protocol: number, at: number): Pick<Headers, "ports" | "icmp"> {
  if (at + 4 > view.byteLength) return {};
  if (WITH_PORTS.has(protocol)) return { ports: { source: view.getUint16(at), destination: view.getUint16(at + 2) } };
  return ICMP.has(protocol) ? { icmp: { type: view.getUint8(at), code: view.getUint8(at + 1) } } : {};
}
