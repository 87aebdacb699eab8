import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type Ip, type Ipv6, type Mac, parseIp, parseMac } from "#base/address.ts";
import { linkLocalOf } from "#pipeline/features/pods.ts";
import { ROUTER_MAC } from "#pipeline/layout/ports.ts";
import { openRawSocket, type RawSocket } from "#test/rig/raw-socket.ts";
import { type Cluster, startCluster } from "#test/support/cluster.ts";
import { arp, BROADCAST, ETHER, ethernet, icmpv6, ip, neighbour, udp } from "#test/support/frames.ts";

const exec = promisify(execFile);

interface Pod {
  readonly netns: string;
  readonly mac: Mac;
  readonly ipv4: Ip;
  readonly ipv6: Ip;
  readonly linkLocal: Ipv6;
}

const UDP = 17;
const ICMPV6 = 58;
const HOP_BY_HOP = 0;
const ALL_NODES = parseIp("ff02::1")!;

describe("A hostile pod with a raw socket", function () {
  this.timeout(60_000);
  let cluster: Cluster;
  let attacker: Pod;
  let raw: RawSocket;
  const victims = new Map<string, { pod: Pod; ear: RawSocket }>();

  before(async () => {
    cluster = await startCluster({ name: "spoof", families: [4, 6], podsPerNode: 2 });
    attacker = await readPod("n1-pod1");
    raw = await openRawSocket(attacker.netns);
    for (const name of ["n1-pod2", "n2-pod1"]) {
      const pod = await readPod(name);
      victims.set(name, { pod, ear: await openRawSocket(pod.netns) });
      // Open vSwitch's own tunnels lose the first packet to a peer, while they ask for its MAC.
      const { prober } = cluster.lab.pods.get("default/n1-pod1")!;
      await prober.ask(cluster.lab.pods.get(`default/${name}`)!.endpoint.addresses[4]!);
    }
  });
  after(async () => {
    await Promise.all([raw, ...[...victims.values()].map(({ ear }) => ear)].map((one) => one?.close()));
    await cluster?.close();
  });

  async function readPod(name: string): Promise<Pod> {
    const { netns, addresses } = cluster.lab.pods.get(`default/${name}`)!.endpoint;
    const { stdout } = await exec("ip", ["-n", netns, "-j", "link", "show", "eth0"]);
    const mac = parseMac(JSON.parse(stdout)[0].address)!;
    return { netns, mac, ipv4: parseIp(addresses[4]!)!, ipv6: parseIp(addresses[6]!)!, linkLocal: linkLocalOf(mac) };
  }

  const neighbours = async (netns: string) =>
    (await exec("ip", ["-n", netns, "neigh", "show"])).stdout.replace(/ (REACHABLE|STALE|DELAY|PROBE|ref \d+)/g, "");

  let count = 0;
  /** Sends the frames, then an honest packet; whatever else a victim hears until that one arrives got through. */
  async function assertUnheard(frames: (victim: Pod) => readonly Buffer[]): Promise<void> {
    for (const { pod, ear } of victims.values()) {
      const mark = `honest ${++count}.`;
      const tables = await Promise.all([pod.netns, cluster.lab.nodes.get("n1")!.fabricNode.netns].map(neighbours));
      ear.clear();
      for (const frame of frames(pod)) raw.send(frame);
      const honest = ip({ source: attacker.ipv4, destination: pod.ipv4, protocol: UDP, payload: udp(9, 9, mark) });
      raw.send(ethernet(ROUTER_MAC, attacker.mac, ETHER.ipv4, honest));
      await ear.hear((frame) => frame.includes(mark));
      const through = ear.heard.filter((frame) => !frame.includes(mark) && !isAnswer(frame));
      assert.deepEqual(
        through.map((frame) => frame.toString("hex")),
        [],
      );
      assert.deepEqual(
        await Promise.all([pod.netns, cluster.lab.nodes.get("n1")!.fabricNode.netns].map(neighbours)),
        tables,
      );
    }
  }
  /** The switch's answers to what the victim's own kernel asks now and then. */
  const isAnswer = (frame: Buffer) =>
    frame.readUIntBE(6, 6) === ROUTER_MAC && (frame.readUInt16BE(12) === ETHER.arp || frame[54] === 136);
  const frame = (type: number, payload: Buffer, source: Mac = attacker.mac, destination: Mac = ROUTER_MAC) =>
    ethernet(destination, source, type, payload);

  it("cannot send under another's address, IPv4 or IPv6, whole or in fragments", () =>
    assertUnheard((victim) => {
      const others = [...victims.values()].map(({ pod }) => pod);
      const payload = udp(9, 9, "spoofed");
      return others.flatMap((other) => [
        frame(ETHER.ipv4, ip({ source: other.ipv4, destination: victim.ipv4, protocol: UDP, payload })),
        frame(ETHER.ipv6, ip({ source: other.ipv6, destination: victim.ipv6, protocol: UDP, payload })),
        frame(
          ETHER.ipv4,
          ip({ source: other.ipv4, destination: victim.ipv4, protocol: UDP, payload, fragmentOffset: 64 }),
        ),
        frame(ETHER.ipv6, ip({ source: other.linkLocal, destination: victim.ipv6, protocol: UDP, payload })),
      ]);
    }));

  it("cannot send from another's MAC, or straight to another's", () =>
    assertUnheard((victim) => {
      const mine = { source: attacker.ipv4, destination: victim.ipv4, protocol: UDP, payload: udp(9, 9, "mac") };
      return [
        frame(ETHER.ipv4, ip(mine), victim.mac),
        frame(ETHER.ipv4, ip(mine), ROUTER_MAC),
        frame(ETHER.ipv4, ip({ ...mine, source: victim.ipv4 }), victim.mac, victim.mac),
      ];
    }));

  it("cannot answer ARP for others, nor announce itself as them", () =>
    assertUnheard((victim) => {
      const gateway = parseIp("10.10.1.1")!;
      return [
        frame(ETHER.arp, arp(2, attacker.mac, gateway, victim.mac, victim.ipv4), attacker.mac, victim.mac),
        frame(ETHER.arp, arp(2, attacker.mac, victim.ipv4, BROADCAST, victim.ipv4), attacker.mac, BROADCAST),
        frame(ETHER.arp, arp(1, attacker.mac, victim.ipv4, 0 as Mac, victim.ipv4), attacker.mac, BROADCAST),
        frame(ETHER.arp, arp(1, victim.mac, attacker.ipv4, 0 as Mac, gateway), attacker.mac, BROADCAST),
      ];
    }));

  it("cannot answer neighbour solicitations for others, advertise routers or redirect", () =>
    assertUnheard((victim) => {
      const gateway = parseIp("fd10:10:1::1")!;
      const advertise = (source: Ip, destination: Ip, target: Ip): Buffer => {
        const payload = neighbour(136, source, destination, target, attacker.mac);
        return frame(ETHER.ipv6, ip({ source, destination, protocol: ICMPV6, payload }), attacker.mac, victim.mac);
      };
      const hidden = Buffer.concat([
        Buffer.from([ICMPV6, 0, 1, 4, 0, 0, 0, 0]),
        neighbour(136, attacker.ipv6, victim.ipv6, gateway, attacker.mac),
      ]);
      const solicit = neighbour(135, attacker.ipv6, victim.ipv6, victim.ipv6, victim.mac);
      const speak = (type: number, destination: Ip) =>
        ip({
          ...{ source: attacker.linkLocal, destination, protocol: ICMPV6 },
          payload: icmpv6(type, attacker.linkLocal, destination),
        });
      return [
        advertise(attacker.ipv6, victim.ipv6, gateway),
        advertise(attacker.linkLocal, victim.linkLocal, gateway),
        advertise(gateway, victim.ipv6, gateway),
        frame(
          ETHER.ipv6,
          ip({ source: attacker.ipv6, destination: victim.ipv6, protocol: HOP_BY_HOP, payload: hidden }),
        ),
        frame(
          ETHER.ipv6,
          ip({ source: attacker.ipv6, destination: victim.ipv6, protocol: ICMPV6, payload: solicit }),
          attacker.mac,
          victim.mac,
        ),
        ...[134, 137].flatMap((type) =>
          [ALL_NODES, victim.linkLocal, victim.ipv6].map((destination) =>
            frame(ETHER.ipv6, speak(type, destination), attacker.mac, BROADCAST),
          ),
        ),
      ];
    }));

  it("cannot play DHCP server, and reaches nobody by broadcast, multicast, tags or link-local addresses", () =>
    assertUnheard((victim) => {
      const from = (destination: Ip, payload: Buffer) =>
        ip({ source: attacker.ipv4, destination, protocol: UDP, payload });
      const everybody = parseIp("255.255.255.255")!;
      const tagged = Buffer.concat([Buffer.from([0, 7, 8, 0]), from(victim.ipv4, udp(9, 9, "tagged"))]);
      return [
        frame(ETHER.ipv4, from(victim.ipv4, udp(67, 68, "offer"))),
        frame(ETHER.ipv4, from(everybody, udp(67, 68, "offer")), attacker.mac, BROADCAST),
        frame(ETHER.ipv4, from(everybody, udp(9, 9, "broadcast")), attacker.mac, BROADCAST),
        frame(ETHER.ipv4, from(parseIp("224.0.0.251")!, udp(5353, 5353, "multicast")), attacker.mac, BROADCAST),
        frame(
          ETHER.ipv6,
          ip({ source: attacker.ipv6, destination: ALL_NODES, protocol: UDP, payload: udp(9, 9, "multicast") }),
          attacker.mac,
          BROADCAST,
        ),
        frame(
          ETHER.ipv6,
          ip({ source: attacker.linkLocal, destination: victim.linkLocal, protocol: UDP, payload: udp(9, 9, "local") }),
          attacker.mac,
          victim.mac,
        ),
        frame(ETHER.vlan, tagged),
        frame(0x88b5, Buffer.from("some other protocol that nobody routes"), attacker.mac, victim.mac),
      ];
    }));
});
