import { setTimeout as sleep } from "node:timers/promises";
import { connectOpenFlow, type OpenFlowConnection } from "#openflow/connection.ts";
import { OFPG_ALL } from "#openflow/messages/groups.ts";
import { TABLES } from "#pipeline/layout/tables.ts";
import { createServices, moveEndpoint } from "#test/support/service-objects.ts";
import type { Bench, BenchContext, Row } from "./bench.ts";
import { command, readProcess } from "./command.ts";
import { type PolicyRig, startPolicyRig } from "./policy-rig.ts";

const FEW = 1000;
const MANY = 10_000;
const STARTS = { few: 5, many: 2 };
const CHANGES = 40;
const WARM_UP = 5;
const PATIENCE = 20_000;
/** Milliseconds, after which nothing comes of a change any more. */
const REST = 20;
/** The bit of OFPRFR_GROUP_MOD. */
const GROUP_MODS = 1;

/** As Antrea's own benchmark has them: each service has ten endpoints. */
export const bench: Bench = {
  name: "services",
  about: "a thousand services and ten thousand, of ten endpoints each: live, one change, and from a cold start",
  async run(context) {
    const rig = await startPolicyRig(context, 1);
    const connection = await connectOpenFlow({ address: managementOf(rig) });
    context.defer(() => connection.close());
    const live = await measureLive(context, rig, connection);
    const few = await measureStarts(context, rig, connection, FEW, STARTS.few);
    context.say(`${MANY - FEW} services more`);
    await createServices(rig.kube, FEW, MANY);
    const many = await measureStarts(context, rig, connection, MANY, STARTS.many);
    return [...live, ...fewRows(few), ...manyRows(few, many)];
  },
};

interface Starts {
  readonly seconds: number[];
  readonly megabytes: number[];
  readonly cpu: number[];
  readonly flows: number[];
  readonly groups: number[];
}

async function measureStarts(
  context: BenchContext,
  rig: PolicyRig,
  connection: OpenFlowConnection,
  services: number,
  starts: number,
): Promise<Starts> {
  context.say(`${starts} starts with ${services} services on a switch without flows`);
  const values: Starts = { seconds: [], megabytes: [], cpu: [], flows: [], groups: [] };
  for (let i = 0; i < starts; i++) {
    for (const table of ["flows", "groups"])
      await command(["ovs-ofctl", "-O", "OpenFlow15", `del-${table}`, managementOf(rig)]);
    const started = performance.now();
    const node = await rig.start();
    // Ready is a node by what an earlier process remembered, too.
    await until(async () => (await countGroups(connection)) === services);
    values.seconds.push((performance.now() - started) / 1000);
    const { peakMegabytes, cpuSeconds } = await readProcess(node.pid);
    values.megabytes.push(peakMegabytes);
    values.cpu.push(cpuSeconds);
    values.flows.push(await countFlows(connection));
    values.groups.push(await countGroups(connection));
    await node.stop();
  }
  return values;
}

function fewRows({ seconds, megabytes, cpu, flows, groups }: Starts): Row[] {
  return [
    row(`${FEW} services of 10 endpoints: flows`, "count", flows, 11_095),
    row("  groups", "count", groups, 1006),
    row("  cold start, exec to all programmed", "s", seconds, 1.2),
    row("  most resident memory", "MB", megabytes, 110),
    row("  processor time until then", "s", cpu, 0.8),
  ];
}

/** Beside the thousand: ten times as many take no more than ten times as much. */
function manyRows(few: Starts, many: Starts): Row[] {
  const beside = (values: readonly number[]) => ({ of: `${FEW} services`, values });
  return [
    row(`${MANY} services of 10: cold start`, "s", many.seconds, 4),
    { ...row("  the same", "s", many.seconds), anchor: beside(few.seconds), target: { of: "ratio", atMost: 10 } },
    {
      ...row("  most resident memory", "MB", many.megabytes),
      anchor: beside(few.megabytes),
      target: { of: "ratio", atMost: 10 },
    },
    { ...row("  processor time", "s", many.cpu), anchor: beside(few.cpu), target: { of: "ratio", atMost: 10 } },
  ];
}

async function measureLive(context: BenchContext, rig: PolicyRig, connection: OpenFlowConnection): Promise<Row[]> {
  const node = await rig.start();
  context.say(`${FEW} services while the node runs`);
  const before = await countFlows(connection, TABLES.Service.id);
  await createServices(rig.kube, 0, FEW);
  const taken = performance.now();
  await until(async () => (await countFlows(connection, TABLES.Service.id)) === before + FEW);
  const last = (performance.now() - taken) / 1000;
  const rows = await measureChanges(context, rig);
  await node.stop();
  return [row(`last of ${FEW} services, from the API server's answer to the switch`, "s", [last], 0.2), ...rows];
}

/** The switch tells of every group that is modified, at once. */
async function measureChanges(context: BenchContext, rig: PolicyRig): Promise<Row[]> {
  context.say(`${CHANGES} endpoints become others`);
  let modified: number[] = [];
  const connection = await connectOpenFlow({
    address: managementOf(rig),
    onMessage: (message) => message.type === "requestforward" && modified.push(performance.now()),
  });
  context.defer(() => connection.close());
  await connection.sendAll([{ type: "set_async", properties: { requestforwardPrimary: GROUP_MODS } }]);
  const latency: number[] = [];
  const calls: number[] = [];
  const counts: number[] = [];
  for (let round = 0; round < WARM_UP + CHANGES; round++) {
    modified = [];
    const began = performance.now();
    await moveEndpoint(rig.kube, round, round);
    const answered = performance.now();
    await until(async () => modified.length > 0);
    await sleep(REST);
    if (round < WARM_UP) continue;
    latency.push(modified[0]! - began);
    calls.push(answered - began);
    counts.push(modified.length);
  }
  return [
    {
      ...row("one endpoint's change, from the call to the switch", "ms", latency, 5),
      anchor: { of: "the API server's answer", values: calls },
    },
    row("  groups modified", "count", counts, 1),
  ];
}

function managementOf({ machine }: PolicyRig): string {
  return `unix:${machine.ovsDirectory}/br-weir.mgmt`;
}

async function countFlows(connection: OpenFlowConnection, table = 0xff): Promise<number> {
  const any = { outPort: 0xffff_ffff, outGroup: 0xffff_ffff, cookie: 0n, cookieMask: 0n, match: [] };
  const stats = await connection.multipart("aggregate_stats", { table, ...any });
  return stats.flows ?? 0;
}

async function countGroups(connection: OpenFlowConnection): Promise<number> {
  return (await connection.multipart("group_desc", { groupId: OFPG_ALL })).length;
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error("the switch does not come to it");
    await sleep(1);
  }
}

function row(what: string, unit: Row["unit"], values: readonly number[], atMost?: number): Row {
  return {
    ...{ what, unit, weir: { of: "weir-node", values } },
    ...(atMost !== undefined && { target: { of: "value", atMost } }),
  };
}
