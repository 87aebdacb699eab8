import { parseCidr } from "#base/address.ts";
import type { Action } from "#openflow/actions.ts";
import type { MatchSpec } from "#openflow/match.ts";
import type { Contribution, Feature } from "../feature.ts";
import { PORTS, ROUTER_MAC, TUNNEL_KEY, TUNNEL_UDP_PORTS } from "../layout/ports.ts";
import { PRIORITY } from "../layout/priorities.ts";
import { SOURCE } from "../layout/registers.ts";
import type { Site } from "../layout/sites.ts";
import type { TableName } from "../layout/tables.ts";
import type { Owner } from "../owner.ts";
import type { Settings } from "../settings.ts";
import {
  ARP_OP,
  contributeFlow,
  ETH_TYPE,
  fromSource,
  goto,
  handToHost,
  ICMPV6,
  IN_PORT,
  IP_PROTO,
  NEIGHBOUR_SOLICITATION,
  registerField,
  setSource,
  toNetwork,
  VLAN_PRESENT,
} from "./vocabulary.ts";

const OWNER: Owner = { kind: "Weir", name: "base" };

/** What every node's bridge has, whatever the cluster holds. One key. */
export function createBaseFeature(settings: Settings): Feature {
  const contributions = [
    ...classify(settings),
    ...guard(),
    ...answerArp(),
    ...answerNeighbourSolicitations(),
    ...keepLocal(),
    ...leaveThroughGateway(),
    ...countHops(),
    ...output(settings),
    ...misses(),
  ];
  return { name: "base", always: ["bridge"], affected: () => [], derive: () => contributions };
}

function flow(
  site: Site,
  table: TableName,
  priority: number,
  spec: MatchSpec,
  actions: readonly Action[],
): Contribution {
  return contributeFlow([OWNER], site, table, priority, spec, actions);
}

function classify(settings: Settings): readonly Contribution[] {
  const gateway = flow("base/classify", "Classify", PRIORITY.address, { in_port: PORTS.gateway }, [
    setSource(SOURCE.gateway),
    goto("ArpNd"),
  ]);
  if (settings.encapsulation === "never") return [gateway];
  const tunnel = flow("base/classify", "Classify", PRIORITY.address, { in_port: PORTS.tunnel, tun_id: TUNNEL_KEY }, [
    setSource(SOURCE.tunnel),
    goto("Conntrack"),
  ]);
  return [gateway, tunnel];
}

/** A tag would hide nothing from the other tables, and would come out with the packet at somebody who trusts it. */
function guard(): readonly Contribution[] {
  const tagged = flow("base/tagged", "SpoofGuard", PRIORITY.forbid, { vlan_vid: [VLAN_PRESENT, VLAN_PRESENT] }, []);
  return [tagged, ...forbidAnsweringForOthers()];
}

function forbidAnsweringForOthers(): readonly Contribution[] {
  const icmpv6 = { eth_type: ETH_TYPE.ipv6, nw_proto: IP_PROTO.icmpv6 } as const;
  const forbidden: readonly MatchSpec[] = [
    { eth_type: ETH_TYPE.arp, arp_op: ARP_OP.reply },
    { ...icmpv6, icmpv6_type: ICMPV6.routerAdvertisement },
    { ...icmpv6, icmpv6_type: ICMPV6.neighbourAdvertisement },
    { ...icmpv6, icmpv6_type: ICMPV6.redirect },
    { eth_type: ETH_TYPE.ipv4, nw_proto: IP_PROTO.udp, udp_src: 67, udp_dst: 68 },
    { eth_type: ETH_TYPE.ipv6, nw_proto: IP_PROTO.udp, udp_src: 547, udp_dst: 546 },
  ];
  return forbidden.map((spec) => flow("base/forbid", "SpoofGuard", PRIORITY.forbid, spec, []));
}

/** Turns the request around: sender becomes target, and every address is at the router's MAC. */
function answerArp(): readonly Contribution[] {
  const scratch = registerField("scratch");
  const whole = { start: 0, bits: 32 } as const;
  const mac = { start: 0, bits: 48 } as const;
  return [
    flow("base/arp", "ArpNd", PRIORITY.address, { eth_type: ETH_TYPE.arp, arp_op: ARP_OP.request }, [
      { type: "move", source: { field: "eth_src", ...mac }, destination: { field: "eth_dst", ...mac } },
      { type: "set_field", field: "eth_src", value: ROUTER_MAC },
      { type: "set_field", field: "arp_op", value: ARP_OP.reply },
      { type: "move", source: { field: "arp_sha", ...mac }, destination: { field: "arp_tha", ...mac } },
      { type: "set_field", field: "arp_sha", value: ROUTER_MAC },
      { type: "move", source: { field: "arp_spa", ...whole }, destination: scratch },
      { type: "move", source: { field: "arp_tpa", ...whole }, destination: { field: "arp_spa", ...whole } },
      { type: "move", source: scratch, destination: { field: "arp_tpa", ...whole } },
      { type: "output", port: IN_PORT },
    ]),
  ];
}

/**
 * An advertisement is made of the solicitation in two tables, since the target's link-layer address (nd_tll) may be written
 * only to what is matched as an advertisement. Duplicate address detection (source ::) gets no answer: nobody else has it.
 */
