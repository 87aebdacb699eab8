import assert from "node:assert/strict";
import { formatIp, type Ip, ipFromBytes, parseIp, parseMac } from "#base/address.ts";
import { ROUTER_MAC } from "#pipeline/layout/ports.ts";
import { openRawSocket, type RawSocket } from "#test/rig/raw-socket.ts";
import { ETHER, ethernet } from "#test/support/frames.ts";
import { ipPackets } from "#test/support/policy-frames.ts";
import {
  type Family,
  SERVER_PORT,
  type ServiceCluster,
  service,
  slice,
  startServiceCluster,
} from "#test/support/service-cluster.ts";
import { shell } from "../../demo/shell.ts";
import { until } from "../watch/until.ts";

const FAMILIES = [4, 6] as const;
const VIPS = {
  sctp: { 4: "10.96.0.10", 6: "fd96::10" },
  large: { 4: "10.96.0.11", 6: "fd96::11" },
  nobody: { 4: "10.96.0.12", 6: "fd96::12" },
} as const;
const CLIENT = "n1-pod1";
const SCTP_SERVERS = ["n1-pod2", "n2-pod2"];
const SCTP_PORT = 3868;
const SCTP = 132;
/** More than one packet holds. */
const LARGE = 4000;

describe("packets to services that are not as usual", function () {
  this.timeout(60_000);
  let rig: ServiceCluster;
  const sockets = new Map<string, RawSocket>();

  before(async () => {
    rig = await startServiceCluster({ name: "svcpackets", families: [4, 6], podsPerNode: 3 });
    await put(SCTP_SERVERS);
    // A tunnel's first packet to a peer is lost while Open vSwitch asks for its MAC.
    for (const family of FAMILIES) await rig.wire.ask(rig.netns(CLIENT), "udp", VIPS.large[family], 80, 20);
    for (const pod of [CLIENT, ...SCTP_SERVERS]) sockets.set(pod, await openRawSocket(rig.netns(pod)));
  });
  after(async () => {
    for (const socket of sockets.values()) await socket.close();
    await rig?.close();
  });

  async function put(servers: readonly string[]): Promise<void> {
    const endpoints = (family: Family, pods: readonly string[]) =>
      pods.map((pod) => ({ addresses: [rig.address(pod, family)], nodeName: pod.split("-")[0] }));
    const of = (name: keyof typeof VIPS, ...ports: readonly object[]) =>
      service(name, { clusterIPs: [VIPS[name][4], VIPS[name][6]], ports });
    const udp = { port: 80, protocol: "UDP" };
    await rig.put([
      of("sctp", { port: SCTP_PORT, protocol: "SCTP" }),
      of("large", udp, { port: 80, name: "t" }),
      of("nobody", udp),
      ...FAMILIES.flatMap((family) => [
        slice("sctp", family, endpoints(family, servers), [{ port: SCTP_PORT, protocol: "SCTP" }]),
        slice("large", family, endpoints(family, ["n1-pod2", "n2-pod1", "n2-pod2"]), [
          { port: SERVER_PORT, protocol: "UDP" },
        ]),
      ]),
    ]);
  }

  for (const family of FAMILIES) {
    it(`an association of SCTP leads to an endpoint, and answers come from the service's address: IPv${family}`, async () => {
      const client = rig.address(CLIENT, family);
      const reached = new Set<string>();
      for (let sourcePort = 40_000; reached.size < 2; sourcePort++) {
        const mark = `from ${family} ${sourcePort}.`;
        await send(CLIENT, client, VIPS.sctp[family], sourcePort, SCTP_PORT, mark);
        const server = await Promise.any(
          SCTP_SERVERS.map(async (pod) => {
            const frame = await sockets.get(pod)!.hear((one) => one.includes(mark));
            assert.deepEqual(endsOf(frame, family), [client, rig.address(pod, family), sourcePort, SCTP_PORT]);
            return pod;
          }),
        );
        reached.add(server);
        const answer = `to ${family} ${sourcePort}.`;
        await send(server, rig.address(server, family), client, SCTP_PORT, sourcePort, answer);
        const heard = await sockets.get(CLIENT)!.hear((one) => one.includes(answer));
        assert.deepEqual(endsOf(heard, family), [VIPS.sctp[family], client, SCTP_PORT, sourcePort]);
        // In user space all SCTP between two addresses is one connection: a new one is for the next to choose.
        for (const node of rig.cluster.lab.nodes.values())
          await shell("ovs-appctl", "-t", `${node.fabricNode.ovsDirectory}/vswitchd.ctl`, "dpctl/flush-conntrack");
      }
    });

    it(`a client of SCTP finds another endpoint from the same port when its own goes: IPv${family}`, async () => {
      let count = 0;
      /** Who hears the next packet of the association. */
      const ask = async (): Promise<string> => {
        const mark = `again ${family} ${count++}.`;
        await send(CLIENT, rig.address(CLIENT, family), VIPS.sctp[family], 41_000, SCTP_PORT, mark);
        const heard = SCTP_SERVERS.map((pod) =>
          sockets
            .get(pod)!
            .hear((one) => one.includes(mark))
            .then(() => pod),
        );
        return Promise.any(heard);
      };
      await put(SCTP_SERVERS);
      const gone = await ask();
      assert.equal(await ask(), gone);
      await put(SCTP_SERVERS.filter((pod) => pod !== gone));
      await until(async () => (await ask()) !== gone);
      await put(SCTP_SERVERS);
    });

    it(`a datagram in fragments that begins a connection finds one endpoint, and so do those after it: IPv${family}`, async () => {
      const netns = rig.netns(CLIENT);
      const heard = await rig.wire.ask(netns, "udp", VIPS.large[family], 80, 20, 0, LARGE);
      const servers = ["n1-pod2", "n2-pod1", "n2-pod2"].map((pod) => `${pod} ${rig.address(CLIENT, family)}`);
      const [server, ...others] = Object.keys(heard);
      assert.ok(servers.includes(server!) && others.length === 0, JSON.stringify(heard));
      // What is small is shared by all of them, as ever.
      const small = await rig.wire.ask(netns, "udp", VIPS.large[family], 80, 60);
      assert.deepEqual(Object.keys(small).sort(), servers.sort());
    });

    it(`a datagram in fragments is refused where there is no endpoint: IPv${family}`, async () => {
      const heard = await rig.wire.ask(rig.netns(CLIENT), "udp", VIPS.nobody[family], 80, 2, 0, LARGE);
      assert.deepEqual(heard, { ECONNREFUSED: 2 });
    });
  }

  async function send(
    pod: string,
    from: string,
    to: string,
    sourcePort: number,
    destinationPort: number,
    mark: string,
  ): Promise<void> {
    const link = JSON.parse(await shell("ip", "-n", rig.netns(pod), "-j", "link", "show", "eth0"));
    const [source, destination] = [parseIp(from)!, parseIp(to)!];
    const type = typeof source === "number" ? ETHER.ipv4 : ETHER.ipv6;
    const opening = {
      source,
      destination,
      protocol: "sctp",
      sourcePort,
      destinationPort,
      data: Buffer.from(mark),
    } as const;
    for (const packet of ipPackets(opening))
      sockets.get(pod)!.send(ethernet(ROUTER_MAC, parseMac(link[0].address)!, type, packet));
  }
});

/** Addresses and ports of a packet of SCTP, without options or extensions. */
function endsOf(frame: Buffer, family: Family): readonly (string | number)[] {
  const head = family === 4 ? 20 : 40;
  assert.equal(frame[family === 4 ? 23 : 20], SCTP);
  const length = family === 4 ? 4 : 16;
  const at = 14 + (family === 4 ? 12 : 8);
  const address = (start: number): Ip => ipFromBytes(frame.subarray(start, start + length));
  const ports = 14 + head;
  return [
    ...[formatIp(address(at)), formatIp(address(at + length))],
    ...[frame.readUInt16BE(ports), frame.readUInt16BE(ports + 2)],
  ];
}
