import assert from "node:assert/strict";
import { join } from "node:path";
import { silentLog } from "#base/log.ts";
import { FlowReconciler } from "#controller/node/switch/flow-reconciler.ts";
import { connectOpenFlow } from "#openflow/connection.ts";
import { createPipeline } from "#pipeline/pipeline.ts";
import type { RawChange } from "#pipeline/source.ts";
import { UNCHANGED_SWITCH } from "#pipeline/switch-state.ts";
import { batch, node, port, SETTINGS } from "#test/pipeline/samples.ts";
import type { OvsRig } from "#test/rig/ovs.ts";
import { openUnixctl, type Unixctl } from "#test/support/unixctl.ts";
import { BRIDGE, startPipelineRig } from "./pipeline-rig.ts";

const SELF = node("n1", ["10.10.1.0/24"], ["172.18.0.1"]);
const CLIENT = "in_port=10,tcp,dl_src=0a:58:00:00:00:0a,dl_dst=02:77:65:69:72:01,nw_src=10.10.1.5,nw_ttl=64";
const FIRST_PORT = 10_000;
const SERVICE: RawChange = {
  ...{ kind: "Service", key: "shop/web" },
  object: { spec: { clusterIPs: ["10.96.0.1"], ports: [{ port: 80 }] } },
};
/** The 0.999 quantiles of chi-squared, by degrees of freedom. */
const QUANTILE = { 9: 27.877, 15: 37.697 } as const;

type Choices = ReadonlyMap<number, string>;

describe("the switch's choices among a service's endpoints", function () {
  this.timeout(60_000);
  let ovs: OvsRig;
  let control: Unixctl;

  before(async () => {
    ovs = await startPipelineRig("choices");
    control = await openUnixctl(join(ovs.directory, "vswitchd.ctl"));
  });
  after(async () => {
    control?.close();
    await ovs?.close();
  });

  /** Which endpoint each of so many connections gets, by its source port, when these are there. */
  async function choose(endpoints: readonly string[], connections: number): Promise<Choices> {
    const pipeline = createPipeline(SETTINGS, ["test"]);
    pipeline.step(batch(SELF, port("pod10", 10, ["10.10.1.5"]), SERVICE, ...slices(endpoints)));
    const connection = await connectOpenFlow({ address: ovs.management(BRIDGE) });
    const reconciler = new FlowReconciler(pipeline.desired, silentLog);
    const work = { ...UNCHANGED_SWITCH, compare: true };
    assert.equal((await reconciler.apply(connection, work)).failed, 0);
    // What was written is what can be read back.
    assert.deepEqual(await reconciler.apply(connection, work), { modifications: 0, drift: 0, failed: 0 });
    connection.close();
    const choices = new Map<number, string>();
    for (let i = 0; i < connections; i++) {
      const packet = `${CLIENT},nw_dst=10.96.0.1,tcp_src=${FIRST_PORT + i},tcp_dst=80`;
      const text = await control.call("ofproto/trace", BRIDGE, packet);
      choices.set(i, /nat\(dst=([\d.]+):8080\)/.exec(text)?.[1] ?? "nowhere");
    }
    return choices;
  }

  it("are spread evenly: chi-squared of 10,000 connections over ten", async () => {
    const endpoints = addresses(10);
    const counts = countBy(await choose(endpoints, 10_000), (endpoint) => endpoint);
    assert.deepEqual([...counts.keys()].sort(), [...endpoints].sort());
    assert.ok(chiSquared(counts) < QUANTILE[9], `${chiSquared(counts)}: ${JSON.stringify([...counts])}`);
  });

  for (const [count, connections] of [
    [2, 2000],
    [3, 2000],
    [10, 5000],
    [100, 10_000],
  ] as const)
    it(`stay when one comes to ${count} or goes: only those that must move`, async () => {
      const [some, more] = [addresses(count), addresses(count + 1)];
      const [before, after] = [await choose(some, connections), await choose(more, connections)];
      const moved = [...before].filter(([connection, endpoint]) => after.get(connection) !== endpoint);
      for (const [connection] of moved) assert.equal(after.get(connection), more.at(-1));
      assert.ok(moved.length > 0 && moved.length <= (1.2 * connections) / (count + 1), `${moved.length} moved`);
      const without = await choose(some.slice(1), connections);
      const lost = [...before].filter(([connection, endpoint]) => without.get(connection) !== endpoint);
      for (const [, endpoint] of lost) assert.equal(endpoint, some[0]);
      assert.ok(lost.length > 0 && lost.length <= (1.2 * connections) / count, `${lost.length} moved`);
    });

  it("reach 5,000, evenly, and stay where nobody goes", async () => {
    const endpoints = addresses(5000);
    const before = await choose(endpoints, 10_000);
    const parts = countBy(before, (endpoint) => String(endpoints.indexOf(endpoint) % 16));
    assert.equal(parts.size, 16);
    assert.ok(chiSquared(parts) < QUANTILE[15], `${chiSquared(parts)}: ${JSON.stringify([...parts])}`);
    const each = countBy(before, (endpoint) => endpoint);
    assert.ok(!each.has("nowhere"));
    // Of as many as come by chance: 5000 * (1 - e^-2) = 4323.
    assert.ok(each.size > 4200, `${each.size} of them`);
    assert.ok(Math.max(...each.values()) <= 12, `${Math.max(...each.values())} to one`);
    const gone = new Set(endpoints.filter((_address, i) => i % 50 === 0));
    const after = await choose(
      endpoints.filter((address) => !gone.has(address)),
      10_000,
    );
    for (const [connection, endpoint] of before)
      if (!gone.has(endpoint)) assert.equal(after.get(connection), endpoint, `connection ${connection}`);
      else assert.ok(!gone.has(after.get(connection)!));
  });
});

function addresses(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `10.20.${i >> 8}.${i & 255}`);
}

/** As controllers write them: a hundred a slice. */
function slices(endpoints: readonly string[]): readonly RawChange[] {
  return Array.from({ length: Math.ceil(endpoints.length / 100) }, (_, i) => ({
    ...{ kind: "EndpointSlice", key: `shop/web-${i}` },
    object: {
      metadata: { labels: { "kubernetes.io/service-name": "web" } },
      ...{ addressType: "IPv4", ports: [{ port: 8080 }] },
      endpoints: endpoints.slice(i * 100, (i + 1) * 100).map((address) => ({ addresses: [address] })),
    },
  }));
}

function countBy(choices: Choices, keyOf: (endpoint: string) => string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const endpoint of choices.values()) counts.set(keyOf(endpoint), (counts.get(keyOf(endpoint)) ?? 0) + 1);
  return counts;
}

function chiSquared(counts: ReadonlyMap<string, number>): number {
  const values = [...counts.values()];
  const expected = values.reduce((sum, count) => sum + count, 0) / values.length;
  return values.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}
