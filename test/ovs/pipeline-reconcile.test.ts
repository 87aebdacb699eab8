import assert from "node:assert/strict";
import { emptyDelta } from "#base/delta.ts";
import { silentLog } from "#base/log.ts";
import { FlowReconciler } from "#controller/node/switch/flow-reconciler.ts";
import { connectOpenFlow, type OpenFlowConnection } from "#openflow/connection.ts";
import { type Flow, flowKey } from "#openflow/flow.ts";
import { match } from "#openflow/match.ts";
import { formatFlow } from "#openflow/text/index.ts";
import type { SwitchWork } from "#pipeline/graph.ts";
import { TABLES } from "#pipeline/layout/tables.ts";
import { createPipeline, type Pipeline } from "#pipeline/pipeline.ts";
import type { RawChange } from "#pipeline/source.ts";
import { type DesiredFlow, type DesiredGroup, type DesiredMeter, UNCHANGED_SWITCH } from "#pipeline/switch-state.ts";
import { batch, gone, node, port, SETTINGS } from "#test/pipeline/samples.ts";
import type { OvsRig } from "#test/rig/ovs.ts";
import { BRIDGE, dumpFlows, startPipelineRig } from "./pipeline-rig.ts";

const COMPARE: SwitchWork = { ...UNCHANGED_SWITCH, compare: true };
const UNCHANGED = { modifications: 0, drift: 0, failed: 0 };

const self = node("n1", ["10.10.1.0/24", "fd10:10:1::/64"], ["172.18.0.1"]);
const peers = Array.from({ length: 20 }, (_, i) => node(`p${i}`, [`10.11.${i}.0/24`], [`172.19.0.${i + 1}`]));
const web = port("weir1", 10, ["10.10.1.5", "fd10:10:1::5"]);