function answerNeighbourSolicitations(): readonly Contribution[] {
  const address = { start: 0, bits: 128 } as const;
  const mac = { start: 0, bits: 48 } as const;
  const advertisement = { ...NEIGHBOUR_SOLICITATION, icmpv6_type: ICMPV6.neighbourAdvertisement } as const;
  const solicitedRouterOverride = 0xe000_0000;
  const targetLinkLayerAddress = 2;
  return [
    flow("base/nd", "ArpNd", PRIORITY.except, { ...NEIGHBOUR_SOLICITATION, ipv6_src: 0n }, []),
    flow("base/nd", "ArpNd", PRIORITY.address, NEIGHBOUR_SOLICITATION, [
      { type: "move", source: { field: "eth_src", ...mac }, destination: { field: "eth_dst", ...mac } },
      { type: "set_field", field: "eth_src", value: ROUTER_MAC },
      { type: "move", source: { field: "ipv6_src", ...address }, destination: { field: "ipv6_dst", ...address } },
      { type: "move", source: { field: "nd_target", ...address }, destination: { field: "ipv6_src", ...address } },
      { type: "set_field", field: "nd_options_type", value: targetLinkLayerAddress },
      { type: "set_field", field: "nd_reserved", value: solicitedRouterOverride },
      { type: "set_field", field: "icmpv6_type", value: ICMPV6.neighbourAdvertisement },
      goto("NdAdvertise"),
    ]),
    flow("base/nd", "NdAdvertise", PRIORITY.address, advertisement, [
      { type: "set_field", field: "nd_tll", value: ROUTER_MAC },
      { type: "output", port: IN_PORT },
    ]),
  ];
}

/**
 * 169.254.0.0/16 is not among them: the host has services for pods there. Loopback is, for a host may have been told to take
 * such packets from its network (route_localnet); and neighbour solicitations, which are answered or are false.
 */
const LOCAL_NETWORKS = "0.0.0.0/8 127.0.0.0/8 224.0.0.0/4 255.255.255.255/32 ::1/128 fe80::/10 ff00::/8".split(" ");

function keepLocal(): readonly Contribution[] {
  const local = [...LOCAL_NETWORKS.map((text) => toNetwork(parseCidr(text)!)), NEIGHBOUR_SOLICITATION];
  return local.map((spec) => flow("base/local", "Route", PRIORITY.forbid, spec, []));
}

/** The host decrements the TTL of what it forwards, so the switch does not. */
function leaveThroughGateway(): readonly Contribution[] {
  return [ETH_TYPE.ipv4, ETH_TYPE.ipv6].map((eth_type) =>
    flow("base/outside", "Route", PRIORITY.fallback, { ...fromSource(SOURCE.pod), eth_type }, handToHost()),
  );
}

/**
 * Open vSwitch tells its controllers of each packet that dec_ttl finds without a hop, slowly and with no controller there. It
 * sends no ICMP for it, and neither do we: to traceroute the switch is a hop that keeps silent.
 */
function countHops(): readonly Contribution[] {
  const hop = (priority: number, spec: MatchSpec, actions: readonly Action[]): Contribution =>
    flow("base/hop", "Ttl", priority, spec, actions);
  return [
    hop(PRIORITY.except, fromSource(SOURCE.gateway), [goto("IngressAdmin")]),
    ...[ETH_TYPE.ipv4, ETH_TYPE.ipv6].flatMap((eth_type) => [
      hop(PRIORITY.address, { eth_type, nw_ttl: 0 }, []),
      hop(PRIORITY.address, { eth_type, nw_ttl: 1 }, []),
      hop(PRIORITY.fallback, { eth_type }, [{ type: "dec_ttl" }, goto("IngressAdmin")]),
    ]),
  ];
}

/**
 * Whatever a pod sends to a tunnel's UDP port on a host, that host would unpack and take for a peer's: any sender, to any pod.
 * No node sends such packets through its own gateway.
 */
function output({ encapsulation }: Settings): readonly Contribution[] {
  const ports = encapsulation === "never" ? [] : Object.values(TUNNEL_UDP_PORTS);
  return [
    ...[ETH_TYPE.ipv4, ETH_TYPE.ipv6].flatMap((eth_type) =>
      ports.map((udp_dst) => {
        const spec = { reg1: PORTS.gateway, eth_type, nw_proto: IP_PROTO.udp, udp_dst };
        return flow("base/tunnelled", "Commit", PRIORITY.forbid, spec, []);
      }),
    ),
    flow("base/output", "Output", PRIORITY.fallback, {}, [{ type: "output_reg", source: registerField("outputPort") }]),
  ];
}

/** Written out, though a table miss drops anyway: a flow has a counter. */
function misses(): readonly Contribution[] {
  return [
    flow("base/miss", "Classify", PRIORITY.miss, {}, []),
    flow("base/miss", "SpoofGuard", PRIORITY.miss, {}, []),
    flow("base/miss", "ArpNd", PRIORITY.miss, {}, [goto("Conntrack")]),
    flow("base/miss", "NdAdvertise", PRIORITY.miss, {}, []),
    flow("base/miss", "Route", PRIORITY.miss, {}, []),
    flow("base/miss", "Ttl", PRIORITY.miss, {}, []),
  ];
}
