import type { Backoff } from "#base/backoff.ts";
import { describeError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";

/** Resolves after so many milliseconds; rejects when the signal comes first. */
export type Wait = (milliseconds: number, signal: AbortSignal) => Promise<void>;

export interface LatestWriterOptions<T> {
  /** For the log: "the node's condition". */
  readonly what: string;
  /** Rejects when it should be tried again. */
  write(value: T): Promise<void>;
  /** How long a value must stand before it is written, in milliseconds. */
  patience(value: T): number;
  readonly backoff: Backoff;
  readonly wait: Wait;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * Writes the last value given, best effort: one write at a time, tried again with back-off until it goes through or a newer
 * value takes its place. Nobody waits for it.
 */
export class LatestWriter<T> {
  readonly #options: LatestWriterOptions<T>;
  #pending: { readonly value: T } | undefined;
  #interrupt = new AbortController();
  #running = false;
  #waiting = false;

  constructor(options: LatestWriterOptions<T>) {
    this.#options = options;
    options.signal.addEventListener("abort", () => this.#interrupt.abort(), { once: true });
  }

  /** Something is to be written, and its write has not begun. */
  get isWaiting(): boolean {
    return this.#waiting;
  }

  set(value: T): void {
    this.#pending = { value };
    this.#interrupt.abort();
    if (this.#running || this.#options.signal.aborted) return;
    this.#running = true;
    // Its failures are logged and retried within; it ends with nothing pending.
    void this.#run();
  }

  async #run(): Promise<void> {
    const { write, patience, backoff, signal } = this.#options;
    while (this.#pending !== undefined && !signal.aborted) {
      const attempt = this.#pending;
      this.#interrupt = new AbortController();
      if (!(await this.#stands(patience(attempt.value)))) continue;
      try {
        await write(attempt.value);
        backoff.reset();
        if (this.#pending === attempt) this.#pending = undefined;
      } catch (error) {
        const pause = backoff.next();
        this.#options.log.warn(`cannot write ${this.#options.what}; will try again`, {
          error: describeError(error),
          inMilliseconds: Math.round(pause),
        });
        await this.#stands(pause);
      }
    }
    this.#running = false;
  }

  /** False when a newer value, or the end, came before the time was over. */
  async #stands(milliseconds: number): Promise<boolean> {
    if (milliseconds <= 0) return !this.#options.signal.aborted;
    const { signal } = this.#interrupt;
    if (this.#options.signal.aborted || signal.aborted) return false;
    this.#waiting = true;
    const stood = await this.#options.wait(milliseconds, signal).then(
      () => true,
      () => false,
    );
    this.#waiting = false;
    return stood;
  }
}
