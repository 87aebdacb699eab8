import { type Ip, parseIp } from "#base/address.ts";

/** Neither unspecified nor loopback nor multicast. */
export function isHostAddress(ip: Ip): boolean {
  if (typeof ip === "bigint") return ip > 1n && ip >> 120n !== 0xffn;
  const first = ip >>> 24;
  return first !== 0 && first !== 127 && first < 224;
}

export function parseHostAddress(text: string): Ip | undefined {
  const ip = parseIp(text);
  return ip !== undefined && isHostAddress(ip) ? ip : undefined;
}

/** Of those the ones that are the same on every link: no service may lead to what is a node's own business. */
export function parseRoutedAddress(text: string): Ip | undefined {
  const ip = parseIp(text);
  return ip !== undefined && isRoutedAddress(ip) ? ip : undefined;
}

export function isRoutedAddress(ip: Ip): boolean {
  return isHostAddress(ip) && !isLinkLocal(ip);
}

function isLinkLocal(ip: Ip): boolean {
  return typeof ip === "bigint" ? ip >> 118n === 0x3fan : ip >>> 16 === 0xa9fe;
}
