import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { createBackoff } from "#base/backoff.ts";
import type { Log } from "#base/log.ts";

export interface AddressWatch {
  readonly log: Log;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Some interface or address is otherwise now. Comes once for many changes at a time. */
  onChange(): void;
}

/** From the first sign of a change to telling of it: one change is many lines. */
const SETTLE = 100;
/** `ip monitor` does not say when it has begun to listen; what happened before is seen by looking once more. */
const BEGINNING = 1000;
/** One that ran for so long was well. */
const WELL = 10_000;

/** "7: weir0123456789a@if6: <BROADCAST,…": pods come and go, and nothing of theirs matters here. */
const OF_POD = /^(Deleted )?\d+:\s+weir[0-9a-f]{11}(@|:|\s)/;

/** Runs `ip monitor` for as long as the signal lets it, again whenever it ends. Should this process die, its pipe ends it. */
export function watchAddresses({ log, signal, onChange }: AddressWatch): void {
  const backoff = createBackoff(100, 30_000);
  let timer: NodeJS.Timeout | undefined;
  const soon = (after: number): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      onChange();
    }, after);
  };

  function start(): void {
    if (signal.aborted) return;
    const started = performance.now();
    const child = spawn("ip", ["-o", "monitor", "link", "address"], { stdio: ["ignore", "pipe", "pipe"], signal });
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (!OF_POD.test(line)) soon(SETTLE);
    });
    // Most likely it has missed something, for its buffer was full.
    child.stderr.on("data", () => soon(SETTLE));
    let failure: Error | undefined;
    child.on("error", (error) => {
      failure = error;
    });
    child.on("close", (code, killedBy) => {
      if (signal.aborted) return;
      log.warn("ip monitor ended and is started again", {
        reason: failure?.message ?? killedBy ?? `exit code ${code}`,
      });
      if (performance.now() - started > WELL) backoff.reset();
      const again = setTimeout(start, backoff.next());
      signal.addEventListener("abort", () => clearTimeout(again), { once: true });
    });
    soon(BEGINNING);
  }

  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  start();
}
