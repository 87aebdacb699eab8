import assert from "node:assert/strict";
import { TABLES } from "#pipeline/layout/tables.ts";
import { createFabric } from "../../demo/fabric.ts";
import { feed, shell } from "../../demo/shell.ts";
import { type ApiNode, makeApiNode } from "../support/api-node.ts";
import { createServices, ENDPOINTS, removeServices, serveFromPods } from "../support/service-objects.ts";
import { openServiceWire, type ServiceWire } from "../support/service-wire.ts";
import { until } from "../watch/until.ts";
import { startKubeOrSkip } from "./start.ts";

const SERVICES = 10_000;
const SERVED = 20;
const SERVERS = ["web-1", "web-2", "web-3", "web-4", "web-5"];
const PORT = 8080;
/** To each of them a server's pod is redirected, so that one server is a thousand endpoints. */
const FIRST_PORT = 20_000;
const PORTS = Array.from({ length: 1000 }, (_, i) => FIRST_PORT + i);
const PATIENCE = 60_000;

describe("ten thousand services, and one of five thousand endpoints, on a node over a real API server", function () {
  this.timeout(180_000);
  const undos: (() => unknown)[] = [];
  let rig: ApiNode;
  let wire: ServiceWire;

  before(async function () {
    const kube = await startKubeOrSkip(this);
    undos.push(() => kube.stop());
    const fabric = await createFabric("weir-t-svcmany");
    undos.push(() => fabric.close());
    rig = await makeApiNode({ fabric, kube, podCount: 1 + SERVERS.length, defer: (undo) => undos.push(undo) });
    wire = await openServiceWire();
    undos.push(() => wire.close());
    for (const name of SERVERS) {
      const { netns } = rig.pods.get(name)!;
      await wire.serve(name, netns, "::", PORT);
      const redirect = `tcp dport ${FIRST_PORT}-${PORTS.at(-1)} redirect to :${PORT}`;
      const chain = `chain in { type nat hook prerouting priority dstnat; ${redirect}; }`;
      await feed(["ip", "netns", "exec", netns, "nft", "-f", "-"], `table ip many {\n${chain}\n}\n`);
    }
    await rig.start();
  });
  after(async () => {
    for (const undo of undos.reverse()) await undo();
  });

  const ofctl = (...[command, ...words]: readonly string[]): Promise<string> =>
    shell("ovs-ofctl", "-O", "OpenFlow15", command!, `unix:${rig.machine.ovsDirectory}/br-weir.mgmt`, ...words);
  const lines = async (command: string, ...words: readonly string[]): Promise<readonly string[]> =>
    (await ofctl(command, ...words))
      .split("\n")
      .map((line) => line.replace(/(duration|n_packets|n_bytes|idle_age)=[^, ]*,? ?/g, "").trim())
      .filter((line) => /^(cookie|group_id)=/.test(line))
      .sort();
  const countFlows = async (): Promise<number> =>
    Number(/flow_count=(\d+)/.exec(await ofctl("dump-aggregate", `table=${TABLES.Service.id}`))?.[1]);
  const servers = (heard: Readonly<Record<string, number>>) => Object.keys(heard).map((text) => text.split(" ")[0]!);

  it("are all in the switch, lead connections to their endpoints, and leave nothing behind", async () => {
    const { kube } = rig;
    const [flows, groups] = [await lines("dump-flows"), await lines("dump-groups")];
    const before = await countFlows();
    const [first] = SERVERS;
    const { address } = rig.pods.get(first!)!;
    await createServices(kube, 0, SERVICES - SERVED);
    const served: string[] = [];
    for (let i = SERVICES - SERVED; i < SERVICES; i++)
      served.push(await serveFromPods(kube, i, [address], PORTS.slice(0, ENDPOINTS)));
    await until(async () => (await countFlows()) === before + SERVICES, PATIENCE);
    assert.equal((await lines("dump-groups")).length, groups.length + SERVICES);
    for (const clusterIp of served)
      assert.deepEqual(servers(await wire.ask(rig.pods.get("web-0")!.netns, "tcp", clusterIp, 80, 5)), [first]);
    await removeServices(kube, 0, SERVICES);
    await until(async () => (await countFlows()) === before, PATIENCE);
    assert.deepEqual(await lines("dump-flows"), flows);
    assert.deepEqual(await lines("dump-groups"), groups);
  });

  it("lead to every server among thousands of endpoints, and to none that has gone", async () => {
    const { kube } = rig;
    const client = rig.pods.get("web-0")!.netns;
    const addresses = SERVERS.map((name) => rig.pods.get(name)!.address);
    const clusterIp = await serveFromPods(kube, SERVICES, addresses, PORTS);
    const endpoints = async () => (await lines("dump-groups")).flatMap((line) => line.match(/nat\(dst=/g) ?? []).length;
    await until(async () => (await endpoints()) === addresses.length * PORTS.length, PATIENCE);
    // Sixteen parts, and what chooses among them.
    assert.equal((await lines("dump-groups")).length, 17);
    const heard = await wire.ask(client, "tcp", clusterIp, 80, 500);
    assert.deepEqual(servers(heard).sort(), SERVERS, JSON.stringify(heard));
    for (const count of Object.values(heard)) assert.ok(count > 50, JSON.stringify(heard));
    await serveFromPods(kube, SERVICES, addresses.slice(1), PORTS);
    await until(async () => (await endpoints()) === (addresses.length - 1) * PORTS.length, PATIENCE);
    assert.deepEqual(servers(await wire.ask(client, "tcp", clusterIp, 80, 200)).sort(), SERVERS.slice(1));
  });
});
