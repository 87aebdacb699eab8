import { encodeInto } from "#openflow/index.ts";
import { Writer } from "#openflow/wire/writer.ts";
import type { Bench, BenchContext, Row } from "./bench.ts";
import { conjunctiveFlowMod, decodeAll } from "./openflow.ts";

const MESSAGES = 10_000_000;
const PIECE = 100_000;
/** The first tenth is what it takes to get going: code that is compiled, a heap that finds its size. */
const FIRST = MESSAGES / 10;

export const bench: Bench = {
  name: "openflow-memory",
  about: "ten million flow-mods made, encoded and decoded: the memory behind them is that behind the first million",
  run: async (context) => [measureMemory(context)],
};

function measureMemory({ say }: BenchContext): Row {
  say(`${MESSAGES} flow-mods`);
  const writer = new Writer(128 * PIECE);
  const resident: number[] = [];
  for (let done = 0; done < MESSAGES; done += PIECE) {
    writer.offset = 0;
    for (let i = 0; i < PIECE; i++) encodeInto(writer, conjunctiveFlowMod(done + i), i);
    if (decodeAll(writer.written()) !== PIECE) throw new Error("not all messages came back");
    if (done + PIECE >= FIRST) resident.push(process.memoryUsage.rss() / (1 << 20));
  }
  const early = resident.slice(0, 10);
  const late = resident.slice(-10);
  return {
    what: "resident behind ten million flow-mods",
    unit: "MB",
    weir: { of: "the last million", values: late },
    anchor: { of: "the second million", values: early },
    target: { of: "ratio", atMost: 1.1 },
  };
}
