import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Fabric } from "../demo/fabric.ts";
import type { WeirNode } from "../demo/weir-node.ts";
import type { Bench, BenchContext, Row } from "./bench.ts";
import { addAlpha, buildBundle, startBundle } from "./bundled-node.ts";
import { command } from "./command.ts";
import { makeFabric } from "./lab.ts";
import { type Stopwatch, startStopwatch } from "./stopwatch.ts";

const EXECUTABLE = join(import.meta.dirname, "..", "dist", "weir-cni");
const ROUNDS = 100;
const WARM_UP = 5;
const AT_ONCE = 30;
const BURSTS = 7;
/**
 * After DEL has returned, Open vSwitch's main thread closes the sockets of ports that have gone, some 10 ms each. What is
 * measured next should not pay for it. In milliseconds.
 */
const REST = { single: 50, burst: 1000 } as const;

/** Pods plugged in and out through the real executable and the real node process: ADD returns behind the flows' barrier. */
export const bench: Bench = {
  name: "cni",
  about: "CNI ADD and DEL from exec to exit, flows confirmed, IPv4 and IPv6: one after the other, and thirty at once",
  async run(context) {
    await buildBundle();
    const fabric = await makeFabric(context);
    const alpha = await addAlpha(fabric);
    const node = await startBundle(alpha);
    context.defer(() => node.stop());
    await node.whenReady(20_000);
    const rig: Rig = {
      ...{ fabric, node, netns: alpha.netns, directory: context.directory },
      stopwatch: startStopwatch(context.defer),
    };
    await writeFile(join(rig.directory, "config"), JSON.stringify(CONFIG));
    return [...(await measureSingle(context, rig)), ...(await measureBursts(context, rig))];
  },
};

const CONFIG = { cniVersion: "1.1.0", name: "weir", type: "weir" };

interface Rig {
  readonly fabric: Fabric;
  readonly node: WeirNode;
  readonly netns: string;
  readonly directory: string;
  readonly stopwatch: Stopwatch;
}

async function measureSingle({ say }: BenchContext, rig: Rig): Promise<Row[]> {
  say(`${ROUNDS} ADD and DEL, one after the other`);
  const { stopwatch, netns } = rig;
  const adds: number[] = [];
  const deletes: number[] = [];
  const veths: number[] = [];
  const removals: number[] = [];
  const pod = await rig.fabric.addNamespace("pod");
  for (let round = 0; round < WARM_UP + ROUNDS; round++) {
    const id = `single-${round}`;
    await sleep(REST.single);
    adds.push(await stopwatch.time(callOf(rig, "ADD", pod, id)));
    deletes.push(await stopwatch.time(callOf(rig, "DEL", pod, id)));
    await sleep(REST.single);
    veths.push(await stopwatch.time(`ip -n ${netns} link add anchor0 type veth peer name anchor1`));
    // In use, as a pod's is: the kernel waits longer for one that was up.
    for (const end of ["anchor0", "anchor1"]) await command(["ip", "-n", netns, "link", "set", end, "up"]);
    removals.push(await stopwatch.time(`ip -n ${netns} link del anchor0`));
  }
  return [
    row("CNI ADD", adds.slice(WARM_UP), 9, { of: "ip link add type veth", values: veths.slice(WARM_UP) }),
    row("CNI DEL", deletes.slice(WARM_UP), 14, { of: "ip link del", values: removals.slice(WARM_UP) }),
  ];
}

async function measureBursts({ say }: BenchContext, rig: Rig): Promise<Row[]> {
  say(`${AT_ONCE} at once, ${BURSTS} times`);
  const adds: number[] = [];
  const deletes: number[] = [];
  const pods = await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => rig.fabric.addNamespace(`pod${i}`)));
  for (let round = 0; round < BURSTS; round++) {
    for (const [name, times] of [
      ["ADD", adds],
      ["DEL", deletes],
    ] as const) {
      await sleep(REST.burst);
      const calls = pods.map((pod) => callOf(rig, name, pod, `burst-${round}-${pod}`));
      times.push(await rig.stopwatch.time(`${calls.map((call) => `{ ${call}; } &`).join(" ")} wait`));
      // A shell's plain wait does not tell how its children ended.
      await checkAnswers(rig, pods, name);
    }
  }
  return [
    row(`${AT_ONCE} CNI ADD at once`, adds, 200),
    { what: `${AT_ONCE} CNI DEL at once`, unit: "ms", weir: { of: "weir", values: deletes } },
  ];
}

function callOf({ node, directory }: Rig, name: string, pod: string, containerId: string): string {
  const environment = [
    `CNI_COMMAND=${name} CNI_CONTAINERID=${containerId} CNI_NETNS=/run/netns/${pod} CNI_IFNAME=eth0 CNI_PATH=/opt/cni/bin`,
    `CNI_ARGS='IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=${containerId}'`,
    `WEIR_CNI_SOCKET=${node.paths.cniSocket}`,
  ];
  return `${environment.join(" ")} ${EXECUTABLE} <${directory}/config >${directory}/${pod}`;
}

async function checkAnswers({ directory }: Rig, pods: readonly string[], name: string): Promise<void> {
  for (const pod of pods) {
    const answer = await readFile(join(directory, pod), "utf8");
    const isGood = name === "ADD" ? answer.includes('"ips"') : answer === "";
    if (!isGood) throw new Error(`CNI ${name} in ${pod}: ${answer}`);
  }
}

function row(what: string, values: readonly number[], atMost: number, anchor?: Row["anchor"]): Row {
  const target = { of: "value", atMost } as const;
  return { what, unit: "ms", weir: { of: "weir", values }, target, ...(anchor === undefined ? {} : { anchor }) };
}
