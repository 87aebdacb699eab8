import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { Fabric, FabricNode } from "../demo/fabric.ts";
import { type Bench, type BenchContext, type Row, repeat } from "./bench.ts";
import { addAlpha, buildBundle, startBundle } from "./bundled-node.ts";
import { command, readProcess } from "./command.ts";
import { makeFabric } from "./lab.ts";

const IDLE_SECONDS = 5;

export const bench: Bench = {
  name: "node-process",
  about: "start on an empty switch, memory and processor time when nothing changes, a restart over an unchanged node",
  async run(context) {
    await buildBundle();
    const fabric = await makeFabric(context);
    return [await measureColdStart(context, fabric), ...(await measureIdleAndRestart(context, fabric))];
  },
};

/** From exec to the CNI configuration, which is written when everything is in the switch. */
async function measureColdStart(context: BenchContext, fabric: Fabric): Promise<Row> {
  context.say("start on an empty switch, five times");
  const weir = await repeat(5, "weir-node, exec to ready", async () => {
    const alpha = await addAlpha(fabric);
    const started = performance.now();
    const node = await startBundle(alpha);
    await node.whenReady(20_000);
    const took = performance.now() - started;
    await node.stop();
    await alpha.remove();
    return took;
  });
  const anchor = await repeat(5, "node -e 0", () => command([process.execPath, "-e", "0"]));
  return { what: "cold start to ready", unit: "ms", weir, anchor, target: { of: "value", atMost: 600 } };
}

async function measureIdleAndRestart({ say }: BenchContext, fabric: Fabric): Promise<Row[]> {
  const alpha = await addAlpha(fabric);
  const node = await startBundle(alpha);
  await node.whenReady(20_000);
  say(`idle for ${IDLE_SECONDS} s`);
  // What starting left to be collected is not what idling costs.
  await sleep(2000);
  const before = await readProcess(node.pid);
  await sleep(IDLE_SECONDS * 1000);
  const after = await readProcess(node.pid);
  const busy = ((after.cpuSeconds - before.cpuSeconds) / IDLE_SECONDS) * 100;
  const empty = await measureEmptyNode();

  say("restart over an unchanged node");
  await node.stop();
  const countFlowMods = await watchFlowMods(alpha);
  const again = await startBundle(alpha);
  await again.whenReady(20_000);
  const restarted = await countFlowMods();
  await again.stop();
  return [
    {
      what: "resident memory, idle",
      unit: "MB",
      weir: { of: "weir-node", values: [after.megabytes] },
      anchor: { of: "an empty Node", values: [empty] },
      target: { of: "value", atMost: 80 },
    },
    {
      what: "processor time, idle",
      unit: "%",
      weir: { of: "weir-node", values: [busy] },
      target: { of: "value", atMost: 0.5 },
    },
    {
      what: "flow modifications of a restart",
      unit: "count",
      weir: { of: "weir-node", values: [restarted] },
      target: { of: "value", atMost: 0 },
    },
  ];
}

async function measureEmptyNode(): Promise<number> {
  const script = 'process.stdout.write(require("fs").readFileSync("/proc/self/status","utf8"))';
  return Number(/VmRSS:\s+(\d+)/.exec(await command([process.execPath, "-e", script]))?.[1]) / 1024;
}

/** Counts what the switch tells its flow monitor: an event for each flow added, changed or deleted, even if all stays the same. */
async function watchFlowMods({ ovsDirectory }: FabricNode): Promise<() => Promise<number>> {
  const argv = ["-O", "OpenFlow15", "monitor", `unix:${ovsDirectory}/br-weir.mgmt`, "watch:!initial"];
  const env = { ...process.env, OVS_RUNDIR: ovsDirectory };
  const child = spawn("ovs-ofctl", argv, { env, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
  // Its first reply says that the monitor stands.
  await once(child.stdout, "data");
  return async () => {
    await sleep(300);
    child.kill();
    await once(child, "close");
    return text.split("event=").length - 1;
  };
}
