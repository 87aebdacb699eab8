import { formatIp, parseIp } from "#base/address.ts";
import { GATEWAY_INTERFACE } from "#pipeline/layout/ports.ts";
import { isListed, readList } from "../system/commands.ts";

/** weir-gw0 as the kernel has it. */
export interface GatewayLink {
  readonly up: boolean;
  readonly mtu: number;
  /** With prefix length, without the link-local ones, which are the kernel's. */
  readonly addresses: readonly string[];
}

export interface WantedGateway {
  /** Undefined: whatever it has. */
  readonly mtu: number | undefined;
  readonly addresses: readonly string[];
}

/** From `ip -j address show dev weir-gw0`; undefined when there is no such interface. */
export function readGateway(text: string): GatewayLink | undefined {
  const link = readList(text)[0];
  if (link === undefined) return undefined;
  const flags = Array.isArray(link["flags"]) ? link["flags"] : [];
  return { up: flags.includes("UP"), mtu: Number(link["mtu"]), addresses: globalAddresses(link["addr_info"]) };
}

/** Those of an `addr_info` list that the whole network may know, in canonical text with prefix length. */
export function globalAddresses(info: unknown): string[] {
  const entries = Array.isArray(info) ? info.filter(isListed) : [];
  return entries
    .filter((entry) => entry["scope"] === "global")
    .map((entry) => ({ ip: parseIp(String(entry["local"])), length: entry["prefixlen"] }))
    .flatMap(({ ip, length }) => (ip === undefined ? [] : [`${formatIp(ip)}/${length}`]));
}

/**
 * Lines for `ip -batch`; none when all is as it should be. The interface is ours as a whole, so every address on it is ours
 * too. What goes, goes first: removing an IPv4 address takes the later ones of its network with it.
 */
export function gatewayLines(current: GatewayLink, wanted: WantedGateway): string[] {
  const device = `dev ${GATEWAY_INTERFACE}`;
  const mtu = wanted.mtu === undefined || wanted.mtu === current.mtu ? "" : ` mtu ${wanted.mtu}`;
  const up = current.up ? "" : " up";
  const leaving = current.addresses.filter((address) => !wanted.addresses.includes(address));
  const arriving = wanted.addresses.filter((address) => !current.addresses.includes(address));
  return [
    ...(mtu + up === "" ? [] : [`link set ${device}${mtu}${up}`]),
    ...leaving.map((address) => `address delete ${address} ${device}`),
    // Nobody else is on this link: a search for duplicates would only keep the address from being used for a second.
    ...arriving.map((address) => `address add ${address} ${device}${address.includes(":") ? " nodad" : ""}`),
  ];
}
