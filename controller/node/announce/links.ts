import { type Cidr, cidrContains, type Ip, parseCidr } from "#base/address.ts";
import { GATEWAY_INTERFACE } from "#pipeline/layout/ports.ts";
import type { AddressRange } from "#pipeline/model/address-pool.ts";
import { globalAddresses } from "../host/gateway.ts";
import { isListed, type Listed, readList } from "../system/commands.ts";

/** An interface of the host on which neighbours can be answered. */
export interface Link {
  readonly name: string;
  /** One that was removed and made again has another. */
  readonly index: number;
  readonly mac: string;
  readonly networks: readonly Cidr[];
}

/** Pods' interfaces, the bridge and its tunnel: nobody of the world outside is there. */
const OURS = new RegExp(`^(${GATEWAY_INTERFACE}|weir[0-9a-f]{11})$`);

/** From `ip -j address show`: those that are up and have a carrier. */
export function readLinks(text: string): readonly Link[] {
  return readList(text).filter(isUsable).map(readLink);
}

function isUsable({ ifname, flags, link_type }: Listed): boolean {
  const up = Array.isArray(flags) && flags.includes("UP") && flags.includes("LOWER_UP");
  return up && link_type === "ether" && !OURS.test(String(ifname));
}

function readLink({ ifname, ifindex, address, addr_info }: Listed): Link {
  const info = Array.isArray(addr_info) ? addr_info.filter(isListed) : [];
  const networks = globalAddresses(info.filter((entry) => entry["temporary"] !== true)).map(parseCidr);
  return {
    name: String(ifname),
    index: Number(ifindex),
    mac: String(address),
    networks: networks.filter((network) => network !== undefined),
  };
}

/** Where an address is announced: on the interfaces that its pool names, or else where it is on the link. */
export function linksOf(ip: Ip, interfaces: readonly string[], links: readonly Link[]): readonly Link[] {
  if (interfaces.length > 0) return links.filter(({ name }) => interfaces.includes(name));
  return links.filter(({ networks }) => networks.some((network) => cidrContains(network, ip)));
}

/** Whether any address of the range would be announced there. */
export function reaches({ networks }: Link, { first, last }: AddressRange): boolean {
  return networks.some(
    (network) =>
      cidrContains(network, first) ||
      cidrContains(network, last) ||
      (typeof network.address === typeof first && network.address >= first && network.address <= last),
  );
}
