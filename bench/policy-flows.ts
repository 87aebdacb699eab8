import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { silentLog } from "#base/log.ts";
import { FlowReconciler } from "#controller/node/switch/flow-reconciler.ts";
import { connectOpenFlow } from "#openflow/connection.ts";
import { formatFlow } from "#openflow/text/index.ts";
import { createPipeline, type Pipeline } from "#pipeline/pipeline.ts";
import type { RawChange } from "#pipeline/source.ts";
import { type SwitchDelta, UNCHANGED_SWITCH } from "#pipeline/switch-state.ts";
import { OvsRig } from "#test/rig/ovs.ts";
import { alternate, type Bench, type BenchContext, type Row } from "./bench.ts";
import { command, readProcess } from "./command.ts";
import { startPolicyRig } from "./policy-rig.ts";

const PODS = 10;
const POLICIES = 1000;
const STARTS = 5;
const RULES = 10_000;
/** With its conj_id, that makes 13 flows a rule. */
const ADDRESSES_PER_RULE = 12;
const LIST = 10_000;
const MEMBERS = 5000;
const CHANGES = 50;
const NODE = {
  kind: "Node",
  key: "n1",
  object: {
    metadata: { name: "n1" },
    spec: { podCIDRs: ["10.10.0.0/20"] },
    status: { addresses: [{ type: "InternalIP", address: "172.18.0.1" }] },
  },
} as const;

export const bench: Bench = {
  name: "policy-flows",
  about:
    "a thousand policies on one node, live and from a cold start; ten thousand rules into a switch; long lists changed",
  async run(context) {
    return [...measureChanges(), await measureSwitch(context), ...(await measureNode(context))];
  },
};

/** As Antrea's own benchmark has it: each policy has one rule, from the pods of one selector, at a port of its own. */
async function measureNode(context: BenchContext): Promise<Row[]> {
  const rig = await startPolicyRig(context, PODS);
  context.say(`${POLICIES} policies for ${PODS} pods`);
  const path = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies";
  for (let i = 0; i < POLICIES; i++) {
    const body = { metadata: { name: `policy-${i}` }, spec: specOf(i) };
    const { status } = await rig.kube.request("POST", path, body);
    if (status !== 201) throw new Error(`policy ${i}: ${status}`);
  }
  const socket = `unix:${rig.machine.ovsDirectory}/br-weir.mgmt`;
  const ofctl = (...argv: readonly string[]) =>
    command(["ovs-ofctl", "-O", "OpenFlow15", argv[0]!, socket, ...argv.slice(1)]);
  const values = { start: [] as number[], megabytes: [] as number[], cpu: [] as number[], flows: [] as number[] };
  context.say(`${STARTS} starts on a switch without flows`);
  for (let i = 0; i < STARTS; i++) {
    await ofctl("del-flows");
    const started = performance.now();
    const node = await rig.start();
    values.start.push((performance.now() - started) / 1000);
    const { megabytes, cpuSeconds } = await readProcess(node.pid);
    values.megabytes.push(megabytes);
    values.cpu.push(cpuSeconds);
    values.flows.push(Number(/flow_count=(\d+)/.exec(await ofctl("dump-aggregate"))?.[1]));
    await node.stop();
  }
  const row = (what: string, unit: Row["unit"], numbers: readonly number[], atMost: number): Row => ({
    ...{ what, unit, weir: { of: "weir-node", values: numbers } },
    target: { of: "value", atMost },
  });
  return [
    row(`${POLICIES} policies, ${PODS} pods: flows`, "count", values.flows, 4120),
    row("  cold start, exec to all programmed", "s", values.start, 1),
    row("  resident memory then", "MB", values.megabytes, 110),
    row("  processor time until then", "s", values.cpu, 0.6),
  ];
}

function specOf(i: number): object {
  const app = (number: number) => ({ matchLabels: { app: `web-${number % PODS}` } });
  return {
    podSelector: app(i),
    ingress: [{ from: [{ podSelector: app(i + 1 + Math.floor(i / PODS)) }], ports: [{ port: 1000 + i }] }],
  };
}

async function measureSwitch({ say, directory, defer }: BenchContext): Promise<Row> {
  const { flows } = manyRules().desired;
  say(`${flows.size} flows of ${RULES} rules into an empty switch`);
  const ovs = await OvsRig.start("bench-policy");
  defer(() => ovs.close());
  await ovs.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "fail_mode=secure");
  const address = ovs.management("br0");
  const connection = await connectOpenFlow({ address });
  defer(() => connection.close());
  const file = join(directory, "flows");
  await writeFile(
    file,
    [...flows.values()].map(({ flow }) => formatFlow(flow).replace(" actions=", ",actions=")).join("\n"),
  );
  const fill = (work: () => Promise<unknown>) => async () => {
    await ovs.ofctl("del-flows", address);
    const started = performance.now();
    await work();
    return performance.now() - started;
  };
  const write = async (): Promise<void> => {
    const reconciler = new FlowReconciler({ flows, groups: new Map(), meters: new Map() }, silentLog);
    const { modifications } = await reconciler.apply(connection, { ...UNCHANGED_SWITCH, compare: true });
    if (modifications !== flows.size) throw new Error(`${modifications} flows were written`);
  };
  const sides = await alternate(
    3,
    { of: "weir: compare, bundle, barrier", probe: fill(write) },
    { of: "ovs-ofctl --bundle add-flows", probe: fill(() => ovs.ofctl("--bundle", "add-flows", address, file)) },
  );
  return { what: `${RULES} rules, ${flows.size} flows`, unit: "ms", ...sides, target: { of: "value", atMost: 1200 } };
}

