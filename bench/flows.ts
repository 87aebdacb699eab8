import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Log } from "#base/log.ts";
import { addFlow } from "#controller/node/switch/flow-mods.ts";
import { FlowReconciler } from "#controller/node/switch/flow-reconciler.ts";
import { connectOpenFlow } from "#openflow/connection.ts";
import { encodeInto } from "#openflow/messages/message.ts";
import { formatFlow } from "#openflow/text/index.ts";
import { Writer } from "#openflow/wire/writer.ts";
import type { DesiredFlow } from "#pipeline/desired.ts";
import { createPipeline } from "#pipeline/pipeline.ts";
import type { RawChange } from "#pipeline/source.ts";
import { UNCHANGED_SWITCH } from "#pipeline/switch-state.ts";
import { OvsRig } from "#test/rig/ovs.ts";
import { alternate, type Bench, type BenchContext, type Row, repeat } from "./bench.ts";

const FLOWS = 100_000;
const ROUNDS = 7;
/** Nine flows a pod, four a node. */
const PODS = 8000;
const NODES = 7200;

type FlowsByKey = ReadonlyMap<string, DesiredFlow>;

export const bench: Bench = {
  name: "flows",
  about: "100,000 flows of pods and nodes, from the desired set to the barrier's reply, against ovs-ofctl's bundle",
  async run(context) {
    const desired = deriveFlows();
    return [await measureEncoding(context, desired), await measureSwitch(context, desired)];
  },
};

/** What the pipeline makes of a large node in a large cluster: matches, cookies and owners as they really are. */
function deriveFlows(): FlowsByKey {
  const pipeline = createPipeline({ nodeName: "node-0", encapsulation: "always" }, ["bench"]);
  const nodes = Array.from({ length: NODES }, (_, i) => nodeObject(i));
  const ports = Array.from({ length: PODS }, (_, i) => portObject(i));
  const changes: readonly RawChange[] = [
    ...nodes.map((object) => ({ kind: "Node", key: object.metadata.name, object }) as const),
    ...ports.map((object) => ({ kind: "Port", key: object.name, object }) as const),
  ];
  pipeline.step({ source: "bench", synced: true, changes });
  const flows = new Map([...pipeline.desired.flows].slice(0, FLOWS));
  if (flows.size < FLOWS) throw new Error(`only ${flows.size} flows came of ${PODS} pods and ${NODES} nodes`);
  return flows;
}

function nodeObject(i: number) {
  const [high, low] = [i >> 8, i & 0xff];
  return {
    metadata: { name: `node-${i}`, uid: `node-${i}` },
    spec: { podCIDRs: [`10.${100 + high}.${low}.0/24`, `fd10:0:0:${i.toString(16)}::/64`] },
    status: {
      addresses: [
        { type: "InternalIP", address: `172.18.${high}.${low + 1}` },
        { type: "InternalIP", address: `fd18::${(i + 1).toString(16)}` },
      ],
    },
  };
}

function portObject(i: number) {
  const [high, low] = [i >> 8, i & 0xff];
  const octets = [high, low].map((octet) => octet.toString(16).padStart(2, "0"));
  return {
    name: `weir${i.toString(16).padStart(11, "0")}`,
    ofport: 10 + i,
    externalIds: {
      "weir-mac": `0a:00:00:00:${octets.join(":")}`,
      "weir-ips": `10.9.${high}.${low},fd09::${(i + 2).toString(16)}`,
      "weir-pod-namespace": `team-${i % 40}`,
      "weir-pod-name": `pod-${i}`,
      "weir-pod-uid": `pod-${i}`,
      "weir-container-id": `container-${i}`,
    },
  };
}

async function measureEncoding({ say }: BenchContext, desired: FlowsByKey): Promise<Row> {
  say("the same flows to bytes");
  const weir = await repeat(ROUNDS, "one core", () => {
    const writer = new Writer(32 << 20);
    const started = performance.now();
    let xid = 0;
    for (const { flow } of desired.values()) encodeInto(writer, addFlow(flow), ++xid);
    return (xid / (performance.now() - started)) * 1000;
  });
  return { what: "flow-mods encoded", unit: "flows/s", weir, target: { of: "value", atLeast: 1e6 } };
}

async function measureSwitch({ say, directory, defer }: BenchContext, desired: FlowsByKey): Promise<Row> {
  const ovs = await OvsRig.start("bench-fl");
  defer(() => ovs.close());
  await ovs.addBridge("br0");
  const address = ovs.management("br0");
  const connection = await connectOpenFlow({ address });
  defer(() => connection.close());
  const file = join(directory, "flows.txt");
  const lines = [...desired.values()].map(({ flow }) => formatFlow(flow).replace(" actions=", ",actions="));
  await writeFile(file, lines.join("\n"));

  /** Into an empty table, whose emptying does not count. */
  const fill = (work: () => Promise<unknown>) => async () => {
    await ovs.ofctl("del-flows", address);
    const started = performance.now();
    await work();
    return performance.now() - started;
  };
  say(`${FLOWS} flows into an empty switch, ${ROUNDS} rounds`);
  const sides = await alternate(
    ROUNDS,
    {
      of: "weir: compare, bundle, barrier",
      probe: fill(async () => {
        const { modifications } = await reconciler(desired).apply(connection, { ...UNCHANGED_SWITCH, compare: true });
        if (modifications !== FLOWS) throw new Error(`${modifications} flows were written`);
      }),
    },
    { of: "ovs-ofctl --bundle add-flows", probe: fill(() => ovs.ofctl("--bundle", "add-flows", address, file)) },
  );
  return {
    what: "100,000 flows, desired to confirmed",
    unit: "ms",
    ...sides,
    target: { of: "ratio", atMost: 1.25 },
  };
}

function reconciler(desired: FlowsByKey): FlowReconciler {
  return new FlowReconciler({ flows: desired, groups: new Map(), meters: new Map() }, FAILING_LOG);
}

/** Nothing that a flow could be refused for is expected. */
const FAILING_LOG: Log = {
  debug() {},
  info() {},
  warn: refuse,
  error: refuse,
};

function refuse(message: string, fields?: Readonly<Record<string, unknown>>): never {
  throw new Error(
    `${message}: ${JSON.stringify(fields, (_, value) => (typeof value === "bigint" ? `${value}` : value))}`,
  );
}
