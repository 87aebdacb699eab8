import { type Ip, ipBytes, isIpv4, type Mac } from "#base/address.ts";
import { ETH_TYPE, IP_PROTO } from "../features/vocabulary.ts";

/** Packets as the node process writes them: headers, and no more options than none. */

const HOPS = 64;
const DO_NOT_FRAGMENT = 0x4000;

export function ethernetFrame(destination: Mac, source: Mac, packet: Uint8Array): Uint8Array {
  const frame = new Uint8Array(14 + packet.length);
  const view = new DataView(frame.buffer);
  for (const [at, mac] of [
    [0, destination],
    [6, source],
  ] as const) {
    view.setUint16(at, Math.floor(mac / 2 ** 32));
    view.setUint32(at + 2, mac % 2 ** 32);
  }
  view.setUint16(12, packet[0]! >>> 4 === 4 ? ETH_TYPE.ipv4 : ETH_TYPE.ipv6);
  frame.set(packet, 14);
  return frame;
}

interface Carried {
  readonly source: Ip;
  readonly destination: Ip;
  readonly protocol: number;
  readonly hops?: number;
  payload(source: Ip, destination: Ip): Uint8Array;
}

export function ipPacket({ source, destination, protocol, hops = HOPS, payload: payloadFor }: Carried): Uint8Array {
  const payload = payloadFor(source, destination);
  const write = isIpv4(source) ? ipv4Header : ipv6Header;
  const header = write(protocol, hops, payload.length);
  const [at, length] = isIpv4(source) ? [12, 4] : [8, 16];
  header.set(ipBytes(source), at);
  header.set(ipBytes(destination), at + length);
  if (isIpv4(source)) new DataView(header.buffer).setUint16(10, checksum(header));
  const packet = new Uint8Array(header.length + payload.length);
  packet.set(header);
  packet.set(payload, header.length);
  return packet;
}

function ipv4Header(protocol: number, hops: number, payloadLength: number): Uint8Array {
  const header = new Uint8Array(20);
  const view = new DataView(header.buffer);
  view.setUint8(0, 0x45);
  view.setUint16(2, header.length + payloadLength);
  view.setUint16(6, DO_NOT_FRAGMENT);
  view.setUint8(8, hops);
  view.setUint8(9, protocol);
  return header;
}

function ipv6Header(protocol: number, hops: number, payloadLength: number): Uint8Array {
  const header = new Uint8Array(40);
  const view = new DataView(header.buffer);
  view.setUint8(0, 0x60);
  view.setUint16(4, payloadLength);
  view.setUint8(6, protocol);
  view.setUint8(7, hops);
  return header;
}

export interface Segment {
  readonly source: number;
  readonly destination: number;
  readonly sequence: number;
  readonly acknowledged: number;
  readonly flags: number;
}

/** TCP without data. */
export function tcpSegment(segment: Segment, source: Ip, destination: Ip): Uint8Array {
  const bytes = new Uint8Array(20);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, segment.source);
  view.setUint16(2, segment.destination);
  view.setUint32(4, segment.sequence);
  view.setUint32(8, segment.acknowledged);
  view.setUint8(12, (bytes.length / 4) << 4);
  view.setUint8(13, segment.flags);
  view.setUint16(16, checksum(bytes, pseudoHeader(source, destination, IP_PROTO.tcp, bytes.length)));
  return bytes;
}

/** UDP without data. */
export function udpDatagram(
  ports: { readonly source: number; readonly destination: number },
  source: Ip,
  destination: Ip,
): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, ports.source);
  view.setUint16(2, ports.destination);
  view.setUint16(4, bytes.length);
  // RFC 768: none at all is written as 0, and so a sum of 0 is written otherwise.
  view.setUint16(6, checksum(bytes, pseudoHeader(source, destination, IP_PROTO.udp, bytes.length)) || 0xffff);
  return bytes;
}

interface IcmpError {
  readonly type: number;
  readonly code: number;
  /** What the error is about, or its beginning. */
  readonly packet: Uint8Array;
}

export function icmpMessage({ type, code, packet }: IcmpError, source: Ip, destination: Ip): Uint8Array {
  const bytes = new Uint8Array(8 + packet.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, type);
  view.setUint8(1, code);
  bytes.set(packet, 8);
  const around = isIpv4(source) ? new Uint8Array(0) : pseudoHeader(source, destination, IP_PROTO.icmpv6, bytes.length);
  view.setUint16(2, checksum(bytes, around));
  return bytes;
}

function pseudoHeader(source: Ip, destination: Ip, protocol: number, length: number): Uint8Array {
  return Uint8Array.of(...ipBytes(source), ...ipBytes(destination), 0, protocol, length >>> 8, length & 0xff);
}

/** RFC 1071, over both. */
function checksum(bytes: Uint8Array, around: Uint8Array = new Uint8Array(0)): number {
  let sum = 0;
  for (const part of [around, bytes])
    for (let i = 0; i < part.length; i += 2) sum += (part[i]! << 8) | (part[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
