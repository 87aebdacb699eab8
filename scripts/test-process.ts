import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { TestEvent } from "./test-events.ts";

export interface ProcessOptions {
  readonly files: readonly string[];
  readonly grep?: string | undefined;
  /** The whole process is ended after this many milliseconds, and that is a failure. */
  readonly limit: number;
  readonly onEvent: (event: TestEvent) => void;
}

/** How long a process may live on after its last test: time for sockets to close, too little for a forgotten timer. */
const EXIT_GRACE = 10_000;

/** Runs test files in one mocha process. What goes wrong outside of any test comes back as a "fail" event too. */
export function runMocha(options: ProcessOptions): Promise<void> {
  const name = options.files.length === 1 ? options.files[0]! : `${options.files.length} files`;
  const argv = ["node_modules/mocha/bin/mocha.js", "--reporter", "scripts/mocha-reporter.ts"];
  const grep = options.grep === undefined ? [] : ["--grep", options.grep];
  // --no-config: mocha would add the files of .mocharc.json to those named here.
  const child = spawn(
    process.execPath,
    [...argv, "--no-config", "--forbid-only", "--timeout", "20000", ...grep, ...options.files],
    { stdio: ["ignore", "inherit", "inherit", "pipe"], env: { ...process.env, NODE_ENV: "test" } },
  );
  return new Promise((resolve) => {
    let ended = false;
    let failures = 0;
    let killedFor: string | undefined;
    const kill = (reason: string) => {
      killedFor = reason;
      child.kill("SIGKILL");
    };
    const limit = setTimeout(() => kill(`did not finish within ${options.limit / 1000} s`), options.limit);
    let grace: NodeJS.Timeout | undefined;
    const events = child.stdio[3] as Readable;
    const lines = createInterface({ input: events });
    lines.on("line", (line) => {
      const event = JSON.parse(line) as TestEvent;
      if (event.event === "fail") failures++;
      if (event.event === "end") {
        ended = true;
        grace = setTimeout(
          () => kill("went on living after its last test: a socket, timer or child was left open"),
          EXIT_GRACE,
        );
      } else options.onEvent(event);
    });
    child.on("close", (code, signal) => {
      clearTimeout(limit);
      clearTimeout(grace);
      const bad =
        killedFor ??
        (!ended ? `ended (${signal ?? code}) before its tests did` : undefined) ??
        (code !== 0 && failures === 0 ? `exit code ${code} although every test passed` : undefined);
      if (bad !== undefined) options.onEvent({ event: "fail", file: name, title: "the test process", error: bad });
      resolve();
    });
  });
}
