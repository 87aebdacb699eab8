import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { formatMac } from "#base/address.ts";
import { formatFlow } from "#openflow/text/index.ts";
import { GATEWAY_MAC, PORTS } from "#pipeline/layout/ports.ts";
import { compileScenario, readScenario, SCENARIOS } from "#test/pipeline/scenario.ts";
import type { OvsRig } from "#test/rig/ovs.ts";
import { dumpFlows, loadFlows, startPipelineRig } from "./pipeline-rig.ts";
import { DB, FAR, FROM_HOST, FROM_TUNNEL, FROM_WEB, HOP, PODS_OWN, packet, truthTable, WEB } from "./truth-table.ts";

describe("packets in the real tables", function () {
  this.timeout(20_000);
  let ovs: OvsRig;

  before(async () => {
    ovs = await startPipelineRig("ptrace");
  });
  after(() => ovs?.close());

  describe("of any scenario", () => {
    for (const file of readdirSync(SCENARIOS).filter((name) => name.endsWith(".yaml"))) {
      const name = file.replace(/\.yaml$/, "");
      it(`${name}: ovs-ofctl takes every flow as we write it, and gives it back letter for letter`, async () => {
        const compiled = compileScenario(readScenario(name));
        await loadFlows(ovs, compiled);
        assert.deepEqual(await dumpFlows(ovs), compiled.flows.map(({ flow }) => formatFlow(flow)).sort());
      });
    }
  });

  describe("where honest packets end", () => {
    const toDb = `${PODS_OWN} > pods/deliver > ${HOP}`;
    const throughTunnel = { path: `${PODS_OWN} > nodes/peer > ${HOP}`, exit: "tunnel to 172.18.0.2 key 0x77" };
    const arp = "arp,arp_op=1,arp_sha=0a:58:00:00:00:0b";
    const answeredArp =
      /dl_src=02:77:65:69:72:01,dl_dst=0a:58:00:00:00:0b,.*arp_op=2,arp_sha=02:77:65:69:72:01,arp_tha=0a:58:00:00:00:0b/;
    const solicit = (target: string, source = WEB.ipv6) =>
      `${FROM_WEB},icmp6,ipv6_src=${source},ipv6_dst=ff02::1:ff00:1,nw_ttl=255,icmpv6_type=135,icmpv6_code=0,nd_target=${target},nd_sll=0a:58:00:00:00:0b`;
    const answeredNd = (target: string, asker: string) =>
      new RegExp(
        `dl_src=02:77:65:69:72:01,dl_dst=0a:58:00:00:00:0b,ipv6_src=${target},ipv6_dst=${asker},.*nw_ttl=255.*icmp_type=136,icmp_code=0,nd_target=${target},.*nd_tll=02:77:65:69:72:01`,
      );
    const resolved = { path: "pods/classify > pods/resolve > base/nd > base/nd", exit: "back" };
    truthTable(() => ovs, "two-nodes", {
      "ARP is answered with the router's MAC, whatever the address": {
        packet: `${FROM_WEB},${arp},arp_spa=${WEB.ipv4},arp_tpa=10.10.1.1`,
        ...{ path: "pods/classify > pods/resolve > base/arp", exit: "back", final: answeredArp },
      },
      "ARP of the host is answered": {
        packet: `${FROM_HOST},arp,arp_op=1,arp_spa=10.10.1.1,arp_tpa=${WEB.ipv4},arp_sha=${formatMac(GATEWAY_MAC)}`,
        ...{ path: "base/classify > base/arp", exit: "back", final: /arp_spa=10.10.1.5,arp_tpa=10.10.1.1,arp_op=2/ },
      },
      "a neighbour solicitation is answered by an advertisement": {
        ...{ packet: solicit("fd10:10:1::1"), ...resolved, final: answeredNd("fd10:10:1::1", WEB.ipv6) },
      },
      "one from the link-local address is, too": {
        packet: solicit("fd10:10:1::4", "fe80::858:ff:fe00:b"),
        ...{ ...resolved, final: answeredNd("fd10:10:1::4", "fe80::858:ff:fe00:b") },
      },
      "the host's search for duplicates of its own addresses finds none": {
        packet: `${FROM_HOST},icmp6,ipv6_src=::,ipv6_dst=ff02::1:ff00:1,icmpv6_type=135,icmpv6_code=0,nd_target=fd10:10:1::1`,
        path: "base/classify > base/nd",
      },
      "pod to pod on one node, IPv4": {
        packet: packet(FROM_WEB, WEB.ipv4, DB.ipv4),
        ...{ path: toDb, exit: "port 10", final: /dl_src=02:77:65:69:72:01,dl_dst=0a:58:00:00:00:0a,.*nw_ttl=63/ },
      },
      "pod to pod on one node, IPv6": {
        packet: packet(FROM_WEB, WEB.ipv6, DB.ipv6),
        ...{ path: toDb, exit: "port 10", final: /dl_dst=0a:58:00:00:00:0a,.*nw_ttl=63/ },
      },
      "fragments other than the first": {
        packet: packet(FROM_WEB, WEB.ipv4, DB.ipv4, "nw_frag=later"),
        ...{ path: toDb, exit: "port 10" },
      },
      "pod to a pod of the peer, IPv4": {
        ...{ packet: packet(FROM_WEB, WEB.ipv4, FAR.ipv4), ...throughTunnel, final: /nw_ttl=63/ },
      },
      "pod to a pod of the peer, IPv6 over IPv4": { packet: packet(FROM_WEB, WEB.ipv6, FAR.ipv6), ...throughTunnel },
      "pod to the peer's gateway": { packet: packet(FROM_WEB, WEB.ipv4, "10.10.2.1"), ...throughTunnel },
      "pod to the peer's own address": {
        packet: packet(FROM_WEB, WEB.ipv4, "172.18.0.2"),
        ...{ path: `${PODS_OWN} > nodes/peer-address > ${HOP}`, exit: "tunnel to 172.18.0.2 key 0x77" },
      },
      "from the peer's pod": {
        packet: packet(FROM_TUNNEL, FAR.ipv4, WEB.ipv4),
        ...{
          path: `base/classify > pods/deliver > ${HOP}`,
          exit: "port 11",
          final: /dl_dst=0a:58:00:00:00:0b.*nw_ttl=63/,
        },
      },
      "from the peer's pod to this node": {
        packet: packet(FROM_TUNNEL, FAR.ipv6, "fd18::1"),
        ...{
          path: "base/classify > nodes/gateway > connections/commit > base/output",
          exit: `port ${PORTS.gateway}`,
          final: /nw_ttl=64/,
        },
      },
      "pod to its own gateway, whose hop it is not": {
        packet: packet(FROM_WEB, WEB.ipv4, "10.10.1.1"),
        path: `${PODS_OWN} > nodes/gateway > connections/commit > base/output`,
        ...{ exit: `port ${PORTS.gateway}`, final: /dl_dst=02:77:65:69:72:02.*nw_ttl=64/ },
      },
      "pod to its node's address": {
        packet: packet(FROM_WEB, WEB.ipv6, "fd18::1"),
        path: `${PODS_OWN} > services/node-port > nodes/gateway > connections/commit > base/output`,
        exit: `port ${PORTS.gateway}`,
      },
      "pod to the world": {
        packet: packet(FROM_WEB, WEB.ipv4, "203.0.113.7"),
        ...{
          path: `${PODS_OWN} > base/outside > connections/commit > base/output`,
          exit: `port ${PORTS.gateway}`,
          final: /nw_ttl=64/,
        },
      },
      "pod to services of the host on 169.254.0.0/16": {
        packet: packet(FROM_WEB, WEB.ipv4, "169.254.169.254"),
        ...{ path: `${PODS_OWN} > base/outside > connections/commit > base/output`, exit: `port ${PORTS.gateway}` },
      },
      "the host to its pod: it has counted the hop, and a packet of its own has made none": {
        packet: packet(FROM_HOST, "10.10.1.1", WEB.ipv4, "nw_ttl=1"),
        path: "base/classify > base/miss > pods/deliver > base/hop > nodes/own-pods > connections/commit > base/output",
        ...{ exit: "port 11", final: /dl_src=02:77:65:69:72:01,dl_dst=0a:58:00:00:00:0b.*nw_ttl=1,/ },
      },
      "the host to a pod of the peer": {
        packet: packet(FROM_HOST, "10.10.1.1", FAR.ipv4),
        path: "base/classify > base/miss > nodes/peer > base/hop > nodes/own-pods > connections/commit > base/output",
        exit: "tunnel to 172.18.0.2 key 0x77",
      },
      "the host to an address without a pod": {
        packet: packet(FROM_HOST, "10.10.1.1", "10.10.1.77"),
        path: "base/classify > base/miss > nodes/absent",
      },
    });
  });

  describe("without encapsulation", () => {
    const web = FROM_WEB.replace("0b", "0a").replace("in_port=11", "in_port=10");
    truthTable(() => ovs, "direct", {
      "pods of the peer are the host's to find": {
        packet: packet(web, "10.10.1.5", "10.10.2.9"),
        ...{ path: `${PODS_OWN} > base/outside > connections/commit > base/output`, exit: `port ${PORTS.gateway}` },
      },
      "nothing comes from a tunnel": { packet: packet(FROM_TUNNEL, FAR.ipv4, "10.10.1.5"), path: "base/miss" },
    });
  });

  describe("where networks lie within each other", () => {
    const fromGateway = (destination: string) => packet(FROM_HOST, "10.10.1.1", destination);
    const path =
      "base/classify > base/miss > nodes/peer > base/hop > nodes/own-pods > connections/commit > base/output";
    truthTable(() => ovs, "overlapping-pod-cidrs", {
      "the longer prefix wins": {
        ...{ packet: fromGateway("10.20.4.9"), path },
        exit: "tunnel to 172.18.0.4 key 0x77",
      },
      "the rest is the wider one's": {
        ...{ packet: fromGateway("10.20.5.9"), path },
        exit: "tunnel to 172.18.0.5 key 0x77",
      },
      "what two peers have goes to the first": {
        ...{ packet: fromGateway("10.10.2.9"), path },
        exit: "tunnel to 172.18.0.2 key 0x77",
      },
      "what is this node's goes nowhere else": {
        ...{ packet: fromGateway("10.10.1.129"), path: "base/classify > base/miss > nodes/absent" },
      },
    });
  });
});
