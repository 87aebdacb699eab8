import assert from "node:assert/strict";
import { diffMaps } from "#base/delta.ts";
import { silentLog } from "#base/log.ts";
import { FlowReconciler } from "#controller/node/switch/flow-reconciler.ts";
import type { Action } from "#openflow/actions.ts";
import { connectOpenFlow, type OpenFlowConnection } from "#openflow/connection.ts";
import { type Flow, flowKey, type Group, METER_FLAGS, type Meter } from "#openflow/flow.ts";
import { match } from "#openflow/match.ts";
import type { SwitchWork } from "#pipeline/graph.ts";
import type { DesiredFlow, DesiredGroup, DesiredMeter } from "#pipeline/switch-state.ts";
import { isSameFlow, isSameGroup, isSameMeter, UNCHANGED_SWITCH } from "#pipeline/switch-state.ts";
import type { OvsRig } from "#test/rig/ovs.ts";
import { BRIDGE, dumpFlows, startPipelineRig } from "./pipeline-rig.ts";

const REASONS = { site: "base/local", owners: [{ kind: "Weir", name: "test" }] } as const;
const COMPARE: SwitchWork = { ...UNCHANGED_SWITCH, compare: true };
const PKTPS = METER_FLAGS.pktps | METER_FLAGS.burst | METER_FLAGS.stats;

function meter(meterId: number, rate: number): Meter {
  return { meterId, flags: PKTPS, bands: [{ type: "drop", rate, burst: rate }] };
}

function group(groupId: number, ...weights: readonly number[]): Group {
  const buckets = weights.map((weight, id) => ({
    ...{ id, weight },
    actions: [{ type: "output", port: 10 + id }] as readonly Action[],
  }));
  const fields = match({ ip_src: [0xffff_ffff, 0xffff_ffff] }).map(({ mask: _, ...term }) => term);
  return { groupId, type: "select", buckets, selection: { method: "hash", parameter: 0n, fields } };
}

function flow(index: number, ...actions: readonly Action[]): Flow {
  return {
    table: 70,
    priority: 400,
    match: match({ eth_type: 0x800, ip_dst: 0x0b000000 + index }),
    actions,
    cookie: 7n,
  };
}

