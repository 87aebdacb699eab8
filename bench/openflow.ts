import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { getHeapStatistics } from "node:v8";
import {
  connectOpenFlow,
  decode,
  encodeInto,
  type Flow,
  formatFlow,
  type Message,
  match,
  type OpenFlowConnection,
  parseFlow,
} from "#openflow/index.ts";
import { FLOW_MOD_DEFAULTS } from "#openflow/messages/flow-mod.ts";
import { Writer } from "#openflow/wire/writer.ts";
import { OvsRig } from "#test/rig/ovs.ts";
import { alternate, type Bench, type BenchContext, type Row, repeat } from "./bench.ts";

const MESSAGES = 200_000;
const FLOWS = 100_000;
const ROUNDS = 5;
const MEGABYTE = 1 << 20;

export const bench: Bench = {
  name: "openflow",
  about: "flow-mods to bytes and back on one core; tables of 100,000 flows written and read, against ovs-ofctl",
  run: async (context) => [...(await measureCodec(context)), ...(await measureSwitch(context))],
};

/** A clause of a conjunction: what a policy's flows are, and what the Go libraries are measured with. */
export function conjunctiveFlowMod(i: number): Message {
  return {
    type: "flow_mod",
    command: "add",
    ...FLOW_MOD_DEFAULTS,
    table: 40,
    priority: 200,
    cookie: 0x0102_0000_0000_0000n + BigInt(i),
    match: match({ eth_type: 0x0800, ip_src: 0x0a00_0000 + (i & 0xff_ffff) }),
    actions: [{ type: "conjunction", id: 1 + (i % 1000), clause: 1, clauses: 3 }],
  };
}

/** Reads messages that stand one behind the other; returns how many. */
export function decodeAll(bytes: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < bytes.length; count++) {
    const length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
    decode(bytes.subarray(at, at + length));
    at += length;
  }
  return count;
}

async function measureCodec({ say }: BenchContext): Promise<Row[]> {
  say(`${MESSAGES} conjunctive flow-mods, ${ROUNDS} rounds`);
  const messages = Array.from({ length: MESSAGES }, (_, i) => conjunctiveFlowMod(i));
  const encodeAll = (): Uint8Array => {
    const writer = new Writer(128 * MESSAGES);
    for (const [i, message] of messages.entries()) encodeInto(writer, message, i);
    return writer.written();
  };
  const bytes = encodeAll();
  const rate = (work: () => unknown) => () => {
    const started = performance.now();
    work();
    return MESSAGES / ((performance.now() - started) / 1000);
  };
  const encoded = await repeat(ROUNDS, "encode", rate(encodeAll));
  const decoded = await repeat(
    ROUNDS,
    "decode",
    rate(() => decodeAll(bytes)),
  );
  const row = (what: string, work: () => unknown): Row => ({
    what,
    unit: "MB",
    weir: { of: "heap", values: [allocatedBy(work)] },
  });
  return [
    { what: "flow-mods encoded", unit: "flows/s", weir: encoded, target: { of: "value", atLeast: 2_000_000 } },
    { what: "flow-mods decoded", unit: "flows/s", weir: decoded, target: { of: "value", atLeast: 1_500_000 } },
    row("allocated for a million flow-mods encoded", encodeAll),
    row("allocated for a million flow-mods decoded", () => decodeAll(bytes)),
  ];
}

/** Megabytes of the heap for a million messages; the buffer that they stand in is not part of it. */
function allocatedBy(work: () => unknown): number {
  const before = getHeapStatistics().total_allocated_bytes;
  work();
  return (((getHeapStatistics().total_allocated_bytes - before) / MESSAGES) * 1e6) / MEGABYTE;
}

/** Half conjunctions, half what a connection goes through. */
function makeFlow(i: number): Flow {
  const head = `table=${10 + (i % 20)},priority=${100 + (i % 7)},cookie=${0x0102_0000_0000 + i},reg0=0x1/0xf`;
  const address = `10.${i >> 16}.${(i >> 8) & 0xff}.${i & 0xff}`;
  const actions =
    i % 2 === 0
      ? `conjunction(${1 + (i % 1000)},1/3)`
      : "ct(commit,zone=65520,exec(set_field:0x10/0x10->ct_mark)),set_field:0x5->reg3,goto_table:40";
  return parseFlow(`${head},ip,nw_src=${address},actions=${actions}`);
}

const addFlow = (flow: Flow): Message => ({ ...FLOW_MOD_DEFAULTS, ...flow, type: "flow_mod", command: "add" });

async function measureSwitch({ say, directory, defer }: BenchContext): Promise<Row[]> {
  const ovs = await OvsRig.start("bench-of");
  defer(() => ovs.close());
  await ovs.addBridge("br0");
  const address = ovs.management("br0");
  const connection = await connectOpenFlow({ address });
  defer(() => connection.close());
  const flows = Array.from({ length: FLOWS }, (_, i) => makeFlow(i));
  const messages = flows.map(addFlow);
  const file = join(directory, "flows.txt");
  await writeFile(file, flows.map((flow) => formatFlow(flow).replace(" actions=", ",actions=")).join("\n"));

  say(`${FLOWS} flows in one bundle, ${ROUNDS} rounds`);
  /** Into an empty table, whose emptying does not count. */
  const add = (work: () => Promise<unknown>) => async () => {
    await ovs.ofctl("del-flows", address);
    const started = performance.now();
    await work();
    return performance.now() - started;
  };
  const bundle = await alternate(
    ROUNDS,
    { of: "weir", probe: add(() => commit(connection, messages)) },
    {
      of: "ovs-ofctl --bundle add-flows",
      probe: add(() => ovs.ofctl("--bundle", "add-flows", address, file)),
    },
  );
  say(`${FLOWS} flows read, ${ROUNDS} rounds`);
  const dump = await alternate(
    ROUNDS,
    { of: "weir, as values", probe: () => readAll(connection) },
    {
      of: "ovs-ofctl dump-flows",
      probe: () => ovs.inside("sh", "-c", `ovs-ofctl -O OpenFlow15 dump-flows ${address} > /dev/null`),
    },
  );
  return [
    { what: "100,000 flows in one bundle", unit: "ms", ...bundle, target: { of: "ratio", atMost: 1.15 } },
    { what: "100,000 flows read", unit: "ms", ...dump, target: { of: "ratio", atMost: 1 } },
  ];
}

async function commit(connection: OpenFlowConnection, messages: readonly Message[]): Promise<void> {
  const result = await connection.transaction(messages);
  if (!result.committed) throw result.error;
}

async function readAll(connection: OpenFlowConnection): Promise<void> {
  const { length } = await connection.dumpFlows();
  if (length !== FLOWS) throw new Error(`${length} flows are in the switch; ${FLOWS} are expected`);
}
