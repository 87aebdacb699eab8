import assert from "node:assert/strict";
import { createPolicyCluster, everything } from "#test/support/policy-cluster.ts";
import type { PolicyFabric } from "#test/support/policy-fabric.ts";
import { drawCluster } from "#test/support/policy-lots.ts";
import { findFaults, isAllowed, sendProbes } from "#test/support/policy-probes.ts";
import { everythingThroughServices, serviceObjects } from "#test/support/policy-services.ts";
import { createRandom } from "#test/support/random.ts";
import { until } from "../watch/until.ts";

const SEED = Number(process.env["SEED"] ?? 20_261_126);
const ROUNDS = Number(process.env["ROUNDS"] ?? 60);

describe("policies of both kinds, drawn by lot", function () {
  this.timeout(120_000);
  let fabric: PolicyFabric;
  before(async () => {
    fabric = await createPolicyCluster("polrnd");
    fabric.put(...serviceObjects(fabric));
    await fabric.commit();
    // The nodes' own routes to services come a moment later.
    await until(async () =>
      (await sendProbes(fabric, everythingThroughServices())).every(({ arrived }) => arrived === 1),
    );
  });
  after(() => fabric?.close());

  it(`let pass what the evaluator lets pass, to pods and to services (SEED=${SEED}, ROUNDS=${ROUNDS})`, async () => {
    const random = createRandom(SEED);
    const probes = [...everything(), ...everythingThroughServices()];
    const count = { all: 0, allowed: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const policies = drawCluster(fabric, random);
      await fabric.commit();
      const faults = await findFaults(fabric, probes);
      const drawn = policies.map(({ kind, metadata, ["spec"]: spec }) => JSON.stringify([kind, metadata.name, spec]));
      assert.deepEqual(faults, [], `round ${round}:\n${drawn.join("\n")}`);
      count.all += probes.length;
      count.allowed += probes.filter((probe) => isAllowed(fabric, probe)).length;
    }
    // Neither is rare: the lot says something.
    assert.ok(count.allowed > count.all / 5 && count.allowed < (4 * count.all) / 5, JSON.stringify(count));
  });
});
