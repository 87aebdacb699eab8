import { type Ip, ipBytes } from "#base/address.ts";
import { checksum } from "./frames.ts";

/** First packets of connections, with checksums that conntrack accepts, and cut in pieces where they are too long. */

export type Protocol = "tcp" | "udp" | "sctp" | "icmp";

export interface Opening {
  readonly source: Ip;
  readonly destination: Ip;
  readonly protocol: Protocol;
  /** The identifier, of an echo request. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly data: Buffer;
}

export function protocolNumber(protocol: Protocol, destination: Ip): number {
  if (protocol === "icmp") return typeof destination === "number" ? 1 : 58;
  return { tcp: 6, udp: 17, sctp: 132 }[protocol];
}

/** The IP packets: one, or fragments of at most so many bytes in the order of their offsets. */
export function ipPackets(opening: Opening, mtu = 1450): readonly Buffer[] {
  const { source, destination, protocol, sourcePort } = opening;
  const number = protocolNumber(protocol, destination);
  const payload = segment(opening, number);
  const head = typeof source === "number" ? 20 : 40;
  if (head + payload.length <= mtu) return [header(source, destination, number, payload)];
  const step = (mtu - head - 8) & ~7;
  const pieces: Buffer[] = [];
  for (let offset = 0; offset < payload.length; offset += step) {
    const piece = payload.subarray(offset, offset + step);
    const more = offset + step < payload.length;
    pieces.push(header(source, destination, number, piece, { id: sourcePort, offset, more }));
  }
  return pieces;
}

interface Fragment {
  readonly id: number;
  readonly offset: number;
  readonly more: boolean;
}

function header(source: Ip, destination: Ip, protocol: number, payload: Buffer, fragment?: Fragment): Buffer {
  if (typeof source === "number") {
    const head = Buffer.alloc(20);
    head.writeUInt8(0x45, 0);
    head.writeUInt16BE(20 + payload.length, 2);
    head.writeUInt16BE(fragment?.id ?? 0, 4);
    head.writeUInt16BE(((fragment?.offset ?? 0) >> 3) | (fragment?.more ? 0x2000 : 0), 6);
    head.set([64, protocol], 8);
    head.set([...ipBytes(source), ...ipBytes(destination)], 12);
    head.writeUInt16BE(checksum(head), 10);
    return Buffer.concat([head, payload]);
  }
  const head = Buffer.alloc(fragment === undefined ? 40 : 48);
  head.writeUInt8(0x60, 0);
  head.writeUInt16BE(head.length - 40 + payload.length, 4);
  head.set([fragment === undefined ? protocol : 44, 64], 6);
  head.set([...ipBytes(source), ...ipBytes(destination)], 8);
  if (fragment !== undefined) {
    head.writeUInt8(protocol, 40);
    head.writeUInt16BE(fragment.offset | (fragment.more ? 1 : 0), 42);
    head.writeUInt32BE(fragment.id, 44);
  }
  return Buffer.concat([head, payload]);
}

function segment(opening: Opening, number: number): Buffer {
  const { protocol, sourcePort, destinationPort, data, destination } = opening;
  const head = Buffer.alloc({ tcp: 20, udp: 8, icmp: 8, sctp: 36 }[protocol]);
  const bytes = Buffer.concat([head, data]);
  if (protocol === "icmp") {
    bytes.writeUInt8(typeof destination === "number" ? 8 : 128, 0);
    bytes.writeUInt16BE(sourcePort, 4);
    return withChecksum(bytes, 2, opening, number);
  }
  bytes.writeUInt16BE(sourcePort, 0);
  bytes.writeUInt16BE(destinationPort, 2);
  if (protocol === "sctp") return initChunk(bytes, data.length);
  if (protocol === "udp") {
    bytes.writeUInt16BE(bytes.length, 4);
    return withChecksum(bytes, 6, opening, number);
  }
  // A SYN from sequence number 1000, for all of a window.
  bytes.writeUInt32BE(1000, 4);
  bytes.set([0x50, 0x02, 0xff, 0xff], 12);
  return withChecksum(bytes, 16, opening, number);
}

function withChecksum(bytes: Buffer, at: number, { source, destination }: Opening, number: number): Buffer {
  const length = [0, 0, bytes.length >> 8, bytes.length & 0xff];
  const pseudo = number === 1 ? [] : [...ipBytes(source), ...ipBytes(destination), ...length, ...[0, 0, 0, number]];
  bytes.writeUInt16BE(checksum(Buffer.concat([Buffer.from(pseudo), bytes, Buffer.alloc(bytes.length & 1)])), at);
  return bytes;
}

/** RFC 9260 §3.3.2, with a parameter that nobody knows to hold the data. */
function initChunk(bytes: Buffer, dataLength: number): Buffer {
  bytes.set([1, 0], 12);
  bytes.writeUInt16BE(24 + dataLength, 14);
  bytes.writeUInt32BE(0x57454952, 16);
  bytes.writeUInt32BE(0xffff, 20);
  bytes.set([0, 1, 0, 1], 24);
  bytes.writeUInt32BE(1, 28);
  bytes.writeUInt16BE(0xc0de, 32);
  bytes.writeUInt16BE(4 + dataLength, 34);
  bytes.writeUInt32LE(crc32c(bytes), 8);
  return bytes;
}

function crc32c(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}
