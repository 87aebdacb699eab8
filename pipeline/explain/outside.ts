import { type Cidr, cidrContains, formatCidr, type Ip, parseCidr } from "#base/address.ts";
import { subtractCidrs } from "#base/prefixes.ts";
import type { Objects } from "../model/model.ts";
import { networksNamedBy } from "./pod-classes.ts";

/** Addresses outside of the cluster that no policy tells apart, and one of them. */
export interface Outside {
  /** "10.0.0.0/8", less what has an entry of its own; "any other IPv4 address". */
  readonly name: string;
  readonly ip: Ip;
}

const EVERYWHERE = [
  { name: "any other IPv4 address", network: parseCidr("0.0.0.0/0")! },
  { name: "any other IPv6 address", network: parseCidr("::/0")! },
] as const;

/** The networks that policies name, and all others. `isTaken` says whose address is not outside. */
export function outsideOf(isTaken: (ip: Ip) => boolean, ...clusters: readonly Objects[]): readonly Outside[] {
  const networks = networksNamedBy(...clusters);
  const all = [...networks.map((network) => ({ name: formatCidr(network), network })), ...EVERYWHERE];
  return all.flatMap(({ name, network }) => {
    // A policy that names the whole family leaves no other address.
    const inner = networks.filter((one) => one !== network && isWithin(one, network));
    const free = subtractCidrs(network, inner).map((part) => freeAddress(part, isTaken));
    const ip = free.find((one) => one !== undefined);
    return ip === undefined ? [] : [{ name, ip }];
  });
}

function isWithin(inner: Cidr, outer: Cidr): boolean {
  return inner.prefixLength >= outer.prefixLength && cidrContains(outer, inner.address);
}

/** The first address of a network, or one behind it, that nobody has. */
export function freeAddress(network: Cidr, isTaken: (ip: Ip) => boolean): Ip | undefined {
  const next = (ip: Ip) => (typeof ip === "number" ? ip + 1 : (ip as bigint) + 1n) as Ip;
  let ip = network.address;
  while (cidrContains(network, ip) && isTaken(ip)) ip = next(ip);
  return cidrContains(network, ip) ? ip : undefined;
}
