import assert from "node:assert/strict";
import fc from "fast-check";
import { CT_MARK } from "#pipeline/layout/conntrack.ts";
import { FIRST_POLICY_METER } from "#pipeline/layout/meters.ts";
import { createPipeline } from "#pipeline/pipeline.ts";
import { createFakeSwitch } from "#test/support/fake-switch.ts";
import { clusterChanges, ground } from "./policy-clusters.ts";
import { enter, packetsOfCluster } from "./policy-packets.ts";
import { batch, SETTINGS } from "./samples.ts";

describe("policies with a rate", () => {
  it("have what begins a connection pass their meter, and nothing that goes on in one; it is the policy's own", function () {
    this.timeout(60_000);
    fc.assert(
      fc.property(clusterChanges, (changes) => {
        const pipeline = createPipeline(SETTINGS, ["test"]);
        pipeline.step(batch(...ground(), ...changes));
        const { desired, view } = pipeline;
        const fake = createFakeSwitch([...desired.flows.values()].map(({ flow }) => flow));
        const limits = new Map([...view.rules.all()].map(({ id, limit, policy }) => [id, { limit, policy }]));
        for (const packet of packetsOfCluster()) {
          const metersOf = (ct_mark: number) => {
            const { path, fields } = fake.run({ ...enter(packet), ct_mark });
            const ids = path.flatMap(({ actions }) =>
              actions.flatMap((one) => (one.type === "meter" ? one.meterId : [])),
            );
            return { ids, fields };
          };
          assert.deepEqual(metersOf(CT_MARK.known).ids, []);
          const { ids, fields } = metersOf(0);
          const decided = [fields.reg5, fields.reg6].flatMap((id) => limits.get(Number(id ?? 0)) ?? []);
          assert.deepEqual(
            ids,
            decided.flatMap(({ limit }) => limit?.meterId ?? []),
          );
          for (const id of ids) assert.ok(id >= FIRST_POLICY_METER && desired.meters.has(id));
        }
        const wanted = new Set([...view.rules.all()].flatMap(({ limit }) => limit?.meterId ?? []));
        const there = [...desired.meters.keys()].filter((id) => id >= FIRST_POLICY_METER);
        for (const id of there) assert.ok(wanted.has(id), "no meter without a rule");
      }),
      { numRuns: 25 },
    );
  });
});
