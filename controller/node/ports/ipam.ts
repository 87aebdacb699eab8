import { addToIp, type Cidr, formatCidr, type Ip, isIpv4 } from "#base/address.ts";
import { WeirError } from "#base/errors.ts";

export class IpamError extends WeirError {}

/** The first address of the node's podCIDR, held by weir-gw0. */
export function gatewayOf(cidr: Cidr): Ip {
  return addToIp(cidr.address, 1);
}

/**
 * The next free address of a podCIDR after `last`, wrapping around: an address just released is used late, when nobody's
 * caches speak of it any more. Network, gateway and, in IPv4, broadcast addresses are never given out.
 */
export function nextIp(cidr: Cidr, taken: ReadonlySet<Ip>, last: Ip | undefined): Ip {
  const { first, count } = usable(cidr);
  const start = last === undefined ? 0n : BigInt(last) - BigInt(first) + 1n;
  const from = start > 0n && start < count ? start : 0n;
  // Among taken.size + 1 different addresses one is free.
  const tries = count < BigInt(taken.size + 1) ? count : BigInt(taken.size + 1);
  for (let i = 0n; i < tries; i++) {
    const ip = addToIp(first, Number((from + i) % count));
    if (!taken.has(ip)) return ip;
  }
  throw new IpamError(
    "E_IPAM_EXHAUSTED",
    `no address is free in ${formatCidr(cidr)}: ${tries} of ${count} are in use; remove pods, or give the node a larger podCIDR`,
    { cidr: formatCidr(cidr), usable: String(count), used: String(tries) },
  );
}

function usable(cidr: Cidr): { first: Ip; count: bigint } {
  const v4 = isIpv4(cidr.address);
  const size = 1n << BigInt((v4 ? 32 : 128) - cidr.prefixLength);
  const count = size - (v4 ? 3n : 2n);
  if (count <= 0n) {
    const message = `${formatCidr(cidr)} has no room for pods: a podCIDR needs at least four addresses (network, gateway, pods)`;
    throw new IpamError("E_IPAM_EXHAUSTED", message, { cidr: formatCidr(cidr) });
  }
  // A node never has more than a few thousand pods: the first 2^32 of a large IPv6 network are plenty, and fit a number.
  return { first: addToIp(cidr.address, 2), count: count < 1n << 32n ? count : 1n << 32n };
}

/** Remembers what is promised but not yet in a row (or still in the kernel), and where the search went on last. */
export class Ipam {
  readonly #reserved = new Set<Ip>();
  readonly #last = new Map<string, Ip>();
  readonly #inRows: () => Iterable<Ip>;

  /** `inRows` gives every address that a row holds now. */
  constructor(inRows: () => Iterable<Ip>) {
    this.#inRows = inRows;
  }

  /** One address of each network, all or none; they are held until `release`. */
  reserve(cidrs: readonly Cidr[]): readonly Ip[] {
    const taken = new Set<Ip>([...this.#inRows(), ...this.#reserved]);
    const ips = cidrs.map((cidr) => nextIp(cidr, taken, this.#last.get(formatCidr(cidr))));
    for (const [i, ip] of ips.entries()) this.#last.set(formatCidr(cidrs[i]!), ip);
    this.hold(ips);
    return ips;
  }

  hold(ips: readonly Ip[]): void {
    for (const ip of ips) this.#reserved.add(ip);
  }

  release(ips: readonly Ip[]): void {
    for (const ip of ips) this.#reserved.delete(ip);
  }
}
