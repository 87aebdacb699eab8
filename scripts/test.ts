/**
 * `make test`: lint and types, then every test in tiers, with a last line "N passed, N failed, N skipped".
 *
 * The unit tier is one process; each file of the other tiers has its own, so that what one leaves open cannot disturb the next.
 * TIER=, ONLY= (part of a file name) and GREP= (part of a test's name) choose less.
 */
import { execFile } from "node:child_process";
import { globSync } from "node:fs";
import { promisify } from "node:util";
import type { TestEvent } from "./test-events.ts";
import { runMocha } from "./test-process.ts";

const SEPARATE_TIERS = ["ovs", "cluster"];
const MINUTE = 60_000;

interface Totals {
  passed: number;
  failed: number;
  readonly failures: string[];
  readonly skips: Map<string, string[]>;
}

const totals: Totals = { passed: 0, failed: 0, failures: [], skips: new Map() };
const { TIER, ONLY, GREP } = process.env;
const narrowed = Boolean(TIER || ONLY || GREP);

if (!narrowed || TIER === "lint") await runChecks();
await runUnitTier();
for (const tier of SEPARATE_TIERS) await runSeparateTier(tier);
report();

async function runChecks(): Promise<void> {
  heading("checks");
  await Promise.all([
    check("biome: lint, format and folder boundaries", "node_modules/.bin/biome", [
      "check",
      "--error-on-warnings",
      ".",
    ]),
    check("tsc: types", "node_modules/.bin/tsc", ["--noEmit"]),
  ]);
}

async function check(title: string, command: string, argv: string[]): Promise<void> {
  const started = performance.now();
  try {
    await promisify(execFile)(command, argv, { maxBuffer: 64 << 20 });
    totals.passed++;
    line("ok", title, started);
  } catch (error) {
    const output =
      error instanceof Error && "stdout" in error && "stderr" in error ? `${error.stdout}${error.stderr}` : "";
    fail(title, `${error instanceof Error ? error.message : error}\n${output}`.slice(0, 8000));
    line("FAILED", title, started);
  }
}

async function runUnitTier(): Promise<void> {
  const files = select("unit", (path) => !SEPARATE_TIERS.some((tier) => path.startsWith(`test/${tier}/`)));
  if (files.length === 0) return;
  heading("unit");
  await run(files, 10 * MINUTE);
}

async function runSeparateTier(tier: string): Promise<void> {
  const files = select(tier, (path) => path.startsWith(`test/${tier}/`));
  if (files.length === 0) return;
  heading(tier);
  if (process.getuid?.() !== 0) {
    for (const file of files) note(totals.skips, "needs root, for network namespaces", file);
    return;
  }
  for (const file of files) await run([file], 10 * MINUTE);
}

function select(tier: string, belongs: (path: string) => boolean): string[] {
  if (TIER !== undefined && TIER !== "" && TIER !== tier) return [];
  return globSync("test/**/*.test.ts")
    .filter(belongs)
    .filter((path) => !ONLY || path.includes(ONLY))
    .sort();
}

/** One process; a line for each file as its last test ends. */
async function run(files: readonly string[], limit: number): Promise<void> {
  let current: { file: string; started: number; passed: number; failed: number; skipped: number } | undefined;
  const finishFile = () => {
    if (current === undefined) return;
    const { file, passed, failed, skipped, started } = current;
    const counts = [`${passed} passed`, failed > 0 && `${failed} failed`, skipped > 0 && `${skipped} skipped`];
    line(failed > 0 ? "FAILED" : "ok", `${file}: ${counts.filter(Boolean).join(", ")}`, started);
    current = undefined;
  };
  const onEvent = (event: TestEvent) => {
    if (event.event === "end") return;
    if (current?.file !== event.file) {
      const started = current === undefined ? processStarted : performance.now();
      finishFile();
      current = { file: event.file, started, passed: 0, failed: 0, skipped: 0 };
    }
    if (event.event === "pass") {
      totals.passed++;
      current.passed++;
    } else if (event.event === "fail") {
      fail(`${event.file}: ${event.title}`, event.error);
      current.failed++;
    } else {
      note(totals.skips, event.reason, `${event.file}: ${event.title}`);
      current.skipped++;
    }
  };
  const processStarted = performance.now();
  await runMocha({ files, grep: GREP || undefined, limit, onEvent });
  finishFile();
}

function fail(title: string, error: string): void {
  totals.failed++;
  totals.failures.push(`${title}\n${error.replace(/^/gm, "    ")}`);
}

function note(map: Map<string, string[]>, key: string, value: string): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

function heading(text: string): void {
  process.stdout.write(`\n${text}\n`);
}

function line(mark: string, text: string, started: number): void {
  process.stdout.write(`  ${mark.padEnd(6)} ${text} (${((performance.now() - started) / 1000).toFixed(1)} s)\n`);
}

function report(): void {
  for (const [index, failure] of totals.failures.entries()) process.stdout.write(`\n${index + 1}) ${failure}\n`);
  let skipped = 0;
  for (const [reason, tests] of totals.skips) {
    skipped += tests.length;
    process.stdout.write(`\nskipped, ${reason}:\n${tests.map((test) => `    ${test}\n`).join("")}`);
  }
  if (totals.passed + totals.failed === 0) fail("no test ran", "TIER, ONLY and GREP left nothing to run");
  process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed, ${skipped} skipped\n`);
  process.exitCode = totals.failed > 0 ? 1 : 0;
}
