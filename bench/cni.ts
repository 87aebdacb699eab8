import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { CniRig } from "../test/ovs/cni-rig.ts";
import type { Bench, BenchContext, Row } from "./bench.ts";

const exec = promisify(execFile);
const ROUNDS = 100;
const AT_ONCE = 30;

/** Pods plugged in and out through the real executable; the switch is real, flows are not part of it. */
export const bench: Bench = {
  name: "cni",
  about: "CNI ADD and DEL from exec to exit: one after the other, and thirty at once",
  run,
};

async function run({ say, defer }: BenchContext): Promise<readonly Row[]> {
  const rig = await CniRig.create("bcni");
  defer(() => rig.close());
  await rig.startNode("10.10.1.0/24,fd10:1::/64");
  say(`${ROUNDS} ADD and DEL, one after the other`);
  const adds: number[] = [];
  const deletes: number[] = [];
  const veths: number[] = [];
  const removals: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const pod = `s${round}`;
    await rig.addPod(pod);
    adds.push(await timed(() => succeed(rig, "ADD", pod)));
    deletes.push(await timed(() => succeed(rig, "DEL", pod)));
    veths.push(await timed(() => exec("ip", ["link", "add", "anchor0", "type", "veth", "peer", "name", "anchor1"])));
    // In use, as a pod's is: the kernel waits longer for one that was up.
    for (const end of ["anchor0", "anchor1"]) await exec("ip", ["link", "set", end, "up"]);
    removals.push(await timed(() => exec("ip", ["link", "del", "anchor0"])));
    await rig.removePod(pod);
  }
  say(`${AT_ONCE} at once`);
  const bursts: number[] = [];
  for (let round = 0; round < 3; round++) {
    const pods = Array.from({ length: AT_ONCE }, (_, i) => `p${round}-${i}`);
    for (const pod of pods) await rig.addPod(pod);
    bursts.push(await timed(() => Promise.all(pods.map((pod) => succeed(rig, "ADD", pod)))));
    await Promise.all(pods.map((pod) => succeed(rig, "DEL", pod)));
    for (const pod of pods) await rig.removePod(pod);
  }
  const anchor = { of: "ip link add type veth", values: veths };
  return [
    row("CNI ADD", adds, 9, anchor),
    row("CNI DEL", deletes, 14, { of: "ip link del", values: removals }),
    row(`${AT_ONCE} CNI ADD at once`, bursts, 200),
  ];
}

function row(what: string, values: readonly number[], atMost: number, anchor?: Row["anchor"]): Row {
  const target = { of: "value", atMost } as const;
  return { what, unit: "ms", weir: { of: "weir", values }, target, ...(anchor === undefined ? {} : { anchor }) };
}

async function succeed(rig: CniRig, command: string, pod: string): Promise<void> {
  const { code, output } = await rig.call(command, pod);
  if (code !== 0) throw new Error(`CNI ${command} of ${pod}: ${output}`);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}
