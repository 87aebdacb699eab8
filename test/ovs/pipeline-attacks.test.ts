import { parseIp } from "#base/address.ts";
import { configureSwitch } from "#controller/node/switch/configure.ts";
import { connectOpenFlow } from "#openflow/connection.ts";
import { PORTS, ROUTER_MAC } from "#pipeline/layout/ports.ts";
import type { OvsRig } from "#test/rig/ovs.ts";
import { ethernet, icmpv6, ip, neighbour, udp } from "#test/support/frames.ts";
import { BRIDGE, startPipelineRig } from "./pipeline-rig.ts";
import { DB, FAR, FROM_HOST, FROM_TUNNEL, FROM_WEB, HOP, PODS_OWN, packet, truthTable, WEB } from "./truth-table.ts";

const SPOOFED = "pods/classify > base/miss";
const FORBIDDEN = "pods/classify > base/forbid";
const NOT_ROUTED = `${PODS_OWN} > base/local`;

describe("a hostile packet in the real tables", function () {
  this.timeout(20_000);
  let ovs: OvsRig;

  before(async () => {
    ovs = await startPipelineRig("pattacks");
    const connection = await connectOpenFlow({ address: ovs.management(BRIDGE) });
    await configureSwitch(connection);
    connection.close();
  });
  after(() => ovs?.close());

  const own = { source: parseIp(WEB.ipv6)!, destination: parseIp(DB.ipv6)! };
  const frame = (type: number, payload: Buffer) => ethernet(ROUTER_MAC, WEB.mac, type, payload).toString("hex");
  const frame6 = (protocol: number, payload: Buffer, destination = own.destination) =>
    frame(0x86dd, ip({ ...own, destination, protocol, payload }));
  const behind = (header: readonly number[], payload: Buffer) => Buffer.concat([Buffer.from(header), payload]);
  const PADDING = [0, 1, 4, 0, 0, 0, 0];
  const FIRST_FRAGMENT = [0, 0, 1, 0, 0, 0, 1];
  const advertisement = neighbour(136, own.source, own.destination, own.destination, WEB.mac);
  const inPort = `in_port=${WEB.port}`;
  const unsolicited = `${FROM_WEB},arp,arp_op=1,arp_sha=0a:58:00:00:00:0b`;
  const solicit = `${FROM_WEB},icmp6,ipv6_src=${WEB.ipv6},icmpv6_type=135,icmpv6_code=0`;
  truthTable(() => ovs, "two-nodes", {
    "another's MAC": {
      packet: packet(FROM_WEB.replace("0b", "0a"), WEB.ipv4, DB.ipv4),
      path: SPOOFED,
    },
    "another's IPv4 address": { packet: packet(FROM_WEB, DB.ipv4, FAR.ipv4), path: SPOOFED },
    "another's IPv6 address": { packet: packet(FROM_WEB, DB.ipv6, FAR.ipv6), path: SPOOFED },
    "the gateway's address, to the gateway": { packet: packet(FROM_WEB, "10.10.1.1", "10.10.1.1"), path: SPOOFED },
    "the node's address, to the world": { packet: packet(FROM_WEB, "172.18.0.1", "203.0.113.7"), path: SPOOFED },
    "an address of nobody": { packet: packet(FROM_WEB, "127.0.0.1", "10.10.1.1"), path: SPOOFED },
    "no address at all (DHCP)": {
      packet: packet(FROM_WEB, "0.0.0.0", "255.255.255.255", "nw_proto=17"),
      path: SPOOFED,
    },
    "its own link-local address": { packet: packet(FROM_WEB, "fe80::858:ff:fe00:b", "fd10:10:1::1"), path: SPOOFED },
    "another's address, in a fragment": {
      packet: packet(FROM_WEB, DB.ipv4, FAR.ipv4, "nw_frag=later"),
      path: SPOOFED,
    },
    "a port that is nobody's": { packet: packet("in_port=13", WEB.ipv4, DB.ipv4), path: "base/miss" },
    "ARP with another's address": { packet: `${unsolicited},arp_spa=${DB.ipv4},arp_tpa=10.10.1.1`, path: SPOOFED },
    "ARP with another's MAC inside": {
      packet: `${unsolicited.replace(/0b$/, "0a")},arp_spa=${WEB.ipv4},arp_tpa=10.10.1.1`,
      path: SPOOFED,
    },
    "ARP for its own address, which nobody else has": {
      packet: `${unsolicited},arp_spa=${WEB.ipv4},arp_tpa=${WEB.ipv4}`,
      path: "pods/classify > pods/resolve",
    },
    "an ARP answer, even for itself": {
      packet: `${FROM_WEB},arp,arp_op=2,arp_sha=0a:58:00:00:00:0b,arp_spa=${WEB.ipv4},arp_tpa=10.10.1.1`,
      path: FORBIDDEN,
    },
    "a solicitation with another's link-layer address": {
      packet: `${solicit},ipv6_dst=ff02::1:ff00:1,nd_target=fd10:10:1::1,nd_sll=0a:58:00:00:00:0a`,
      path: NOT_ROUTED,
    },
    "one that goes straight to the gateway": {
      packet: `${solicit},ipv6_dst=fd10:10:1::1,nd_target=fd10:10:1::1,nd_sll=0a:58:00:00:00:0a`,
      path: NOT_ROUTED,
    },
    "a solicitation in another's name": {
      packet: `${solicit.replace(WEB.ipv6, DB.ipv6)},nd_target=fd10:10:1::1,nd_sll=0a:58:00:00:00:0b`,
      path: SPOOFED,
    },
    "a search for duplicates": {
      packet: `${solicit.replace(WEB.ipv6, "::")},nd_target=${WEB.ipv6}`,
      path: SPOOFED,
    },
    "a neighbour advertisement": { packet: inPort, hex: frame6(58, advertisement), path: FORBIDDEN },
    "one behind a hop-by-hop header": {
      packet: inPort,
      ...{ hex: frame6(0, behind([58, ...PADDING], advertisement)), path: FORBIDDEN },
    },
    "one behind options, in a first fragment": {
      packet: inPort,
      hex: frame6(60, behind([44, ...PADDING, 58, ...FIRST_FRAGMENT], advertisement)),
      path: FORBIDDEN,
    },
    "a router advertisement": {
      packet: inPort,
      hex: frame6(58, icmpv6(134, own.source, parseIp("ff02::1")!), parseIp("ff02::1")),
      path: FORBIDDEN,
    },
    "a redirect": { packet: inPort, hex: frame6(58, icmpv6(137, own.source, own.destination)), path: FORBIDDEN },
    "a DHCP server's answer": {
      packet: packet(FROM_WEB, WEB.ipv4, DB.ipv4, "nw_proto=17", "udp_src=67", "udp_dst=68"),
      path: FORBIDDEN,
    },
    "a DHCPv6 server's answer": {
      packet: packet(FROM_WEB, WEB.ipv6, DB.ipv6, "nw_proto=17", "udp_src=547", "udp_dst=546"),
      path: FORBIDDEN,
    },
    "a DHCP server's answer in a first fragment": {
      packet: packet(FROM_WEB, WEB.ipv4, DB.ipv4, "nw_proto=17", "nw_frag=first", "udp_src=67", "udp_dst=68"),
      path: FORBIDDEN,
    },
    "a VLAN tag": { packet: `${packet(FROM_WEB, WEB.ipv4, DB.ipv4)},dl_vlan=7`, path: "pods/classify > base/tagged" },
    "a priority tag": {
      packet: inPort,
      hex: frame(0x8100, behind([0xe0, 0, 0x86, 0xdd], ip({ ...own, protocol: 17, payload: udp(9, 9, "") }))),
      path: "pods/classify > base/tagged",
    },
    "two VLAN tags": {
      packet: inPort,
      hex: frame(
        0x8100,
        behind([0, 7, 0x81, 0, 0, 7, 0x86, 0xdd], ip({ ...own, protocol: 17, payload: udp(9, 9, "") })),
      ),
      path: "pods/classify > base/tagged",
    },
    "a protocol that nobody routes": { packet: `${FROM_WEB},dl_type=0x88b5`, path: SPOOFED },
    multicast: { packet: packet(FROM_WEB, WEB.ipv4, "224.0.0.251"), path: NOT_ROUTED },
    "multicast, IPv6": { packet: packet(FROM_WEB, WEB.ipv6, "ff02::fb"), path: NOT_ROUTED },
    broadcast: { packet: packet(FROM_WEB, WEB.ipv4, "255.255.255.255"), path: NOT_ROUTED },
    "a link-local address": { packet: packet(FROM_WEB, WEB.ipv6, "fe80::1"), path: NOT_ROUTED },
    "the host's loopback": { packet: packet(FROM_WEB, WEB.ipv4, "127.0.0.1"), path: NOT_ROUTED },
    "the host's loopback, IPv6": { packet: packet(FROM_WEB, WEB.ipv6, "::1"), path: NOT_ROUTED },
    "an address of this node without a pod": {
      packet: packet(FROM_WEB, WEB.ipv4, "10.10.1.77"),
      path: `${PODS_OWN} > nodes/absent`,
    },
    "a peer without an address": {
      packet: packet(FROM_WEB, WEB.ipv4, "10.10.3.5"),
      path: `${PODS_OWN} > nodes/unreachable`,
    },
    "its own address": {
      packet: packet(FROM_WEB, WEB.ipv4, WEB.ipv4),
      path: `${PODS_OWN} > pods/deliver > ${HOP}`,
    },
    "no hop left to a pod": {
      packet: packet(FROM_WEB, WEB.ipv4, DB.ipv4, "nw_ttl=1"),
      path: `${PODS_OWN} > pods/deliver > base/hop`,
    },
    "no hop at all to the peer": {
      packet: packet(FROM_WEB, WEB.ipv6, FAR.ipv6, "nw_ttl=0"),
      path: `${PODS_OWN} > nodes/peer > base/hop`,
    },
    "one hop left to the world is the host's to refuse": {
      packet: packet(FROM_WEB, WEB.ipv4, "203.0.113.7", "nw_ttl=1"),
      ...{
        path: `${PODS_OWN} > base/outside > connections/commit > base/output`,
        exit: `port ${PORTS.gateway}`,
        final: /nw_ttl=1,/,
      },
    },
    "a source route leads where the packet says it goes, and no further": {
      packet: inPort,
      hex: frame6(43, behind([17, 2, 0, 1, 0, 0, 0, 0, ...Array(16).fill(0xfd)], udp(9, 9, "by way of another"))),
      ...{ path: `${PODS_OWN} > pods/deliver > ${HOP}`, exit: "port 10" },
    },
    ...Object.fromEntries(
      [
        { to: "its node", destination: "172.18.0.1", by: "services/node-port > nodes/gateway" },
        { to: "an address of its node that nobody told us", destination: "192.0.2.1", by: "base/outside" },
      ].flatMap(({ to, destination, by }) =>
        [6081, 4789].map((port) => [
          `a tunnel's packet (UDP port ${port}) to ${to}`,
          {
            packet: packet(FROM_WEB, WEB.ipv4, destination, "nw_proto=17", `udp_dst=${port}`),
            path: `${PODS_OWN} > ${by} > base/tunnelled`,
          },
        ]),
      ),
    ),
    "a tunnel's packet to the node, in a first fragment": {
      packet: packet(FROM_WEB, WEB.ipv6, "fd18::1", "nw_proto=17", "nw_frag=first", "udp_dst=6081"),
      path: `${PODS_OWN} > services/node-port > nodes/gateway > base/tunnelled`,
    },
    "a tunnel's packet to another node, at its end": {
      packet: packet(FROM_TUNNEL, FAR.ipv4, "172.18.0.1", "nw_proto=17", "udp_dst=6081"),
      path: "base/classify > nodes/gateway > base/tunnelled",
    },
    "a tunnel's packet between pods is theirs": {
      packet: packet(FROM_WEB, WEB.ipv4, DB.ipv4, "nw_proto=17", "udp_dst=4789"),
      ...{ path: `${PODS_OWN} > pods/deliver > ${HOP}`, exit: "port 10" },
    },
    "from a tunnel with another key": {
      packet: packet(FROM_TUNNEL.replace("0x77", "0x78"), FAR.ipv4, WEB.ipv4),
      path: "base/miss",
    },
    "from a tunnel, for a third node": {
      packet: packet(FROM_TUNNEL, "10.10.9.9", FAR.ipv4),
      path: `base/classify > nodes/peer > ${HOP}`,
    },
    "from a tunnel, for the world": {
      packet: packet(FROM_TUNNEL, FAR.ipv4, "203.0.113.7"),
      path: "base/classify > base/miss",
    },
    "from a tunnel, ARP": {
      packet: `${FROM_TUNNEL},arp,arp_op=1,arp_spa=10.10.2.9,arp_tpa=10.10.1.5`,
      path: "base/classify > base/miss",
    },
    "from the host, an ARP answer": {
      packet: `${FROM_HOST},arp,arp_op=2,arp_spa=10.10.1.1,arp_tpa=10.10.1.5`,
      path: "base/classify > base/miss > base/miss",
    },
    "from the host, for the world": {
      packet: packet(FROM_HOST, "172.18.0.1", "203.0.113.7"),
      path: "base/classify > base/miss > base/miss",
    },
    "from the bridge's own port": { packet: packet("in_port=LOCAL", "10.10.1.1", WEB.ipv4), path: "base/miss" },
  });
});
