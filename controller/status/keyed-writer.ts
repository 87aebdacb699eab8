import type { Backoff } from "#base/backoff.ts";
import { describeError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { Wait } from "./latest-writer.ts";

export interface KeyedWriterOptions {
  /** For the log: "the status of a policy". */
  readonly what: string;
  /** Writes what is to be said of a key by then. Rejects when it should be tried again. */
  write(key: string): Promise<void>;
  /** From a change to its writing, in milliseconds: what changes meanwhile is written with it. */
  readonly settle: number;
  readonly backoff: Backoff;
  readonly wait: Wait;
  /** Milliseconds that only rise. */
  now(): number;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Keys whose writing is due, best effort: one write at a time, each key once however often it was touched. */
export interface KeyedWriter {
  touch(key: string): void;
}

export function createKeyedWriter(options: KeyedWriterOptions): KeyedWriter {
  const { write, settle, backoff, wait, now, signal } = options;
  /** In the order in which they are due. */
  const dueAt = new Map<string, number>();
  let running = false;

  async function run(): Promise<void> {
    for (const [key, due] of dueAt) {
      await wait(Math.max(0, due - now()), signal);
      dueAt.delete(key);
      try {
        await write(key);
        backoff.reset();
      } catch (error) {
        if (signal.aborted) return;
        const pause = backoff.next();
        const fields = { key, error: describeError(error), inMilliseconds: Math.round(pause) };
        options.log.warn(`cannot write ${options.what}; will try again`, fields);
        // Behind all others: one that the server does not take must not be in their way.
        touch(key);
        await wait(pause, signal);
      }
    }
    // At once with the end of the loop: whoever touches from now on starts anew.
    running = false;
  }

  function touch(key: string): void {
    if (signal.aborted || dueAt.has(key)) return;
    dueAt.set(key, now() + settle);
    if (running) return;
    running = true;
    // Only the end comes here: waiting rejects when the signal does.
    run().catch(() => dueAt.clear());
  }
  return { touch };
}
