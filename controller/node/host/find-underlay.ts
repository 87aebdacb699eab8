import { formatIp, type Ip } from "#base/address.ts";
import { GATEWAY_INTERFACE } from "#pipeline/layout/ports.ts";
import { isListed, type Listed, readList } from "../system/commands.ts";
import { globalAddresses } from "./gateway.ts";

/** What the pipeline reads as an `Underlay` object. */
export interface UnderlayObject {
  readonly interface: string;
  readonly mtu: number;
  /** With prefix length: "172.18.0.5/24". */
  readonly addresses: readonly string[];
}

export interface UnderlayWish {
  /** traffic.transportInterface */
  readonly transportInterface?: string | undefined;
  /** InternalIPs of this node, the most wanted first. */
  readonly nodeAddresses: readonly Ip[];
}

/** At most one of the two: with neither, nobody knows yet what to look for. */
export interface FoundUnderlay {
  readonly underlay?: UnderlayObject;
  readonly problem?: string;
}

/** From `ip -j address show`: the configured interface, or else the one that holds an InternalIP of this node. */
export function findUnderlay(text: string, { transportInterface, nodeAddresses }: UnderlayWish): FoundUnderlay {
  const links = readList(text).map(readLink);
  if (transportInterface !== undefined) {
    const named = links.find((link) => link.interface === transportInterface);
    if (named !== undefined) return { underlay: named };
    const names = links.map((link) => link.interface).join(", ");
    return { problem: `traffic.transportInterface: there is no interface ${transportInterface}; there are ${names}` };
  }
  if (nodeAddresses.length === 0) return {};
  const candidates = links.filter((link) => link.interface !== "lo" && link.interface !== GATEWAY_INTERFACE);
  for (const wanted of nodeAddresses.map(formatIp)) {
    const holder = candidates.find((link) => link.addresses.some((address) => address.startsWith(`${wanted}/`)));
    if (holder !== undefined) return { underlay: holder };
  }
  return {
    problem: `no interface holds an InternalIP of this node (${nodeAddresses.map(formatIp).join(", ")}); give it one, or name one in traffic.transportInterface`,
  };
}

/** Temporary addresses come and go every day, within networks that the lasting ones tell already. */
function readLink(link: Listed): UnderlayObject {
  const info = Array.isArray(link["addr_info"]) ? link["addr_info"].filter(isListed) : [];
  const lasting = info.filter((entry) => entry["temporary"] !== true);
  return { interface: String(link["ifname"]), mtu: Number(link["mtu"]), addresses: globalAddresses(lasting) };
}
