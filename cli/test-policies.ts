import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { describeError } from "#base/errors.ts";
import { checkExpectation, type Outcome } from "#pipeline/explain/expectations.ts";
import type { Explanation } from "#pipeline/explain/explain.ts";
import { CliError } from "./errors.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { formatFault, type Located, readExpectations } from "./expectation-files.ts";
import { type Io, writeAll } from "./io.ts";
import { formatJunit } from "./junit.ts";
import { openManifests } from "./manifests.ts";
import { jsonArray, type OutputFormat } from "./output.ts";

export interface TestOptions {
  readonly manifests: string;
  readonly junit?: string;
  readonly output: OutputFormat;
}

interface Failure {
  readonly message: string;
  readonly expected: string;
  readonly because?: Explanation;
}

/** An expectation that was tried. */
export interface Tested extends Pick<Located, "file"> {
  readonly name: string;
  readonly line: number;
  /** Undefined when it held. */
  readonly failure: Failure | undefined;
}

/** Tries what the files expect on the manifests. */
export async function testPolicies(io: Io, files: readonly string[], options: TestOptions): Promise<ExitCode> {
  const read = await Promise.all(files.map(readExpectations));
  const faults = read.flatMap((file) => file.faults);
  const ignored = new Set(files.map((file) => resolve(file)));
  const { cluster, problems } = await openManifests(io, options.manifests, ignored);
  const tested: Tested[] = [];
  for (const located of read.flatMap(({ expectations }) => expectations)) {
    const outcome = checkExpectation(cluster, located.expectation);
    if (outcome.type === "faulty")
      faults.push(formatFault(located.file, located.lineOf(outcome.fault.field), outcome.fault));
    else tested.push(asTested(located, outcome));
  }
  await writeAll(io, options.output === "json" ? jsonArray(tested) : asTap(tested));
  if (options.junit !== undefined) await writeJunit(options.junit, tested);
  for (const fault of faults) io.say(fault);
  if (faults.length > 0 || problems.length > 0) return EXIT.usage;
  return tested.some(({ failure }) => failure !== undefined) ? EXIT.wrong : EXIT.ok;
}

function asTested({ file, expectation, lineOf }: Located, outcome: Exclude<Outcome, { type: "faulty" }>): Tested {
  const { name, expect, by } = expectation;
  const expected = by === undefined ? expect : `${expect} by ${by}`;
  const failure = outcome.type === "held" ? undefined : failureOf(outcome, expected);
  return { file, line: lineOf("from"), name, failure };
}

function failureOf({ message, because }: Extract<Outcome, { type: "failed" }>, expected: string): Failure {
  return { message, expected, ...(because !== undefined && { because }) };
}

/** TAP version 14: `#` begins a directive, so it is escaped in names. */
function* asTap(tested: readonly Tested[]): Generator<string> {
  yield `TAP version 14\n1..${tested.length}\n`;
  for (const [i, { file, line, name, failure }] of tested.entries()) {
    const plain = name.replaceAll(/[\\#]/g, "\\$&").replaceAll(/\s+/g, " ");
    yield `${failure === undefined ? "ok" : "not ok"} ${i + 1} - ${plain}\n`;
    if (failure === undefined) continue;
    yield "  ---\n";
    yield `  at: ${JSON.stringify(`${file}:${line}`)}\n`;
    yield `  expected: ${JSON.stringify(failure.expected)}\n`;
    yield `  found: ${JSON.stringify(failure.message)}\n`;
    yield* reasonsOf(failure).map((reason) => `  ${reason}\n`);
    yield "  ...\n";
  }
}

function reasonsOf({ because }: Failure): readonly string[] {
  if (because === undefined) return [];
  const { egress, ingress } = because;
  const lines = [
    `egress: ${JSON.stringify(egress.text)}`,
    `ingress: ${JSON.stringify(ingress.text)}`,
    ...[...egress.nearMisses, ...ingress.nearMisses].map((miss) => `  - ${JSON.stringify(miss)}`),
  ];
  return lines.length > 2 ? lines.toSpliced(2, 0, "nearest:") : lines;
}

async function writeJunit(file: string, tested: readonly Tested[]): Promise<void> {
  try {
    await writeFile(file, formatJunit(tested));
  } catch (error) {
    throw new CliError(EXIT.usage, `--junit ${file}: cannot be written: ${describeError(error)}`, error);
  }
}
