/** `make bench`: every benchmark, as one table of ratios. --only NAME, --list, -o json. Exit code 1 when a target is missed. */
import { existsSync, globSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { describeError } from "#base/errors.ts";
import type { Bench, Judged, Row } from "./bench.ts";
import { judge } from "./bench.ts";
import { formatTable } from "./table.ts";

const PARTS = new Set(["bench.ts", "bundled-node.ts", "command.ts", "lab.ts", "stopwatch.ts", "table.ts", "run.ts"]);

const { values: options } = parseArgs({
  options: {
    only: { type: "string", multiple: true, default: [] },
    list: { type: "boolean", default: false },
    output: { type: "string", short: "o", default: "table" },
  },
});

const benches = await loadBenches();
if (options.list) for (const { name, about } of benches) process.stdout.write(`${name.padEnd(20)} ${about}\n`);
else
  await runAll(
    benches.filter(({ name }) => options.only.length === 0 || options.only.some((part) => name.includes(part))),
  );

/** A file of this folder defines a benchmark if it exports one. */
async function loadBenches(): Promise<Bench[]> {
  const found: Bench[] = [];
  for (const file of globSync(`${import.meta.dirname}/*.ts`).sort()) {
    if (PARTS.has(basename(file))) continue;
    const module: { bench?: Bench } = await import(resolve(file));
    if (module.bench !== undefined) found.push(module.bench);
  }
  return found;
}

async function runAll(chosen: readonly Bench[]): Promise<void> {
  const say = (text: string) => process.stderr.write(`${text}\n`);
  if (chosen.length === 0)
    throw new Error(`no benchmark is called that; there are ${benches.map(({ name }) => name).join(", ")}`);
  say(
    `${cpus().length} cores, load ${loadavg()[0]!.toFixed(1)}, ${process.version}${existsSync("/sys/module/openvswitch") ? "" : ", Open vSwitch in user space"}`,
  );
  const results: { bench: string; rows: Judged[]; error?: string }[] = [];
  for (const bench of chosen) {
    say(`\n${bench.name}: ${bench.about}`);
    try {
      results.push({ bench: bench.name, rows: (await runOne(bench, say)).map(judge) });
    } catch (error) {
      results.push({ bench: bench.name, rows: [], error: describeError(error) });
      say(`  failed: ${error instanceof Error ? error.stack : String(error)}`);
    }
  }
  report(results);
}

async function runOne(bench: Bench, say: (text: string) => void): Promise<readonly Row[]> {
  const directory = await mkdtemp(join(tmpdir(), "weir-bench-"));
  const undos: (() => unknown)[] = [() => rm(directory, { recursive: true, force: true })];
  try {
    return await bench.run({ say: (text) => say(`  ${text}`), directory, defer: (undo) => undos.push(undo) });
  } finally {
    for (const undo of undos.reverse()) await undo();
  }
}

function report(results: readonly { bench: string; rows: readonly Judged[]; error?: string }[]): void {
  const rows = results.flatMap(({ rows }) => rows);
  const bad = results.some(({ error }) => error !== undefined) || rows.some(({ met }) => met === false);
  if (options.output === "json") process.stdout.write(`${JSON.stringify(results, undefined, 2)}\n`);
  else {
    process.stdout.write(`\n${formatTable(rows, process.stdout.isTTY)}\n`);
    for (const { bench, error } of results)
      if (error !== undefined) process.stdout.write(`${bench}: failed: ${error}\n`);
    process.stdout.write("\nMedians of alternating runs (least-greatest); anchors measured in the same run.\n");
  }
  process.exitCode = bad ? 1 : 0;
}
