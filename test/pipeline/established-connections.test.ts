import assert from "node:assert/strict";
import fc from "fast-check";
import { STATE } from "#pipeline/features/vocabulary.ts";
import { CT_MARK } from "#pipeline/layout/conntrack.ts";
import { createPipeline } from "#pipeline/pipeline.ts";
import type { RawChange } from "#pipeline/source.ts";
import { createFakeSwitch } from "#test/support/fake-switch.ts";
import { findAmbiguity } from "./overlap.ts";
import { clusterChanges, ground } from "./policy-clusters.ts";
import { enter, hairpinsOfCluster, localPodAt, packetsOfCluster } from "./policy-packets.ts";
import { batch, SETTINGS } from "./samples.ts";

/** +est: see ovs-fields(7). */
const ESTABLISHED = STATE.trk | 2;
const UNANSWERED = STATE.trk | STATE.new;

function flowsOf(changes: readonly RawChange[], establishedConnections: "cut" | "keep") {
  const pipeline = createPipeline({ ...SETTINGS, establishedConnections }, ["test"]);
  pipeline.step(batch(...ground(), ...changes));
  return [...pipeline.desired.flows.values()].map(({ flow }) => flow);
}

function* packets() {
  for (const packet of packetsOfCluster())
    if ([packet.source, packet.destination].some((ip) => localPodAt(ip) !== undefined)) yield enter(packet);
}

describe("connections that are kept", () => {
  it("go on whatever policies say, and all others are asked as ever", function () {
    this.timeout(20_000);
    fc.assert(
      fc.property(clusterChanges, (changes) => {
        const [cut, keep] = (["cut", "keep"] as const).map((setting) => createFakeSwitch(flowsOf(changes, setting)));
        for (const packet of packets()) {
          for (const ct_state of [ESTABLISHED, UNANSWERED])
            assert.equal(keep!.run({ ...packet, ct_state, ct_mark: CT_MARK.known }).outputs.length, 1);
          for (const ct_mark of [0, CT_MARK.known | CT_MARK.denied])
            for (const ct_state of [UNANSWERED, ESTABLISHED, ESTABLISHED | STATE.rpl]) {
              const asked = { ...packet, ct_state, ct_mark };
              assert.deepEqual(keep!.run(asked).outputs, cut!.run(asked).outputs);
            }
        }
      }),
      { numRuns: 5 },
    );
  });

  it("go on by way of a service that leads back to the sender", () => {
    const closed: RawChange = {
      ...{ kind: "ClusterNetworkPolicy", key: "closed" },
      object: {
        metadata: { name: "closed" },
        spec: {
          ...{ tier: "Admin", priority: 0, subject: { namespaces: {} } },
          egress: [{ action: "Deny", to: [{ namespaces: {} }] }],
        },
      },
    };
    const [cut, keep] = (["cut", "keep"] as const).map((setting) => createFakeSwitch(flowsOf([closed], setting)));
    const own = [...hairpinsOfCluster()].filter(({ source }) => localPodAt(source) !== undefined);
    assert.ok(own.length > 0);
    for (const packet of own) {
      const known = { ...enter(packet), ct_state: ESTABLISHED | STATE.dnat, ct_mark: CT_MARK.known };
      assert.deepEqual([cut!.run(known).outputs.length, keep!.run(known).outputs.length], [0, 1]);
    }
  });

  it("are no matter of which flow is met", () => {
    fc.assert(
      fc.property(clusterChanges, (changes) => assert.equal(findAmbiguity(flowsOf(changes, "keep")), undefined)),
      { numRuns: 30 },
    );
  });
});
