import { type Ip, type IpFamily, parseIp } from "#base/address.ts";

/**
 * Addresses that exist between a switch and its own host and pods alone, the same on every node; link-local ones, and a network
 * that no generator of unique local addresses (RFC 4193) gives out twice.
 */
export const VIRTUAL_NETWORKS = { 4: "169.254.119.100/30", 6: "fd77:6569:7200::/126" } as const;

/** What carries it has been sent back to where it came from. */
export const HAIRPIN_ADDRESS: Readonly<Record<IpFamily, Ip>> = {
  4: parseIp("169.254.119.101")!,
  6: parseIp("fd77:6569:7200::1")!,
};

/** What goes to it is refused by the host. */
export const REJECT_ADDRESS: Readonly<Record<IpFamily, Ip>> = {
  4: parseIp("169.254.119.102")!,
  6: parseIp("fd77:6569:7200::2")!,
};

/** Whoever comes from the host to a port that services have on each node comes to the switch with this destination. */
export const NODE_PORT_ADDRESS: Readonly<Record<IpFamily, Ip>> = {
  4: parseIp("169.254.119.103")!,
  6: parseIp("fd77:6569:7200::3")!,
};
