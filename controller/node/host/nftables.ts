import type { IpFamily } from "#base/address.ts";
import type { HostState } from "#pipeline/host-state.ts";
import { GATEWAY_INTERFACE } from "#pipeline/layout/ports.ts";
import { addressElements, NODES, networkElements } from "./nft-elements.ts";
import { type ServiceSettings, services } from "./nft-services.ts";
import {
  address,
  addressKind,
  addressType,
  chain,
  HOOK_PRIORITY,
  is,
  isNot,
  meta,
  NFT_TABLE,
  type NftFamily,
  type NftObject,
  rule,
  set,
} from "./nft-words.ts";

export interface FirewallSettings extends ServiceSettings {
  readonly masquerade: boolean;
  /** UDP port of the tunnel; undefined without one. */
  readonly tunnelPort: number | undefined;
  readonly datapath: "system" | "netdev";
}

/** A family's table and all that is in it, in the order of creation; nothing when the family needs no table. */
export function wantedTable(family: NftFamily, state: HostState, settings: FirewallSettings): NftObject[] {
  const content = family === "inet" ? inetContent(state, settings) : arpContent(settings);
  return content.length === 0 ? [] : [{ table: { family, name: NFT_TABLE } }, ...content];
}

function inetContent(state: HostState, settings: FirewallSettings): NftObject[] {
  const { masquerade, tunnelPort, datapath } = settings;
  return [
    ...addressSets(state, masquerade),
    ...(datapath === "netdev" ? muteKernel() : []),
    ...(tunnelPort === undefined ? [] : untracked(tunnelPort)),
    ...(masquerade ? masquerading() : []),
    ...services(state, settings),
  ];
}

/**
 * A datapath in user space takes a copy of each frame from a pod's interface, and the kernel goes on with the frame itself:
 * it would forward the packet a second time, past every policy. In the other direction only announcements of the kernel's
 * own leave there.
 */
function muteKernel(): NftObject[] {
  return [
    chain("inet", "pods_in", "filter", "prerouting", HOOK_PRIORITY.first),
    dropOfPods("inet", "pods_in", "i"),
    chain("inet", "pods_out", "filter", "output", HOOK_PRIORITY.first),
    dropOfPods("inet", "pods_out", "o"),
  ];
}

/** The kernel answers ARP for every address that it has, on every interface; the switch has answered already. */
function arpContent({ datapath }: FirewallSettings): NftObject[] {
  if (datapath === "system") return [];
  return [chain("arp", "pods_in", "filter", "input", 0), dropOfPods("arp", "pods_in", "i")];
}

/** Pods' interfaces are veths called weir and 11 hex digits: one rule for all of them, and nothing to do for each pod. */
function dropOfPods(family: NftFamily, name: string, direction: "i" | "o"): NftObject {
  return rule(family, name, [
    is(meta(`${direction}ifname`), "weir*"),
    is(meta(`${direction}ifkind`), "veth"),
    { drop: null },
  ]);
}

/** A tunnel's packets carry connections that the switch tracks; the outer ones are no connections. */
function untracked(port: number): NftObject[] {
  const toTunnel = is({ payload: { protocol: "udp", field: "dport" } }, port);
  const toThisNode = is(addressKind("daddr"), "local");
  return [
    chain("inet", "tunnel_in", "filter", "prerouting", HOOK_PRIORITY.raw),
    rule("inet", "tunnel_in", [toTunnel, toThisNode, { notrack: null }]),
    chain("inet", "tunnel_out", "filter", "output", HOOK_PRIORITY.raw),
    ...FAMILIES.map((version) =>
      rule("inet", "tunnel_out", [toTunnel, is(address(version, "daddr"), `@${NODES[version]}`), { notrack: null }]),
    ),
  ];
}

/** What leaves the cluster through this node carries the node's address; between pods and nodes nothing is translated. */
function masquerading(): NftObject[] {
  return [
    chain("inet", "pods_leaving", "nat", "postrouting", HOOK_PRIORITY.sourceNat),
    ...FAMILIES.map((version) =>
      rule("inet", "pods_leaving", [
        isNot(meta("oifname"), GATEWAY_INTERFACE),
        is(address(version, "saddr"), `@${LOCAL_PODS[version]}`),
        isNot(address(version, "daddr"), `@${PODS[version]}`),
        isNot(address(version, "daddr"), `@${NODES[version]}`),
        // Ports in order would be guessable, and two connections at once would often want the same one.
        { masquerade: { flags: "fully-random" } },
      ]),
    ),
  ];
}

const FAMILIES: readonly IpFamily[] = [4, 6];
const PODS = { 4: "pods_4", 6: "pods_6" } as const;
const LOCAL_PODS = { 4: "local_pods_4", 6: "local_pods_6" } as const;

function addressSets(state: HostState, withPods: boolean): NftObject[] {
  const pods = [...state.podCidrs, ...state.localPodCidrs];
  return FAMILIES.flatMap((version) => [
    set(NODES[version], addressType(version), addressElements(state.nodeAddresses, version)),
    ...(withPods
      ? [
          set(PODS[version], addressType(version), networkElements(pods, version), true),
          set(LOCAL_PODS[version], addressType(version), networkElements(state.localPodCidrs, version), true),
        ]
      : []),
  ]);
}
