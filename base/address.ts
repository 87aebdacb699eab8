import ipaddr from "ipaddr.js";

/** An IPv4 address as an unsigned 32-bit number. */
export type Ipv4 = number & { readonly Ipv4: never };
/** An IPv6 address as an unsigned 128-bit bigint. */
export type Ipv6 = bigint & { readonly Ipv6: never };
/** Either family: `typeof` tells them apart. */
export type Ip = Ipv4 | Ipv6;
/** A MAC address as a number below 2^48. */
export type Mac = number & { readonly Mac: never };
/** A network: `address` has no bit set behind `prefixLength`. */
export interface Cidr {
  readonly address: Ip;
  readonly prefixLength: number;
}
export type IpFamily = 4 | 6;

export function isIpv4(ip: Ip): ip is Ipv4 {
  return typeof ip === "number";
}

export function familyOf(ip: Ip): IpFamily {
  return typeof ip === "number" ? 4 : 6;
}

/** Parses "10.0.0.1" or "fd00::1"; undefined for anything else (zones, prefixes, octal and short forms included). */
export function parseIp(text: string): Ip | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipFromBytes(text.split(".").map(Number));
  const plain = withoutDots(text);
  if (!text.includes("%") && ipaddr.IPv6.isValid(plain)) return ipFromBytes(ipaddr.IPv6.parse(plain).toByteArray());
  return undefined;
}

/** "::1.2.3.4" is ::102:304 (RFC 4291, 2.2); ipaddr.js takes it for ::ffff:102:304. */
function withoutDots(text: string): string {
  const [dotted] = /(?<=:)[\d.]*\.[\d.]*$/.exec(text) ?? [];
  if (dotted === undefined || !ipaddr.IPv4.isValidFourPartDecimal(dotted)) return text;
  const [a = 0, b = 0, c = 0, d = 0] = dotted.split(".").map(Number);
  return `${text.slice(0, -dotted.length)}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

/** The canonical text: dotted decimal, or RFC 5952. */
export function formatIp(ip: Ip): string {
  if (typeof ip === "number") return `${ip >>> 24}.${(ip >>> 16) & 255}.${(ip >>> 8) & 255}.${ip & 255}`;
  return new ipaddr.IPv6(ipBytes(ip)).toRFC5952String();
}

export function ipBytes(ip: Ip): number[] {
  if (typeof ip === "number") return [ip >>> 24, (ip >>> 16) & 255, (ip >>> 8) & 255, ip & 255];
  const bytes = new Array<number>(16);
  let rest: bigint = ip;
  for (let i = 15; i >= 0; i--) {
    bytes[i] = Number(rest & 255n);
    rest >>= 8n;
  }
  return bytes;
}

/** From 4 or 16 bytes in network order. */
export function ipFromBytes(bytes: ArrayLike<number>): Ip {
  if (bytes.length === 4) return (((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0) as Ipv4;
  let value = 0n;
  for (let i = 0; i < 16; i++) value = (value << 8n) | BigInt(bytes[i]!);
  return value as Ipv6;
}

/** The mask of a prefix: prefixMask(4, 24) is 255.255.255.0. */
export function prefixMask(family: 4, prefixLength: number): Ipv4;
export function prefixMask(family: IpFamily, prefixLength: number): Ip;
export function prefixMask(family: IpFamily, prefixLength: number): Ip {
  if (family === 4) return (prefixLength === 0 ? 0 : (0xffffffff << (32 - prefixLength)) >>> 0) as Ipv4;
  return (((1n << BigInt(prefixLength)) - 1n) << BigInt(128 - prefixLength)) as Ipv6;
}

/** Parses "10.0.0.0/8" or "fd00::/64"; host bits are cleared. Undefined for anything else. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf("/");
  if (slash < 0 || !/^(0|[1-9]\d{0,2})$/.test(text.slice(slash + 1))) return undefined;
  const ip = parseIp(text.slice(0, slash));
  const prefixLength = Number(text.slice(slash + 1));
  if (ip === undefined || prefixLength > (isIpv4(ip) ? 32 : 128)) return undefined;
  return { address: networkOf(ip, prefixLength), prefixLength };
}

export function formatCidr(cidr: Cidr): string {
  return `${formatIp(cidr.address)}/${cidr.prefixLength}`;
}

export function networkOf(ip: Ip, prefixLength: number): Ip {
  if (typeof ip === "number") return ((ip & prefixMask(4, prefixLength)) >>> 0) as Ipv4;
  return ((ip as bigint) & (prefixMask(6, prefixLength) as bigint)) as Ipv6;
}

export function cidrContains(cidr: Cidr, ip: Ip): boolean {
  return typeof ip === typeof cidr.address && networkOf(ip, cidr.prefixLength) === cidr.address;
}

/** The address `offset` places after `ip`. The caller keeps it within its network. */
export function addToIp(ip: Ip, offset: number): Ip {
  return (typeof ip === "number" ? ip + offset : (ip as bigint) + BigInt(offset)) as Ip;
}

/** Parses "aa:bb:cc:dd:ee:ff"; undefined for anything else. */
export function parseMac(text: string): Mac | undefined {
  return /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text)
    ? (Number.parseInt(text.replaceAll(":", ""), 16) as Mac)
    : undefined;
}

export function formatMac(mac: Mac): string {
  return mac
    .toString(16)
    .padStart(12, "0")
    .replace(/..(?!$)/g, "$&:");
}
