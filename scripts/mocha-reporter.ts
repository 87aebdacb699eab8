import { writeSync } from "node:fs";
import { relative } from "node:path";
import { skipReason } from "../test/support/skip.ts";
import type { TestEvent } from "./test-events.ts";

/** The mocha reporter of `make test`: says nothing itself, hands every result to scripts/test.ts on descriptor 3. */
export default class PipeReporter {
  constructor(runner: Mocha.Runner) {
    runner.on("pass", (test) => send({ event: "pass", ...identify(test), milliseconds: test.duration ?? 0 }));
    // A failing hook arrives here too, under the hook's name.
    runner.on("fail", (test, error: unknown) => send({ event: "fail", ...identify(test), error: describe(error) }));
    runner.on("pending", (test) =>
      send({ event: "skip", ...identify(test), reason: skipReason(test) ?? "no reason given" }),
    );
    runner.on("end", () => send({ event: "end" }));
  }
}

function identify(test: Mocha.Runnable): { file: string; title: string } {
  const file = test.file ?? test.parent?.file;
  return { file: file === undefined ? "" : relative(process.cwd(), file), title: test.fullTitle() };
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = (error.stack ?? error.message)
    .split("\n")
    .filter((line) => !/^\s+at .*(node_modules|node:internal)/.test(line))
    .join("\n");
  return error.cause === undefined ? own : `${own}\ncaused by: ${describe(error.cause)}`;
}

/** Synchronous, so that nothing is lost if a test ends the process. */
function send(event: TestEvent): void {
  const line = Buffer.from(`${JSON.stringify(event)}\n`);
  for (let at = 0; at < line.length; ) {
    try {
      at += writeSync(3, line, at);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
    }
  }
}
