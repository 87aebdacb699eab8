import type { HostState } from "#pipeline/host-state.ts";
import { GATEWAY_INTERFACE } from "#pipeline/layout/ports.ts";
import { readList } from "../system/commands.ts";
import type { Sysctls } from "./sysctls.ts";

/** The interfaces with a default route that a router has announced: from `ip -N -j -6 route show default proto ra`. */
export function announcedInterfaces(text: string): string[] {
  return [...new Set(readList(text).map((route) => String(route["dev"])))].sort();
}

export function usesIpv6(state: HostState): boolean {
  return [...state.gatewayAddresses, ...state.podCidrs, ...state.localPodCidrs].some((text) => text.includes(":"));
}

/** In order of writing. Families that the cluster does not use are left as they are. */
export function wantedSysctls(state: HostState, announced: readonly string[]): Sysctls {
  const ofGateway = (family: "ipv4" | "ipv6", key: string) => `net/${family}/conf/${GATEWAY_INTERFACE}/${key}`;
  const wanted: [string, string][] = [
    ["net/ipv4/ip_forward", "1"],
    // Loose, and the higher of this and that of all interfaces holds: an answer may leave by another way.
    [ofGateway("ipv4", "rp_filter"), "2"],
  ];
  if (!usesIpv6(state)) return new Map(wanted);
  wanted.push(
    [ofGateway("ipv6", "disable_ipv6"), "0"],
    [ofGateway("ipv6", "accept_ra"), "0"],
    // Nothing is sent through an interface whose link-local address is on trial: pods would not be reached for seconds.
    [ofGateway("ipv6", "accept_dad"), "0"],
    // A router hears no routers, unless told so, and would lose its own default route the moment it begins to forward.
    ...announced.map((device): [string, string] => [`net/ipv6/conf/${device}/accept_ra`, "2"]),
    ["net/ipv6/conf/all/forwarding", "1"],
  );
  return new Map(wanted);
}
