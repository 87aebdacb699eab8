import { type Cidr, cidrContains, formatCidr, formatIp, type IpFamily, parseCidr, parseIp } from "#base/address.ts";
import type { HostState } from "#pipeline/host-state.ts";
import { GATEWAY_INTERFACE } from "#pipeline/layout/ports.ts";
import { HAIRPIN_ADDRESS, REJECT_ADDRESS } from "#pipeline/layout/virtual-addresses.ts";

/** Objects as `nft -j list` prints them, without handles: `{ table: … }`, `{ set: … }`, `{ chain: … }`, `{ rule: … }`. */
export type NftObject = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
type Expression = Readonly<Record<string, unknown>>;

/** Our tables, by name in two families. Everything in them is ours, nothing outside is. */
export const NFT_TABLE = "weir";
export const NFT_FAMILIES = ["inet", "arp"] as const;
export type NftFamily = (typeof NFT_FAMILIES)[number];

export interface FirewallSettings {
  readonly masquerade: boolean;
  /** UDP port of the tunnel; undefined without one. */
  readonly tunnelPort: number | undefined;
  readonly datapath: "system" | "netdev";
}

/** Before defragmentation, and thereby before everything. */
const FIRST = -450;
/** Before connection tracking. */
const RAW = -300;
const SOURCE_NAT = 100;

/** A family's table and all that is in it, in the order of creation; nothing when the family needs no table. */
export function wantedTable(family: NftFamily, state: HostState, settings: FirewallSettings): NftObject[] {
  const content = family === "inet" ? inetContent(state, settings) : arpContent(settings);
  return content.length === 0 ? [] : [{ table: { family, name: NFT_TABLE } }, ...content];
}

function inetContent(state: HostState, { masquerade, tunnelPort, datapath }: FirewallSettings): NftObject[] {
  return [
    ...(masquerade || tunnelPort !== undefined ? addressSets(state, masquerade) : []),
    ...(datapath === "netdev" ? muteKernel() : []),
    ...(tunnelPort === undefined ? [] : untracked(tunnelPort)),
    ...(masquerade ? masquerading() : []),
    ...services(),
  ];
}

/**
 * A datapath in user space takes a copy of each frame from a pod's interface, and the kernel goes on with the frame itself:
 * it would forward the packet a second time, past every policy. In the other direction only announcements of the kernel's
 * own leave there.
 */
function muteKernel(): NftObject[] {
  return [
    chain("inet", "pods_in", "filter", "prerouting", FIRST),
    dropOfPods("inet", "pods_in", "i"),
    chain("inet", "pods_out", "filter", "output", FIRST),
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
    is({ meta: { key: `${direction}ifname` } }, "weir*"),
    is({ meta: { key: `${direction}ifkind` } }, "veth"),
    { drop: null },
  ]);
}

/** A tunnel's packets carry connections that the switch tracks; the outer ones are no connections. */
function untracked(port: number): NftObject[] {
  const toTunnel = is({ payload: { protocol: "udp", field: "dport" } }, port);
  const toThisNode = is({ fib: { result: "type", flags: ["daddr"] } }, "local");
  return [
    chain("inet", "tunnel_in", "filter", "prerouting", RAW),
    rule("inet", "tunnel_in", [toTunnel, toThisNode, { notrack: null }]),
    chain("inet", "tunnel_out", "filter", "output", RAW),
    ...FAMILIES.map((version) =>
      rule("inet", "tunnel_out", [toTunnel, is(address(version, "daddr"), `@${NODES[version]}`), { notrack: null }]),
    ),
  ];
}

/** What leaves the cluster through this node carries the node's address; between pods and nodes nothing is translated. */
function masquerading(): NftObject[] {
  return [
    chain("inet", "pods_leaving", "nat", "postrouting", SOURCE_NAT),
    ...FAMILIES.map((version) =>
      rule("inet", "pods_leaving", [
        isNot({ meta: { key: "oifname" } }, GATEWAY_INTERFACE),
        is(address(version, "saddr"), `@${LOCAL_PODS[version]}`),
        isNot(address(version, "daddr"), `@${PODS[version]}`),
        isNot(address(version, "daddr"), `@${NODES[version]}`),
        // Ports in order would be guessable, and two connections at once would often want the same one.
        { masquerade: { flags: "fully-random" } },
      ]),
    ),
  ];
}

/**
 * What the switch sends here since a service has no endpoint is refused: its connection is tracked there, so the refusal comes from
 * the service's address. What it sends back because its endpoint is to be reached from the host alone carries a virtual
 * address, which is known on this node only.
 */
