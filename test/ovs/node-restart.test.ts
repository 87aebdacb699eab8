import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type Cluster, podManifest, startCluster } from "#test/support/cluster.ts";

const exec = promisify(execFile);
const PINGS = 4000;

/** Every flow of a node's bridge with its age in seconds: one that was written anew is young. */
async function flowAges(cluster: Cluster, node: string): Promise<Map<string, number>> {
  const { ovsDirectory } = cluster.lab.nodes.get(node)!.fabricNode;
  const argv = ["-O", "OpenFlow15", "dump-flows", `unix:${ovsDirectory}/br-weir.mgmt`];
  const { stdout } = await exec("ovs-ofctl", argv);
  const lines = stdout.split("\n").filter((line) => line.includes("actions="));
  return new Map(
    lines.map((line) => [
      line.replace(/(duration|n_packets|n_bytes|idle_age)=[^,]*, /g, ""),
      Number(/duration=([\d.]+)s/.exec(line)?.[1]),
    ]),
  );
}

/** Pings once a millisecond from one pod to another; resolves with how many answers did not come. */
async function lossOf(cluster: Cluster, from: string, to: string, count = PINGS): Promise<number> {
  const endpoint = (name: string) => cluster.lab.pods.get(`default/${name}`)!.endpoint;
  const argv = ["ping", "-n", "-q", "-i", "0.001", "-c", String(count), "-W", "2", endpoint(to).addresses[4]!];
  const { stdout } = await exec("ip", ["netns", "exec", endpoint(from).netns, ...argv]);
  return count - Number(/(\d+) received/.exec(stdout)?.[1]);
}

describe("A node process that starts again", function () {
  this.timeout(60_000);
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster({ name: "restart", families: [4, 6] });
    // Open vSwitch's own tunnels lose the first packet to a peer, while they ask for its MAC.
    await lossOf(cluster, "n1-pod1", "n2-pod1", 10);
    await lossOf(cluster, "n2-pod1", "n1-pod1", 10);
  });
  after(() => cluster?.close());

  for (const signal of ["SIGTERM", "SIGKILL"] as const)
    it(`after ${signal} over an unchanged node writes no flow and loses no packet`, async () => {
      const before = await flowAges(cluster, "n1");
      const since = performance.now();
      const pings = [
        lossOf(cluster, "n1-pod1", "n2-pod1"),
        lossOf(cluster, "n2-pod2", "n1-pod2"),
        lossOf(cluster, "n1-pod2", "n1-pod3"),
      ];
      await cluster.stop("n1", signal);
      await cluster.restart("n1");
      const after = await flowAges(cluster, "n1");
      const elapsed = (performance.now() - since) / 1000;
      assert.deepEqual(new Set(after.keys()), new Set(before.keys()));
      const young = [...after].filter(([, age]) => age < elapsed - 0.01).map(([flow]) => flow);
      assert.deepEqual(young, []);
      assert.deepEqual(await Promise.all(pings), [0, 0, 0]);
    });

  it("writes just what has changed while it was away", async () => {
    const before = await flowAges(cluster, "n1");
    await cluster.stop("n1", "SIGTERM");
    const beta = {
      ...{ apiVersion: "v1", kind: "Node", metadata: { name: "n3" } },
      spec: { podCIDRs: ["10.10.3.0/24"] },
      status: { addresses: [{ type: "InternalIP", address: "172.18.0.3" }] },
    };
    await cluster.write("more.yaml", [beta, podManifest("unplugged", "n1")]);
    const since = performance.now();
    await cluster.restart("n1");
    const after = await flowAges(cluster, "n1");
    const elapsed = (performance.now() - since) / 1000;
    const fresh = [...after.keys()].filter((flow) => !before.has(flow));
    assert.ok(fresh.length > 0);
    for (const flow of fresh) assert.match(flow, /10\.10\.3\.0\/24|172\.18\.0\.3/);
    for (const [flow, age] of after) if (before.has(flow)) assert.ok(age > elapsed, flow);
    for (const flow of before.keys()) assert.ok(after.has(flow), flow);
  });
});
