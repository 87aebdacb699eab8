import { type Ip, type Ipv6, isIpv4, type Mac } from "#base/address.ts";
import type { Action } from "#openflow/actions.ts";
import { type MatchSpec, match } from "#openflow/match.ts";
import type { Contribution, Feature } from "../feature.ts";
import { PRIORITY } from "../layout/priorities.ts";
import { SOURCE } from "../layout/registers.ts";
import type { Site } from "../layout/sites.ts";
import { TABLES, type TableName } from "../layout/tables.ts";
import type { Port } from "../model/model.ts";
import {
  ARP_OP,
  ETH_TYPE,
  forwardTo,
  fromAddress,
  goto,
  NEIGHBOUR_SOLICITATION,
  setSource,
  toAddress,
} from "./vocabulary.ts";

type PodFlow = (
  site: Site,
  table: TableName,
  priority: number,
  spec: MatchSpec,
  actions: readonly Action[],
) => Contribution;

/** The pods plugged into this node's bridge: who they are and how they are reached. One key a port. */
export function createPodsFeature(): Feature {
  return {
    name: "pods",
    always: [],
    affected: (change) => (change.kind === "Port" ? [change.key] : []),
    derive(key, view) {
      const port = view.Port.get(key);
      return port === undefined
        ? []
        : [...identify(port, flowsOf(port)), ...port.ips.map((ip) => deliver(port, ip, flowsOf(port)))];
    },
  };
}

function flowsOf(port: Port): PodFlow {
  const name = port.podName === "" ? port.name : `${port.podNamespace}/${port.podName}`;
  const owner = { kind: "Pod", name, part: `interface ${port.name}` };
  return (site, table, priority, spec, actions) => ({
    target: "flow",
    flow: { table: TABLES[table].id, priority, match: match(spec), actions },
    site,
    owners: [owner],
  });
}

function identify(port: Port, flow: PodFlow): readonly Contribution[] {
  const self = { in_port: port.ofport, eth_src: port.mac } as const;
  const linkLocal = linkLocalOf(port.mac);
  const solicit = (source: Ipv6): Contribution =>
    flow(
      "pods/resolve",
      "SpoofGuard",
      PRIORITY.except,
      { ...self, ...NEIGHBOUR_SOLICITATION, ipv6_src: source, nd_sll: port.mac },
      [goto("ArpNd")],
    );
  const contributions = [
    flow("pods/classify", "Classify", PRIORITY.address, { in_port: port.ofport }, [
      setSource(SOURCE.pod),
      goto("SpoofGuard"),
    ]),
  ];
  if (port.ips.some((ip) => !isIpv4(ip))) contributions.push(solicit(linkLocal));
  for (const ip of port.ips) {
    contributions.push(
      flow("pods/identity", "SpoofGuard", PRIORITY.address, { ...self, ...fromAddress(ip) }, [goto("Conntrack")]),
    );
    if (!isIpv4(ip)) {
      contributions.push(solicit(ip));
      continue;
    }
    const arp = { ...self, eth_type: ETH_TYPE.arp, arp_op: ARP_OP.request, arp_spa: ip, arp_sha: port.mac } as const;
    contributions.push(
      flow("pods/resolve", "SpoofGuard", PRIORITY.address, arp, [goto("ArpNd")]),
      // An answer to the pod's question for itself would tell it that another has its address.
      flow("pods/resolve", "SpoofGuard", PRIORITY.except, { ...arp, arp_tpa: ip }, []),
    );
  }
  return contributions;
}

function deliver(port: Port, ip: Ip, flow: PodFlow): Contribution {
  return flow("pods/deliver", "Route", PRIORITY.address, toAddress(ip), forwardTo(port.ofport, port.mac));
}

/** RFC 4291 appendix A: the modified EUI-64 of the MAC behind fe80::/64. */
export function linkLocalOf(mac: Mac): Ipv6 {
  const bits = BigInt(mac);
  const identifier = (((bits >> 24n) ^ 0x020000n) << 40n) | (0xfffen << 24n) | (bits & 0xffffffn);
  return ((0xfe80n << 112n) | identifier) as Ipv6;
}
