import { parseCidr, prefixMask } from "#base/address.ts";
import type { Action } from "#openflow/actions.ts";
import { type MatchSpec, match } from "#openflow/match.ts";
import type { Contribution, Feature } from "../feature.ts";
import { GATEWAY_MAC, PORTS, ROUTER_MAC, TUNNEL_KEY } from "../layout/ports.ts";
import { PRIORITY } from "../layout/priorities.ts";
import { SOURCE } from "../layout/registers.ts";
import type { Site } from "../layout/sites.ts";
import { TABLES, type TableName } from "../layout/tables.ts";
import type { Owner } from "../owner.ts";
import type { Settings } from "../settings.ts";
import {
  ARP_OP,
  ETH_TYPE,
  fromSource,
  goto,
  ICMPV6,
  IN_PORT,
  IP_PROTO,
  NEIGHBOUR_SOLICITATION,
  registerField,
  sendTo,
  setSource,
  toAddress,
} from "./vocabulary.ts";

const OWNER: Owner = { kind: "Weir", name: "base" };

/** What every node's bridge has, whatever the cluster holds. One key. */
export function createBaseFeature(settings: Settings): Feature {
  const contributions = [
    ...classify(settings),
    ...forbidAnsweringForOthers(),
    ...answerArp(),
    ...answerNeighbourSolicitations(),
    ...keepLocal(),
    ...leaveThroughGateway(),
    flow("base/output", "Output", PRIORITY.fallback, {}, [{ type: "output_reg", source: registerField("outputPort") }]),
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
  return {
    target: "flow",
    flow: { table: TABLES[table].id, priority, match: match(spec), actions },
    site,
    owner: OWNER,
  };
}

function classify(settings: Settings): readonly Contribution[] {
  const gateway = flow("base/classify", "Classify", PRIORITY.address, { in_port: PORTS.gateway }, [
    setSource(SOURCE.gateway),
    goto("ArpNd"),
  ]);
  if (settings.encapsulation === "never") return [gateway];
  const tunnel = flow("base/classify", "Classify", PRIORITY.address, { in_port: PORTS.tunnel, tun_id: TUNNEL_KEY }, [
    setSource(SOURCE.tunnel),
    goto("Route"),
  ]);
  return [gateway, tunnel];
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

function keepLocal(): readonly Contribution[] {
  const networks = ["224.0.0.0/4", "255.255.255.255/32", "ff00::/8", "fe80::/10"].map((text) => parseCidr(text)!);
  return networks.map(({ address, prefixLength }) =>
    flow(
      "base/local",
      "Route",
      PRIORITY.forbid,
      toAddress(address, prefixMask(typeof address === "number" ? 4 : 6, prefixLength)),
      [],
    ),
  );
}

/** The host decrements the TTL of what it forwards, so the switch does not. */
function leaveThroughGateway(): readonly Contribution[] {
  return [ETH_TYPE.ipv4, ETH_TYPE.ipv6].map((eth_type) =>
    flow(
      "base/outside",
      "Route",
      PRIORITY.fallback,
      { ...fromSource(SOURCE.pod), eth_type },
      sendTo(PORTS.gateway, GATEWAY_MAC),
    ),
  );
}

/** Written out, though a table miss drops anyway: a flow has a counter. */
function misses(): readonly Contribution[] {
  return [
    flow("base/miss", "Classify", PRIORITY.miss, {}, []),
    flow("base/miss", "SpoofGuard", PRIORITY.miss, {}, []),
    flow("base/miss", "ArpNd", PRIORITY.miss, {}, [goto("Route")]),
    flow("base/miss", "NdAdvertise", PRIORITY.miss, {}, []),
    flow("base/miss", "Route", PRIORITY.miss, {}, []),
  ];
}
