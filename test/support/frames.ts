import { type Ip, ipBytes, type Mac } from "#base/address.ts";

/** Ethernet frames as a hostile pod would write them by hand. */

export const ETHER = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd, vlan: 0x8100 } as const;
export const BROADCAST = 0xffff_ffff_ffff as Mac;

export interface IpFields {
  readonly source: Ip;
  readonly destination: Ip;
  readonly protocol: number;
  readonly payload: Buffer;
  /** 255 unless given: what neighbour discovery demands. */
  readonly hops?: number;
  /** In 8-byte steps, of a fragment that is not the first. */
  readonly fragmentOffset?: number;
}

export function ethernet(destination: Mac, source: Mac, type: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(14);
  head.writeUIntBE(destination, 0, 6);
  head.writeUIntBE(source, 6, 6);
  head.writeUInt16BE(type, 12);
  return Buffer.concat([head, payload]);
}

export function ip(fields: IpFields): Buffer {
  return typeof fields.source === "number" ? ipv4(fields) : ipv6(fields);
}

function ipv4({ source, destination, protocol, payload, hops = 255, fragmentOffset = 0 }: IpFields): Buffer {
  const head = Buffer.alloc(20);
  head.writeUInt8(0x45, 0);
  head.writeUInt16BE(20 + payload.length, 2);
  head.writeUInt16BE(fragmentOffset, 6);
  head.writeUInt8(hops, 8);
  head.writeUInt8(protocol, 9);
  head.set(ipBytes(source), 12);
  head.set(ipBytes(destination), 16);
  head.writeUInt16BE(checksum(head), 10);
  return Buffer.concat([head, payload]);
}

function ipv6({ source, destination, protocol, payload, hops = 255 }: IpFields): Buffer {
  const head = Buffer.alloc(40);
  head.writeUInt8(0x60, 0);
  head.writeUInt16BE(payload.length, 4);
  head.writeUInt8(protocol, 6);
  head.writeUInt8(hops, 7);
  head.set(ipBytes(source), 8);
  head.set(ipBytes(destination), 24);
  return Buffer.concat([head, payload]);
}

/** Without a checksum, which IPv4 allows; over IPv6 a kernel would drop it, and a raw socket sees it all the same. */
export function udp(sourcePort: number, destinationPort: number, data: string): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16BE(sourcePort, 0);
  head.writeUInt16BE(destinationPort, 2);
  head.writeUInt16BE(8 + data.length, 4);
  return Buffer.concat([head, Buffer.from(data)]);
}

export function arp(operation: number, senderMac: Mac, senderIp: Ip, targetMac: Mac, targetIp: Ip): Buffer {
  const bytes = Buffer.alloc(28);
  bytes.writeUInt16BE(1, 0);
  bytes.writeUInt16BE(ETHER.ipv4, 2);
  bytes.set([6, 4], 4);
  bytes.writeUInt16BE(operation, 6);
  bytes.writeUIntBE(senderMac, 8, 6);
  bytes.set(ipBytes(senderIp), 14);
  bytes.writeUIntBE(targetMac, 18, 6);
  bytes.set(ipBytes(targetIp), 24);
  return bytes;
}

/** A neighbour solicitation (135) or advertisement (136) with its link-layer option, checksummed. */
export function neighbour(type: 135 | 136, source: Ip, destination: Ip, target: Ip, linkLayer: Mac): Buffer {
  const bytes = Buffer.alloc(32);
  bytes.writeUInt8(type, 0);
  if (type === 136) bytes.writeUInt8(0x60, 4);
  bytes.set(ipBytes(target), 8);
  bytes.set([type === 136 ? 2 : 1, 1], 24);
  bytes.writeUIntBE(linkLayer, 26, 6);
  return withIcmpv6Checksum(bytes, source, destination);
}

/** A router advertisement (134) or redirect (137) without options. */
export function icmpv6(type: number, source: Ip, destination: Ip): Buffer {
  const bytes = Buffer.alloc(type === 137 ? 40 : 16);
  bytes.writeUInt8(type, 0);
  bytes.writeUInt16BE(1800, 6);
  return withIcmpv6Checksum(bytes, source, destination);
}

function withIcmpv6Checksum(bytes: Buffer, source: Ip, destination: Ip): Buffer {
  const pseudo = Buffer.from([...ipBytes(source), ...ipBytes(destination), 0, 0, 0, bytes.length, 0, 0, 0, 58]);
  bytes.writeUInt16BE(checksum(Buffer.concat([pseudo, bytes])), 2);
  return bytes;
}

export function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