function services(): NftObject[] {
  return [
    chain("inet", "services_refused", "filter", "prerouting", RAW),
    ...FAMILIES.flatMap((version) => {
      const arrived = [
        is({ meta: { key: "iifname" } }, GATEWAY_INTERFACE),
        is(address(version, "daddr"), formatIp(REJECT_ADDRESS[version])),
      ];
      const isTcp = is({ meta: { key: "l4proto" } }, "tcp");
      return [
        rule("inet", "services_refused", [...arrived, isTcp, { reject: { type: "tcp reset" } }]),
        rule("inet", "services_refused", [...arrived, { reject: { type: "icmpx", expr: "port-unreachable" } }]),
      ];
    }),
    chain("inet", "services_leaving", "nat", "postrouting", SOURCE_NAT),
    ...FAMILIES.map((version) =>
      rule("inet", "services_leaving", [
        isNot({ meta: { key: "oifname" } }, GATEWAY_INTERFACE),
        is(address(version, "saddr"), formatIp(HAIRPIN_ADDRESS[version])),
        { masquerade: { flags: "fully-random" } },
      ]),
    ),
  ];
}

const FAMILIES: readonly IpFamily[] = [4, 6];
const NODES = { 4: "nodes_4", 6: "nodes_6" } as const;
const PODS = { 4: "pods_4", 6: "pods_6" } as const;
const LOCAL_PODS = { 4: "local_pods_4", 6: "local_pods_6" } as const;

function addressSets(state: HostState, withPods: boolean): NftObject[] {
  const pods = [...state.podCidrs, ...state.localPodCidrs];
  return FAMILIES.flatMap((version) => [
    set(NODES[version], version, false, addressElements(state.nodeAddresses, version)),
    ...(withPods
      ? [
          set(PODS[version], version, true, networkElements(pods, version)),
          set(LOCAL_PODS[version], version, true, networkElements(state.localPodCidrs, version)),
        ]
      : []),
  ]);
}

function addressElements(texts: readonly string[], version: IpFamily): unknown[] {
  const ips = texts.map(parseIp).filter((ip) => ip !== undefined);
  return [...new Set(ips.filter((ip) => isOfVersion(ip, version)).map(formatIp))].sort();
}

/** nft refuses networks within each other, and prints one of full length as an address. */
function networkElements(texts: readonly string[], version: IpFamily): unknown[] {
  const cidrs = texts.map(parseCidr).filter((cidr) => cidr !== undefined);
  const unique = new Map(
    cidrs.filter(({ address }) => isOfVersion(address, version)).map((cidr) => [formatCidr(cidr), cidr]),
  );
  const widest = withoutContained([...unique.values()]);
  const full = version === 4 ? 32 : 128;
  return widest.map(({ address, prefixLength }) =>
    prefixLength === full ? formatIp(address) : { prefix: { addr: formatIp(address), len: prefixLength } },
  );
}

/** In order of address, wide before narrow, a network can only lie within the last one that was kept. */
function withoutContained(cidrs: readonly Cidr[]): Cidr[] {
  const kept: Cidr[] = [];
  const ordered = cidrs.toSorted((a, b) =>
    a.address === b.address ? a.prefixLength - b.prefixLength : a.address < b.address ? -1 : 1,
  );
  for (const cidr of ordered) {
    const last = kept.at(-1);
    if (last === undefined || !cidrContains(last, cidr.address)) kept.push(cidr);
  }
  return kept;
}

function isOfVersion(ip: Cidr["address"], version: IpFamily): boolean {
  return (typeof ip === "number") === (version === 4);
}

function set(name: string, version: IpFamily, interval: boolean, elem: readonly unknown[]): NftObject {
  const type = version === 4 ? "ipv4_addr" : "ipv6_addr";
  const flags = interval ? { flags: ["interval"] } : {};
  return {
    set: { family: "inet", name, table: NFT_TABLE, type, ...flags, ...(elem.length === 0 ? {} : { elem }) },
  };
}

function chain(family: NftFamily, name: string, type: string, hook: string, prio: number): NftObject {
  return { chain: { family, table: NFT_TABLE, name, type, hook, prio, policy: "accept" } };
}

function rule(family: NftFamily, name: string, expr: readonly Expression[]): NftObject {
  return { rule: { family, table: NFT_TABLE, chain: name, expr } };
}

function address(version: IpFamily, field: "saddr" | "daddr"): Expression {
  return { payload: { protocol: version === 4 ? "ip" : "ip6", field } };
}

function is(left: Expression, right: unknown): Expression {
  return { match: { op: "==", left, right } };
}

function isNot(left: Expression, right: unknown): Expression {
  return { match: { op: "!=", left, right } };
}