/** Each from addresses that no other has. */
function manyRules(): Pipeline {
  const pipeline = createPipeline({ nodeName: "n1", encapsulation: "always" }, ["bench"]);
  const policies = Array.from({ length: RULES }, (_, i) => {
    const from = Array.from({ length: ADDRESSES_PER_RULE }, (_, j) => ipBlock(i * ADDRESSES_PER_RULE + j));
    // A flow that is a part of rules holds less than four thousand: neither one port nor one pod is in all of them.
    const ports = [{ port: 80 + (i % 4) }];
    return policy(`default/policy-${i}`, {
      podSelector: { matchLabels: { app: `web-${i % 4}` } },
      ingress: [{ from, ports }],
    });
  });
  pipeline.step(batch(NODE, ...[0, 1, 2, 3].flatMap(podWithPort), ...policies));
  if (pipeline.problems().length > 0) throw new Error(pipeline.problems()[0]!.message);
  return pipeline;
}

/** One address more in a long list, and a pod more among many. */
function measureChanges(): Row[] {
  const pipeline = createPipeline({ nodeName: "n1", encapsulation: "always" }, ["bench"]);
  const list = (last: number) => Array.from({ length: LIST }, (_, i) => ipBlock(i === LIST - 1 ? LIST + last : i));
  const rule = (from: readonly object[]) => ({ podSelector: {}, ingress: [{ from, ports: [{ port: 80 }] }] });
  const members = Array.from({ length: MEMBERS }, (_, i) => member(i, "member"));
  pipeline.step(
    batch(
      ...[NODE, ...podWithPort(0), ...members, policy("default/list", rule(list(0)))],
      policy("default/members", rule([{ podSelector: { matchLabels: { role: "member" } } }])),
    ),
  );
  const time = (change: RawChange): number => {
    let flows: SwitchDelta["flows"] = UNCHANGED_SWITCH.flows;
    const took = timeOf(() => {
      flows = pipeline.step(batch(change)).flows;
    });
    const count = flows.added.size + flows.changed.size + flows.removed.size;
    if (count === 0 || count > 4) throw new Error(`${count} flows changed`);
    return took;
  };
  const ofList = Array.from({ length: CHANGES }, (_, i) => time(policy("default/list", rule(list(i + 1)))));
  const text = JSON.stringify(policy("default/list", rule(list(0))).object);
  const parsing = Array.from({ length: CHANGES }, () => timeOf(() => JSON.parse(text)));
  const ofMembers = Array.from({ length: CHANGES }, (_, i) => time(member(i, "other")));
  const row = (what: string, values: readonly number[], atMost?: number): Row => ({
    ...{ what, unit: "ms", weir: { of: "pipeline", values } },
    ...(atMost !== undefined && { target: { of: "value", atMost } }),
  });
  return [
    {
      ...row(`one address of an ipBlock list of ${LIST} changes`, ofList),
      anchor: { of: "JSON.parse of the object", values: parsing },
      target: { of: "ratio", atMost: 3 },
    },
    row(`one pod of a selector's ${MEMBERS} changes`, ofMembers, 1),
  ];
}

function timeOf(work: () => unknown): number {
  const started = performance.now();
  work();
  return performance.now() - started;
}

function ipBlock(i: number): object {
  return { ipBlock: { cidr: `20.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}/32` } };
}

function policy(key: string, spec: object): RawChange {
  return { kind: "NetworkPolicy", key, object: { spec } };
}

function member(i: number, role: string): RawChange {
  const ip = `10.20.${i >> 8}.${i & 255}`;
  return { kind: "Pod", key: `default/member-${i}`, object: podObject(ip, { role }, "n2") };
}

function podObject(ip: string, labels: Readonly<Record<string, string>>, nodeName: string): object {
  return { metadata: { labels }, spec: { nodeName }, status: { podIPs: [{ ip }] } };
}

function podWithPort(i: number): readonly RawChange[] {
  const [ip, name] = [`10.10.0.${10 + i}`, `web-${i}`];
  const externalIds = {
    "weir-mac": `0a:58:00:00:00:0${i}`,
    ...{ "weir-ips": ip, "weir-pod-namespace": "default", "weir-pod-name": name },
  };
  return [
    { kind: "Pod", key: `default/${name}`, object: podObject(ip, { app: name }, "n1") },
    { kind: "Port", key: `weir${i}`, object: { name: `weir${i}`, ofport: 10 + i, externalIds } },
  ];
}

function batch(...changes: readonly RawChange[]) {
  return { source: "bench", synced: true, changes };
}
