import assert from "node:assert/strict";
import { addFlow } from "#controller/node/switch/flow-mods.ts";
import { connectOpenFlow, type OpenFlowConnection } from "#openflow/connection.ts";
import { type Flow, flowKey, sameFlow } from "#openflow/flow.ts";
import { formatFlow, parseFlow } from "#openflow/text/index.ts";
import { OvsRig } from "#test/rig/ovs.ts";
import { anyFlow } from "../openflow/arbitrary/flows.ts";
import { sample } from "../openflow/sample.ts";

const BRIDGE = "br0";

/** Flags that do not ask the switch to refuse or to forget: send_flow_rem, no_packet_counts, no_byte_counts. */
const LASTING_FLAGS = 0b11001;
const HIDDEN_TABLE = 254;
/** So that none expires while the test looks. */
const LONG = 60;

/** Whether any switch takes the flow: groups and tunnel options have to be made known first. */
function isSelfContained(flow: Flow): boolean {
  return flow.table !== HIDDEN_TABLE && !/group:|tun_metadata/.test(formatFlow(flow));
}

function lasting({ importance: _, flags = 0, idleTimeout = 0, hardTimeout = 0, ...flow }: Flow): Flow {
  return { ...flow, flags: flags & LASTING_FLAGS, idleTimeout: idleTimeout && LONG, hardTimeout: hardTimeout && LONG };
}

describe("Flows in ovs-vswitchd", () => {
  let ovs: OvsRig;
  let connection: OpenFlowConnection;
  const { values, seed } = sample(anyFlow, 2000);
  const flows = new Map(
    values
      .map(lasting)
      .filter(isSelfContained)
      .map((flow) => [flowKey(flow), flow]),
  );

  before(async function () {
    this.timeout(20_000);
    ovs = await OvsRig.start("offlows");
    await ovs.addBridge(BRIDGE);
    connection = await connectOpenFlow({ address: ovs.management(BRIDGE) });
    assert.deepEqual(
      await connection.transaction([...flows.values()].map(addFlow)),
      { committed: true },
      `seed ${seed}`,
    );
  });
  after(async () => {
    connection?.close();
    await ovs?.close();
  });

  it("come back as they were sent, so that a restart finds nothing to change", async () => {
    const held = new Map((await connection.dumpFlows()).map((flow) => [flowKey(flow), flow]));
    assert.equal(held.size, flows.size, `seed ${seed}`);
    for (const [key, flow] of flows) {
      const back = held.get(key);
      assert.ok(back !== undefined && sameFlow(flow, back), `${formatFlow(flow)} (seed ${seed})`);
    }
  });

  it("are printed by dump-flows as we print them, and read from there as they are", async () => {
    const printed = (await ovs.ofctl("dump-flows", ovs.management(BRIDGE), "--no-stats", "--no-names")).split("\n");
    const theirs = printed.map((line) => line.trim()).filter((line) => line.includes("actions="));
    assert.deepEqual(theirs.sort(), [...flows.values()].map((flow) => formatFlow(flow)).sort());
    for (const line of theirs) assert.ok(flows.has(flowKey(parseFlow(line))), line);
  });
});
