import assert from "node:assert/strict";
import { ingest } from "#pipeline/ingest/ingest.ts";
import { changeSomething } from "#test/support/policy-churn.ts";
import { createPolicyCluster, everything, policy } from "#test/support/policy-cluster.ts";
import type { Manifest, PolicyFabric } from "#test/support/policy-fabric.ts";
import { FEATURES } from "#test/support/policy-features.ts";
import { malformedSpecs } from "#test/support/policy-malformed.ts";
import {
  describe as describeProbe,
  findFaults,
  isAllowed,
  judge,
  type Probe,
  sendProbes,
} from "#test/support/policy-probes.ts";
import { createRandom } from "#test/support/random.ts";
import { weirctl } from "../cli/run.ts";

const SEED = Number(process.env["SEED"] ?? 20_261_125);
const STEPS = 200;
const CHANGES = 20;
/** As many commits back a node may be. */
const WINDOW = 20;

/** Which commits are in force on a node: each opens one port of the beacons. */
function ticks(node: string, last: number): readonly Probe[] {
  const from = node === "n1" ? "n2" : "n1";
  const ports = Array.from({ length: WINDOW }, (_, i) => last - i);
  return ports.map((port) => ({ from, to: `beacon/${node}`, family: 4, protocol: "udp", port }));
}

describe("policies of either kind under a cluster that does not rest", function () {
  this.timeout(90_000);
  let fabric: PolicyFabric;
  before(async () => {
    fabric = await createPolicyCluster("polchurn");
  });
  after(() => fabric?.close());

  const probes = everything();
  const verdicts = () => probes.map((probe) => judge(fabric, probe));
  const placeOf = (end: string): string => fabric.pods.get(end)?.node ?? "n1";

  it(`judge every packet by the rules of before or of after (SEED=${SEED}, ${STEPS} x ${CHANGES} changes)`, async () => {
    const random = createRandom(SEED);
    const history = new Map([[fabric.tick, verdicts()]]);
    /**
     * The least that is in force on each node, and what was so at the end of the last round: what the tables hold, the switch's
     * cache of its decisions follows some milliseconds later, and has a round for it.
     */
    const oldest = new Map([...fabric.nodes.keys()].map((node) => [node, fabric.tick]));
    const seen = new Map(oldest);
    const count = { all: 0, certain: 0 };
    for (let step = 0; step < STEPS; step++) {
      changeSomething(fabric, random, CHANGES);
      await fabric.write();
      history.set(fabric.tick, verdicts());
      const clocks = [...ticks("n1", fabric.tick), ...ticks("n2", fabric.tick)];
      const outcomes = await sendProbes(fabric, [...probes, ...clocks]);
      // Each node takes changes over in its own time: a packet may meet the rules of one on its way out and of another on its way in.
      const since = (node: string) =>
        [...history].filter(([tick]) => tick >= oldest.get(node)!).map(([, then]) => then);
      for (const [i, { probe, arrived }] of outcomes.slice(0, probes.length).entries()) {
        const leaves = new Set(since(placeOf(probe.from)).map((then) => then[i]!.leaves));
        const enters = new Set(since(placeOf(probe.to)).map((then) => then[i]!.enters));
        const mayPass = leaves.has(true) && enters.has(true);
        const mayEnd = leaves.has(false) || enters.has(false);
        const what = `step ${step}: ${describeProbe(probe)} ${arrived > 0 ? "passed" : "was dropped"}`;
        assert.ok(arrived > 0 ? mayPass : mayEnd, what);
        count.all++;
        if (!mayPass || !mayEnd) count.certain++;
      }
      for (const [node, tick] of seen) oldest.set(node, tick);
      for (const { probe, arrived } of outcomes.slice(probes.length)) {
        const node = placeOf(probe.to);
        if (arrived > 0) seen.set(node, Math.max(seen.get(node)!, probe.port));
      }
      const last = Math.min(...oldest.values());
      for (const tick of history.keys()) if (tick < last) history.delete(tick);
    }
    // How many there are depends on how far the nodes lag behind; the test says something as long as there are enough.
    assert.ok(count.certain > count.all / 10, `${count.certain} of ${count.all} could have been one thing only`);
    await fabric.commit();
    assert.deepEqual(await findFaults(fabric, probes), []);
  });

  it(`of which hundreds are malformed: those beside them hold, what is wrong is told, and nothing opens (SEED=${SEED})`, async () => {
    fabric.remove(...fabric.of("ClusterNetworkPolicy"));
    fabric.remove(...fabric.of("NetworkPolicy").filter(({ metadata }) => metadata.namespace !== "beacon"));
    const good = Object.values(FEATURES).slice(7, 12);
    fabric.put(...good.flatMap((spec, i) => [policy(`a/good-${i}`, spec), policy(`b/good-${i}`, spec)]));
    await fabric.write();
    const before = probes.map((probe) => isAllowed(fabric, probe));
    const broken = malformedSpecs(500, createRandom(SEED))
      .map((spec, i) => policy(`${i % 2 === 0 ? "a" : "b"}/bad-${i}`, spec))
      .filter(isMalformed);
    assert.ok(broken.length > 300, `${broken.length}`);
    fabric.put(...broken);
    await fabric.commit();
    const outcomes = await sendProbes(fabric, probes);
    for (const [i, { probe, arrived }] of outcomes.entries())
      assert.ok(arrived === 0 || before[i], describeProbe(probe));
    assert.deepEqual(await findFaults(fabric, probes), []);
    const { controlSocket } = fabric.node("n1").weir.paths;
    const { out } = await weirctl(["get", "problems", "-o", "json", "--socket", controlSocket]);
    const told = new Set(JSON.parse(out).map(({ object }: { object: string }) => object));
    const untold = broken.map(({ metadata }) => `NetworkPolicy ${metadata.namespace}/${metadata.name}`);
    assert.deepEqual(
      untold.filter((object) => !told.has(object)),
      [],
    );
  });
});

/** Whatever the lot has put there may be right by chance. */
function isMalformed(object: Manifest): boolean {
  const key = `${object.metadata.namespace}/${object.metadata.name}`;
  return ingest("test", { kind: "NetworkPolicy", key, object }).problems.length > 0;
}
