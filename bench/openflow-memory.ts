import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { encodeInto } from "#openflow/index.ts";
import { Writer } from "#openflow/wire/writer.ts";
import type { Bench, BenchContext, Row } from "./bench.ts";
import { conjunctiveFlowMod, decodeAll } from "./openflow.ts";

const MESSAGES = 10_000_000;
const MILLION = 1_000_000;
const PIECE = 100_000;

export const bench: Bench = {
  name: "openflow-memory",
  about:
    "ten million flow-mods made, encoded and decoded: what is kept behind them is what was kept behind the first million",
  run: async (context) => [measureMemory(context)],
};

/** What is left of the heap once all that nobody holds is collected: memory that is merely not given back does not count. */
function measureMemory({ say }: BenchContext): Row {
  say(`${MESSAGES} flow-mods`);
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const writer = new Writer(128 * PIECE);
  const kept: number[] = [];
  for (let done = 0; done < MESSAGES; done += PIECE) {
    writer.offset = 0;
    for (let i = 0; i < PIECE; i++) encodeInto(writer, conjunctiveFlowMod(done + i), i);
    if (decodeAll(writer.written()) !== PIECE) throw new Error("not all messages came back");
    if ((done + PIECE) % MILLION !== 0) continue;
    collect();
    const { heapUsed, external } = process.memoryUsage();
    kept.push((heapUsed + external) / (1 << 20));
  }
  return {
    what: "kept behind ten million flow-mods",
    unit: "MB",
    weir: { of: "behind the tenth", values: kept.slice(-1) },
    anchor: { of: "behind the first million", values: kept.slice(0, 1) },
    target: { of: "ratio", atMost: 1.05 },
  };
}
