import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { match } from "#openflow/match.ts";
import { formatFlow, formatMatch } from "#openflow/text/index.ts";
import { createPipeline } from "#pipeline/pipeline.ts";
import { clusterChanges, ground } from "#test/pipeline/policy-clusters.ts";
import { enter, packetsOfCluster } from "#test/pipeline/policy-packets.ts";
import { batch, SETTINGS } from "#test/pipeline/samples.ts";
import type { OvsRig } from "#test/rig/ovs.ts";
import { createFakeSwitch, type Fields } from "#test/support/fake-switch.ts";
import { BRIDGE, loadMeters, startPipelineRig } from "./pipeline-rig.ts";
import { trace } from "./trace.ts";

const CLUSTERS = 8;
const PACKETS = 40;
const SEED = 20_261_125;

describe("policies in the real tables", function () {
  this.timeout(60_000);
  let ovs: OvsRig;

  before(async () => {
    ovs = await startPipelineRig("ppol");
  });
  after(() => ovs?.close());

  it(`let ${PACKETS} packets of each of ${CLUSTERS} random clusters through, or not, as the fake switch does`, async () => {
    const clusters = fc.sample(clusterChanges, { seed: SEED, numRuns: CLUSTERS });
    for (const changes of clusters) {
      const pipeline = createPipeline(SETTINGS, ["test"]);
      pipeline.step(batch(...ground(), ...changes));
      const flows = [...pipeline.desired.flows.values()].map(({ flow }) => flow);
      const fake = createFakeSwitch(flows);
      const file = join(ovs.directory, "flows");
      await writeFile(file, flows.map((flow) => `${formatFlow(flow)}\n`).join(""));
      await ovs.ofctl("del-flows", ovs.management(BRIDGE));
      await loadMeters(ovs, pipeline.desired.meters.values());
      await ovs.ofctl("--bundle", "add-flows", ovs.management(BRIDGE), file);
      const all = [...packetsOfCluster()];
      const step = Math.floor(all.length / PACKETS);
      for (const packet of all.filter((_one, i) => i % step === 0)) {
        const fields = enter(packet);
        const { outputs } = fake.run(fields);
        const words = describePacket(fields);
        const { exit } = await trace(ovs, BRIDGE, words);
        assert.equal(exit !== "nowhere", outputs.length > 0, `${words}: ${exit}`);
      }
    }
  });
});

/** ofproto/trace takes tp_dst for TCP's alone. */
function describePacket(fields: Fields): string {
  const protocol = fields.nw_proto === 17 ? "udp" : fields.nw_proto === 132 ? "sctp" : "tcp";
  return formatMatch(match(fields)).replace("tp_dst", `${protocol}_dst`);
}
