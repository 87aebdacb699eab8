import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { promisify } from "node:util";
import { type Cluster, nodeManifest, podManifest, startCluster } from "#test/support/cluster.ts";
import { run } from "#test/support/node-rig.ts";
import { readIntent } from "../../demo/manifests.ts";
import { until } from "../watch/until.ts";

const exec = promisify(execFile);

describe("Nodes come, go and change under a running fabric", function () {
  this.timeout(60_000);
  let cluster: Cluster;
  let background: ChildProcess[];
  const reports: Promise<string>[] = [];

  before(async () => {
    cluster = await startCluster({ name: "change", families: [4, 6], podsPerNode: 2 });
    await isConnected("n1-pod1", "n2-pod1");
    background = [
      ["n1-pod1", "n1-pod2"],
      ["n2-pod2", "n2-pod1"],
    ].map(([from = "", to = ""]) => startPings(from, to));
  });
  after(async () => {
    for (const child of background ?? []) child.kill("SIGKILL");
    await cluster?.close();
  });

  const endpointOf = (pod: string) => cluster.lab.pods.get(`default/${pod}`)!.endpoint;
  const nodeOf = (name: string) => cluster.lab.nodes.get(name)!.fabricNode;
  const inNode = async (node: string, ...argv: string[]) =>
    (await exec("ip", ["netns", "exec", nodeOf(node).netns, ...argv])).stdout;
  const node = (number: number, addresses?: readonly string[], podCIDRs?: readonly string[]) => ({
    ...nodeManifest(`n${number}`, number, [4, 6], [4, 6]),
    ...(addresses && { status: { addresses: addresses.map((address) => ({ type: "InternalIP", address })) } }),
    ...(podCIDRs && { spec: { podCIDRs } }),
  });

  /** Pings until it is told to end, through all that happens here. */
  function startPings(from: string, to: string): ChildProcess {
    const target = endpointOf(to).addresses[4]!;
    const argv = ["netns", "exec", endpointOf(from).netns, "ping", "-n", "-q", "-i", "0.01", target];
    const child = spawn("ip", argv, { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    reports.push(new Promise((resolve) => child.once("close", () => resolve(output))));
    return child;
  }
  async function answered(netns: string, address: string, count: number): Promise<number> {
    const argv = ["ping", "-n", "-q", "-i", "0.01", "-W", "1", "-c", String(count), address];
    const { output } = await run(["ip", "netns", "exec", netns, ...argv]);
    return Number(/(\d+) received/.exec(output)?.[1] ?? 0);
  }
  /** Both ways, in both families. Open vSwitch's tunnels lose the first packet to a peer, while they ask for its MAC. */
  async function isConnected(one: string, other: string): Promise<void> {
    for (const [from, to] of [
      [endpointOf(one), endpointOf(other)],
      [endpointOf(other), endpointOf(one)],
    ] as const)
      for (const family of [4, 6] as const) {
        const address = to.addresses[family]!;
        await until(async () => (await answered(from.netns, address, 1)) === 1);
        assert.equal(await answered(from.netns, address, 5), 5, `${from.label} -> ${address}`);
      }
  }

  /** All that a node holds of others: flows and routes. */
  async function stateOf(name: string): Promise<string> {
    const socket = `unix:${nodeOf(name).ovsDirectory}/br-weir.mgmt`;
    const { stdout } = await exec("ovs-ofctl", ["-O", "OpenFlow15", "dump-flows", "--no-stats", socket]);
    const flows = stdout.split("\n").filter((line) => line.includes("actions="));
    const routes = await Promise.all(
      ["-4", "-6"].map((family) => inNode(name, "ip", family, "route", "show", "proto", "87")),
    );
    const sets = await inNode(name, "nft", "list", "table", "inet", "weir");
    return [...flows.sort(), ...routes.join("").split("\n").sort(), sets].join("\n");
  }
  const becomes = (name: string, wanted: string) => until(async () => (await stateOf(name)) === wanted);
  /** Switch and host follow each in its own time. */
  const replaces = (name: string, old: RegExp, fresh: RegExp) =>
    until(async () => {
      const state = await stateOf(name);
      return fresh.test(state) && !old.test(state);
    });

  it("one that comes is reached, and when it has gone nothing is left of it", async () => {
    const before = [await stateOf("n1"), await stateOf("n2")] as const;
    await cluster.write("more.yaml", [node(3), podManifest("n3-pod1", "n3")]);
    await cluster.lab.apply(await readIntent(cluster.manifests));
    await isConnected("n1-pod1", "n3-pod1");
    await isConnected("n2-pod1", "n3-pod1");
    assert.notEqual(await stateOf("n1"), before[0]);
    await cluster.write("more.yaml", []);
    await becomes("n1", before[0]);
    await becomes("n2", before[1]);
    await cluster.lab.apply(await readIntent(cluster.manifests));
    await isConnected("n1-pod1", "n2-pod1");
  });

  it("one that changes its address is reached at the new one, and nothing leads to the old one", async () => {
    const gateways = cluster.fabric.outside.addresses;
    for (const [family, old, fresh, length] of [
      [4, "172.18.0.2", "172.18.0.12", 24],
      [6, "fd18::2", "fd18::12", 64],
    ] as const) {
      const ip = (...argv: string[]) => inNode("n2", "ip", `-${family}`, ...argv);
      // In this order: the first address of a network takes the later ones, and the default route, with it.
      await ip("address", "delete", `${old}/${length}`, "dev", "br-phy");
      await ip("address", "add", `${fresh}/${length}`, "dev", "br-phy", ...(family === 6 ? ["nodad"] : []));
      await ip("route", "replace", "default", "via", gateways[family]!);
    }
    await cluster.write("nodes.yaml", [node(1), node(2, ["172.18.0.12", "fd18::12"])]);
    for (const name of ["n1", "n2"]) await replaces(name, /172\.18\.0\.2\b|fd18::2\b/, /172\.18\.0\.12\b/);
    await isConnected("n1-pod1", "n2-pod1");
    const { prober } = cluster.lab.pods.get("default/n2-pod1")!;
    const seenBy = async (family: 4 | 6) => (await prober.ask(cluster.fabric.outside.addresses[family]!)).seenAs;
    assert.deepEqual([await seenBy(4), await seenBy(6)], ["172.18.0.12", "fd18::12"]);
  });

  it("one whose podCIDRs change gives its next pod an address of them, and the pods that it has go on among themselves", async () => {
    const podCidrs = ["10.20.2.0/24", "fd10:20:2::/64"];
    await cluster.write("nodes.yaml", [node(1), node(2, ["172.18.0.12", "fd18::12"], podCidrs)]);
    await replaces("n1", /10\.10\.2\.|fd10:10:2:/, /10\.20\.2\.0\/24/);
    await until(async () => /10\.20\.2\.1\b/.test(await stateOf("n2")));
    await cluster.write("more.yaml", [podManifest("n2-pod3", "n2")]);
    await cluster.lab.apply(await readIntent(cluster.manifests));
    assert.match(endpointOf("n2-pod3").addresses[4]!, /^10\.20\.2\./);
    await isConnected("n1-pod1", "n2-pod3");
    await isConnected("n2-pod1", "n2-pod3");
  });

  it("one whose Node is deleted and comes back is forgotten and reached again; its pods go on among themselves", async () => {
    const before = [await stateOf("n1"), await stateOf("n2")] as const;
    await cluster.write("nodes.yaml", [node(1)]);
    await until(async () => !/172\.18\.0\.12\b|10\.20\.2\./.test(await stateOf("n1")));
    assert.equal(await answered(endpointOf("n1-pod1").netns, endpointOf("n2-pod3").addresses[4]!, 1), 0);
    await isConnected("n2-pod1", "n2-pod3");
    await cluster.write("nodes.yaml", [
      node(1),
      node(2, ["172.18.0.12", "fd18::12"], ["10.20.2.0/24", "fd10:20:2::/64"]),
    ]);
    await becomes("n1", before[0]);
    await becomes("n2", before[1]);
    await isConnected("n1-pod1", "n2-pod3");
  });

  it("and no packet between pods of one node was lost over all of this", async () => {
    for (const child of background) child.kill("SIGINT");
    for (const report of await Promise.all(reports)) {
      const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(report) ?? [];
      assert.ok(Number(sent) > 100, report);
      // The last one may have been under way when the end came.
      assert.ok(Number(sent) - Number(received) <= 1, report);
    }
  });
});