describe("the reconciler and a real switch", function () {
  this.timeout(20_000);
  let ovs: OvsRig;
  let connection: OpenFlowConnection;
  let pipeline: Pipeline;
  let reconciler: FlowReconciler;
  let desired: Map<string, DesiredFlow>;
  let groups: Map<number, DesiredGroup>;
  let meters: Map<number, DesiredMeter>;

  before(async () => {
    ovs = await startPipelineRig("preconcile");
  });
  after(() => ovs?.close());
  beforeEach(async () => {
    await ovs.ofctl("del-flows", ovs.management(BRIDGE));
    pipeline = createPipeline(SETTINGS, ["test"]);
    pipeline.step(batch(self, ...peers, web));
    desired = new Map(pipeline.desired.flows);
    groups = new Map(pipeline.desired.groups);
    meters = new Map(pipeline.desired.meters);
    await start();
    await reconciler.apply(connection, COMPARE);
  });
  afterEach(() => connection?.close());

  /** As a new process does: it knows nothing of what the last one did. */
  async function start(): Promise<void> {
    connection?.close();
    connection = await connectOpenFlow({ address: ovs.management(BRIDGE) });
    reconciler = new FlowReconciler({ flows: desired, groups, meters }, silentLog);
  }

  /** A step of the pipeline, and its work for the switch. */
  function step(...changes: readonly RawChange[]): SwitchWork {
    const { flows, groups, meters } = pipeline.step(batch(...changes));
    desired.clear();
    for (const [key, value] of pipeline.desired.flows) desired.set(key, value);
    return { flows, groups, meters, compare: false };
  }

  async function assertInstalled(except: readonly string[] = []): Promise<void> {
    const wanted = [...desired].filter(([key]) => !except.includes(key)).map(([, { flow }]) => formatFlow(flow));
    assert.deepEqual(await dumpFlows(ovs), wanted.sort());
  }

  it("writes everything to an empty bridge", async () => {
    await ovs.ofctl("del-flows", ovs.management(BRIDGE));
    await start();
    const applied = await reconciler.apply(connection, COMPARE);
    assert.deepEqual(applied, { modifications: desired.size, drift: 0, failed: 0 });
    assert.equal(meters.size, 1);
    await assertInstalled();
    for (const key of desired.keys()) assert.equal(reconciler.status(key).state, "installed");
  });

  it("writes nothing when a new process finds what the last one left", async () => {
    await start();
    assert.deepEqual(await reconciler.apply(connection, COMPARE), UNCHANGED);
    for (const key of desired.keys()) assert.equal(reconciler.status(key).state, "installed");
  });

  it("writes nothing after a reconnect, nor when nothing has happened", async () => {
    assert.deepEqual(await reconciler.apply(connection, COMPARE), UNCHANGED);
    reconciler.forget();
    connection.close();
    connection = await connectOpenFlow({ address: ovs.management(BRIDGE) });
    assert.deepEqual(await reconciler.apply(connection, COMPARE), UNCHANGED);
  });

  it("puts a flow back that somebody removed, and counts it as drift", async () => {
    await ovs.ofctl("--strict", "del-flows", ovs.management(BRIDGE), "table=70,priority=400,ip,nw_dst=10.10.1.5");
    assert.deepEqual(await reconciler.apply(connection, COMPARE), { modifications: 1, drift: 1, failed: 0 });
    await assertInstalled();
  });

  it("removes a flow that is not ours, and counts it", async () => {
    await ovs.ofctl("add-flow", ovs.management(BRIDGE), "table=0,priority=65535,actions=NORMAL");
    await ovs.ofctl("add-flow", ovs.management(BRIDGE), "table=200,cookie=0x7,ip,nw_src=10.10.1.5,actions=drop");
    assert.deepEqual(await reconciler.apply(connection, COMPARE), { modifications: 2, drift: 2, failed: 0 });
    await assertInstalled();
  });

  it("mends a flow whose actions or cookie are others", async () => {
    const place = "table=70,priority=400,ip,nw_dst=10.10.1.5";
    await ovs.ofctl("--strict", "mod-flows", ovs.management(BRIDGE), `${place},actions=drop`);
    await ovs.ofctl("add-flow", ovs.management(BRIDGE), "cookie=0x5,table=10,priority=0,actions=drop");
    assert.deepEqual(await reconciler.apply(connection, COMPARE), { modifications: 2, drift: 2, failed: 0 });
    await assertInstalled();
  });

  it("has fragments matched with their ports again when somebody or a restart has undone it", async () => {
    assert.match(await ovs.ofctl("get-frags", ovs.management(BRIDGE)), /nx-match/);
    await ovs.ofctl("set-frags", ovs.management(BRIDGE), "normal");
    assert.deepEqual(await reconciler.apply(connection, COMPARE), UNCHANGED);
    assert.match(await ovs.ofctl("get-frags", ovs.management(BRIDGE)), /nx-match/);
  });

  it("follows changes without reading anything back", async () => {
    const ofKey = (key: string) => pipeline.engine.contributionsOf(key).length;
    const ofWeb = ofKey("pods/weir1") + ofKey("services/port weir1");
    const renumbered = node("p3", ["10.11.77.0/24"], ["172.19.0.4"]);
    const applied = await reconciler.apply(connection, step(gone(web), renumbered));
    assert.deepEqual(applied, { ...UNCHANGED, modifications: ofWeb + 2 });
    await assertInstalled();
    assert.deepEqual(await reconciler.apply(connection, COMPARE), UNCHANGED);
  });

  it("marks a flow that the switch refuses, and installs the others", async () => {
    const refused = addDesired({ type: "goto_table", table: TABLES.Classify.id });
    const work = step(port("weir2", 11, ["10.10.1.6"]));
    desired.set(refused.key, refused.desired);
    const added = new Map([...work.flows.added, [refused.key, refused.desired]]);
    const applied = await reconciler.apply(connection, { ...work, flows: { ...work.flows, added } });
    assert.deepEqual(applied, { modifications: added.size - 1, drift: 0, failed: 1 });
    await assertInstalled([refused.key]);

    const status = reconciler.status(refused.key);
    assert.equal(status.state, "failed");
    assert.match(status.state === "failed" ? status.why : "", /OFPBIC_BAD_TABLE_ID|OFPBRC_BAD_TABLE_ID/);
    assert.equal(reconciler.failedCount, 1);
    for (const key of work.flows.added.keys()) assert.equal(reconciler.status(key).state, "installed");

    desired.delete(refused.key);
    const removed = new Map([[refused.key, refused.desired]]);
    await reconciler.apply(connection, { ...UNCHANGED_SWITCH, flows: { ...emptyDelta(), removed }, compare: false });
    assert.equal(reconciler.failedCount, 0);
    await assertInstalled();
  });

  it("marks a flow that OpenFlow cannot say, and installs the others", async () => {
    const unsayable = addDesired({ type: "goto_table", table: 300 });
    const work = step(port("weir2", 11, ["10.10.1.6"]));
    desired.set(unsayable.key, unsayable.desired);
    const added = new Map([...work.flows.added, [unsayable.key, unsayable.desired]]);
    const applied = await reconciler.apply(connection, { ...work, flows: { ...work.flows, added } });
    assert.deepEqual(applied, { modifications: added.size - 1, drift: 0, failed: 1 });
    await assertInstalled([unsayable.key]);
    const status = reconciler.status(unsayable.key);
    assert.match(status.state === "failed" ? status.why : "", /300 is no unsigned number of 8 bits/);
  });

  it("finds each of several that are refused", async () => {
    const all = Array.from({ length: 12 }, (_, i) => addDesired({ type: "goto_table", table: 0 }, i + 1));
    for (const one of all) desired.set(one.key, one.desired);
    assert.deepEqual(await reconciler.apply(connection, COMPARE), { ...UNCHANGED, failed: 12 });
    await assertInstalled(all.map(({ key }) => key));
  });

  function addDesired(action: Flow["actions"][number], index = 0): { key: string; desired: DesiredFlow } {
    const spec = { eth_type: 0x800, ip_dst: 0x0b000000 + index };
    const flow: Flow = { table: TABLES.Route.id, priority: 400, match: match(spec), actions: [action], cookie: 1n };
    return { key: flowKey(flow), desired: { flow, site: "base/local", owners: [{ kind: "Weir", name: "test" }] } };
  }
});
