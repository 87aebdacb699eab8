import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { type CniCall, callCni } from "../demo/cni.ts";
import type { Fabric } from "../demo/fabric.ts";
import type { WeirNode } from "../demo/weir-node.ts";
import type { Bench, BenchContext, Row } from "./bench.ts";
import { addAlpha, buildBundle, startBundle } from "./bundled-node.ts";
import { makeFabric } from "./lab.ts";

const exec = promisify(execFile);
const EXECUTABLE = join(import.meta.dirname, "..", "dist", "weir-cni");
const ROUNDS = 100;
const AT_ONCE = 30;
const BURSTS = 5;

/** Pods plugged in and out through the real executable and the real node process: ADD returns behind the flows' barrier. */
export const bench: Bench = {
  name: "cni",
  about: "CNI ADD and DEL from exec to exit, flows confirmed, IPv4 and IPv6: one after the other, and thirty at once",
  run,
};

async function run(context: BenchContext): Promise<readonly Row[]> {
  await buildBundle();
  const fabric = await makeFabric(context);
  const alpha = await addAlpha(fabric);
  const node = await startBundle(alpha);
  context.defer(() => node.stop());
  await node.whenReady(20_000);
  const single = await measureSingle(context, fabric, node, alpha.netns);
  const { adds, deletes } = await measureBursts(context, fabric, node);
  return [
    ...single,
    row(`${AT_ONCE} CNI ADD at once`, adds, 200),
    { what: `${AT_ONCE} CNI DEL at once`, unit: "ms", weir: { of: "weir", values: deletes } },
  ];
}

async function measureSingle({ say }: BenchContext, fabric: Fabric, node: WeirNode, netns: string): Promise<Row[]> {
  say(`${ROUNDS} ADD and DEL, one after the other`);
  const ip = (...argv: string[]) => exec("ip", ["-n", netns, ...argv]);
  const adds: number[] = [];
  const deletes: number[] = [];
  const veths: number[] = [];
  const removals: number[] = [];
  const pod = await fabric.addNamespace("pod");
  for (let round = -5; round < ROUNDS; round++) {
    const call = callOf(node, pod, `single-${round}`);
    const added = await timed(() => callCni("ADD", call));
    const deleted = await timed(() => callCni("DEL", call));
    const made = await timed(() => ip("link", "add", "anchor0", "type", "veth", "peer", "name", "anchor1"));
    // In use, as a pod's is: the kernel waits longer for one that was up.
    for (const end of ["anchor0", "anchor1"]) await ip("link", "set", end, "up");
    const removed = await timed(() => ip("link", "del", "anchor0"));
    if (round < 0) continue;
    adds.push(added);
    deletes.push(deleted);
    veths.push(made);
    removals.push(removed);
  }
  return [
    row("CNI ADD", adds, 9, { of: "ip link add type veth", values: veths }),
    row("CNI DEL", deletes, 14, { of: "ip link del", values: removals }),
  ];
}

async function measureBursts({ say }: BenchContext, fabric: Fabric, node: WeirNode) {
  say(`${AT_ONCE} at once, ${BURSTS} times`);
  const adds: number[] = [];
  const deletes: number[] = [];
  const pods = await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => fabric.addNamespace(`pod${i}`)));
  for (let round = 0; round < BURSTS; round++) {
    const calls = pods.map((pod) => callOf(node, pod, `burst-${round}-${pod}`));
    adds.push(await timed(() => Promise.all(calls.map((call) => callCni("ADD", call)))));
    deletes.push(await timed(() => Promise.all(calls.map((call) => callCni("DEL", call)))));
  }
  return { adds, deletes };
}

function callOf({ paths }: WeirNode, netns: string, name: string): CniCall {
  return {
    ...{ executable: EXECUTABLE, conflist: paths.conflist, socket: paths.cniSocket },
    ...{ containerId: name, netns: `/run/netns/${netns}`, pod: { namespace: "default", name, uid: "" } },
  };
}

function row(what: string, values: readonly number[], atMost: number, anchor?: Row["anchor"]): Row {
  const target = { of: "value", atMost } as const;
  return { what, unit: "ms", weir: { of: "weir", values }, target, ...(anchor === undefined ? {} : { anchor }) };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}
