import assert from "node:assert/strict";
import { formatMac, parseMac } from "#base/address.ts";
import { GATEWAY_MAC, PORTS, ROUTER_MAC } from "#pipeline/layout/ports.ts";
import { compileScenario, readScenario } from "#test/pipeline/scenario.ts";
import type { OvsRig } from "#test/rig/ovs.ts";
import { BRIDGE, loadFlows } from "./pipeline-rig.ts";
import { trace } from "./trace.ts";

/** Pods of the scenario two-nodes, as `compile` assumes them. */
export const DB = { ipv4: "10.10.1.4", ipv6: "fd10:10:1::4" };
export const WEB = { port: 11, mac: parseMac("0a:58:00:00:00:0b")!, ipv4: "10.10.1.5", ipv6: "fd10:10:1::5" };
/** A pod of the peer. */
export const FAR = { ipv4: "10.10.2.9", ipv6: "fd10:10:2::9" };

export const FROM_WEB = `in_port=${WEB.port},dl_src=${formatMac(WEB.mac)},dl_dst=${formatMac(ROUTER_MAC)}`;
export const FROM_HOST = `in_port=${PORTS.gateway},dl_src=${formatMac(GATEWAY_MAC)},dl_dst=${formatMac(ROUTER_MAC)}`;
export const FROM_TUNNEL = `in_port=${PORTS.tunnel},tun_id=0x77,tun_src=172.18.0.2,tun_dst=172.18.0.1`;

/** How every path of a pod's packet begins that bears the pod's own addresses, and how one ends that is forwarded. */
export const PODS_OWN = "pods/classify > pods/identity";
export const HOP = "base/hop > connections/commit > base/output";

/** What every packet passes by on its way: no row needs to say it. */
const EVERYWHERE = new Set(["connections/track", "connections/next", "services/next"]);

/** One packet and what becomes of it. */
export interface Row {
  readonly packet: string;
  /** The bytes, where words cannot say it; `packet` is then the port by which it comes. */
  readonly hex?: string;
  readonly path: string;
  /** Nowhere, unless it says otherwise. */
  readonly exit?: string;
  /** Of its headers at the end. */
  readonly final?: RegExp;
}

/** An IP packet of either family with 64 hops left, unless `more` says otherwise. */
export function packet(from: string, source: string, destination: string, ...more: readonly string[]): string {
  const names = source.includes(":") ? ["ipv6", "ipv6_src", "ipv6_dst"] : ["ip", "nw_src", "nw_dst"];
  const ttl = more.some((word) => word.startsWith("nw_ttl")) ? [] : ["nw_ttl=64"];
  return [from, names[0], `${names[1]}=${source}`, `${names[2]}=${destination}`, ...ttl, ...more].join(",");
}

/** One test a row, with the flows of a scenario in the bridge. */
export function truthTable(rig: () => OvsRig, scenario: string, rows: Readonly<Record<string, Row>>): void {
  before(() => loadFlows(rig(), compileScenario(readScenario(scenario))));
  for (const [title, row] of Object.entries(rows)) {
    it(title, async () => {
      const { path, exit, final } = await trace(rig(), BRIDGE, row.packet, row.hex);
      const own = path.split(" > ").filter((site) => !EVERYWHERE.has(site));
      assert.deepEqual({ path: own.join(" > "), exit }, { path: row.path, exit: row.exit ?? "nowhere" });
      if (row.final !== undefined) assert.match(final, row.final);
    });
  }
}