describe("groups and meters in a real switch", function () {
  this.timeout(20_000);
  let ovs: OvsRig;
  let connection: OpenFlowConnection;
  let reconciler: FlowReconciler;
  const flows = new Map<string, DesiredFlow>();
  const groups = new Map<number, DesiredGroup>();
  const meters = new Map<number, DesiredMeter>();

  before(async () => {
    ovs = await startPipelineRig("pmeter");
  });
  after(() => ovs?.close());
  beforeEach(async () => {
    for (const table of ["flows", "groups", "meters"])
      await ovs.ofctl("-O", "OpenFlow15", `del-${table}`, ovs.management(BRIDGE));
    for (const desired of [flows, groups, meters]) desired.clear();
    want(meter(1, 100), meter(7, 5));
    want(group(3, 1, 2), {
      groupId: 4,
      type: "all",
      buckets: [{ id: 0, actions: [{ type: "output", port: 11 }] }],
    });
    want(flow(1, { type: "group", groupId: 3 }), flow(2, { type: "controller", maxLength: 128, meterId: 1 }));
    want(flow(3, { type: "meter", meterId: 7 }, { type: "group", groupId: 4 }));
    await start();
    assert.deepEqual(await reconciler.apply(connection, COMPARE), { modifications: 7, drift: 0, failed: 0 });
  });
  afterEach(() => connection?.close());

  async function start(): Promise<void> {
    connection?.close();
    connection = await connectOpenFlow({ address: ovs.management(BRIDGE) });
    reconciler = new FlowReconciler({ flows, groups, meters }, silentLog);
  }
  function want(...entries: readonly (Flow | Group | Meter)[]): void {
    for (const entry of entries)
      if ("meterId" in entry) meters.set(entry.meterId, { meter: entry, ...REASONS });
      else if ("groupId" in entry) groups.set(entry.groupId, { group: entry, ...REASONS });
      else flows.set(flowKey(entry), { flow: entry, ...REASONS });
  }
  /** What leads from what was wanted to what `change` makes of it, as a step of the pipeline would tell. */
  function step(change: () => void): SwitchWork {
    const before = { flows: new Map(flows), groups: new Map(groups), meters: new Map(meters) };
    change();
    return {
      flows: diffMaps(before.flows, flows, isSameFlow),
      groups: diffMaps(before.groups, groups, isSameGroup),
      meters: diffMaps(before.meters, meters, isSameMeter),
      compare: false,
    };
  }
  async function held(table: "groups" | "meters"): Promise<number[]> {
    const text = await ovs.ofctl("-O", "OpenFlow15", `dump-${table}`, ovs.management(BRIDGE));
    return [...text.matchAll(/^ *(?:group_id|meter)=(\d+)/gm)].map(([, id]) => Number(id)).sort((a, b) => a - b);
  }

  it("are written before the flows that name them, and found as they were by a new process", async () => {
    assert.equal((await dumpFlows(ovs)).length, 3);
    assert.deepEqual(
      [await held("groups"), await held("meters")],
      [
        [3, 4],
        [1, 7],
      ],
    );
    await start();
    assert.deepEqual(await reconciler.apply(connection, COMPARE), { modifications: 0, drift: 0, failed: 0 });
  });

  it("hold buckets without weight as they are, and find them so", async () => {
    await reconciler.apply(
      connection,
      step(() => want(group(5, 0, 1))),
    );
    await start();
    assert.deepEqual(await reconciler.apply(connection, COMPARE), { modifications: 0, drift: 0, failed: 0 });
    assert.deepEqual(await held("groups"), [3, 4, 5]);
  });

  it("go behind the flows that named them, and those that stay become what is wanted", async () => {
    const work = step(() => {
      for (const index of [1, 3]) flows.delete(flowKey(flow(index)));
      groups.delete(3);
      meters.delete(7);
      want(meter(1, 50), { ...group(4, 1), type: "select" }, group(5, 1), flow(4, { type: "group", groupId: 5 }));
    });
    assert.deepEqual(await reconciler.apply(connection, work), { modifications: 8, drift: 0, failed: 0 });
    assert.deepEqual([await held("groups"), await held("meters")], [[4, 5], [1]]);
    assert.equal((await dumpFlows(ovs)).length, 2);
    assert.deepEqual(await reconciler.apply(connection, COMPARE), { modifications: 0, drift: 0, failed: 0 });
  });

  it("that somebody changed or added are as they should be after a comparison, which counts them", async () => {
    const mod = (command: string, text: string) => ovs.ofctl("-O", "OpenFlow15", command, ovs.management(BRIDGE), text);
    await mod("mod-meter", "meter=7,pktps,burst,stats,bands=type=drop,rate=9,burst_size=9");
    await mod("add-meter", "meter=8,pktps,bands=type=drop,rate=9");
    await mod("mod-group", "group_id=4,type=all,bucket=actions=drop");
    await mod("add-group", "group_id=9,type=all,bucket=actions=drop");
    assert.deepEqual(await reconciler.apply(connection, COMPARE), { modifications: 4, drift: 4, failed: 0 });
    assert.deepEqual(
      [await held("groups"), await held("meters")],
      [
        [3, 4],
        [1, 7],
      ],
    );
    assert.deepEqual(await reconciler.apply(connection, COMPARE), { modifications: 0, drift: 0, failed: 0 });
  });

  it("that somebody removed come back, and so do the flows that named them", async () => {
    const remove = (table: string, text: string) => ovs.ofctl("-O", "OpenFlow15", table, ovs.management(BRIDGE), text);
    await remove("del-meter", "meter=1");
    await remove("del-groups", "group_id=3");
    const { modifications, failed } = await reconciler.apply(connection, COMPARE);
    assert.deepEqual({ modifications, failed }, { modifications: 4, failed: 0 });
    assert.equal((await dumpFlows(ovs)).length, 3);
    assert.deepEqual(
      [await held("groups"), await held("meters")],
      [
        [3, 4],
        [1, 7],
      ],
    );
    assert.deepEqual(await reconciler.apply(connection, COMPARE), { modifications: 0, drift: 0, failed: 0 });
  });

  it("that the switch refuses are marked with the flows that name them, and all else goes in", async () => {
    const nowhere = flow(5, { type: "group", groupId: 6 });
    const unmetered = flow(6, { type: "meter", meterId: 8 });
    const work = step(() => {
      want({ meterId: 8, flags: 0x4000, bands: [] }, nowhere, unmetered);
      want({ groupId: 6, type: "indirect", buckets: [] });
      want(meter(9, 10), group(10, 1), flow(7, { type: "meter", meterId: 9 }, { type: "group", groupId: 10 }));
    });
    const { modifications, failed } = await reconciler.apply(connection, work);
    assert.deepEqual({ modifications, failed }, { modifications: 3, failed: 4 });
    assert.deepEqual(
      [await held("groups"), await held("meters")],
      [
        [3, 4, 10],
        [1, 7, 9],
      ],
    );
    for (const refused of [nowhere, unmetered]) assert.equal(reconciler.status(flowKey(refused)).state, "failed");
    const back = step(() => {
      for (const refused of [nowhere, unmetered]) flows.delete(flowKey(refused));
      groups.delete(6);
      meters.delete(8);
    });
    assert.deepEqual(await reconciler.apply(connection, back), { modifications: 0, drift: 0, failed: 0 });
  });
});
