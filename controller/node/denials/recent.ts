/** The last records of a kind, and those that come. */
export interface Recent<T> {
  add(record: T): void;
  /** The last ones, the oldest first. */
  recent(): Iterable<T>;
  /** From now on, until the signal comes. A reader that is too slow misses what it cannot keep. */
  follow(signal: AbortSignal): AsyncIterable<T>;
}

/** So many are remembered, and so many may wait for a reader. */
const KEPT = 1000;

export function createRecent<T>(): Recent<T> {
  const kept: T[] = [];
  const followers = new Set<Follower<T>>();
  return {
    add(record) {
      kept.push(record);
      if (kept.length > KEPT) kept.shift();
      for (const follower of followers) follower.offer(record);
    },
    recent: () => [...kept],
    follow(signal) {
      const follower = new Follower<T>(signal, () => followers.delete(follower));
      followers.add(follower);
      return follower;
    },
  };
}

/** Records on their way to one reader. */
class Follower<T> implements AsyncIterable<T> {
  readonly #signal: AbortSignal;
  readonly #end: () => void;
  readonly #waiting: T[] = [];
  #wake: (() => void) | undefined;

  constructor(signal: AbortSignal, end: () => void) {
    this.#signal = signal;
    this.#end = end;
    signal.addEventListener("abort", () => this.#wake?.(), { once: true });
  }

  offer(record: T): void {
    if (this.#waiting.length < KEPT) this.#waiting.push(record);
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    try {
      while (!this.#signal.aborted) {
        const next = this.#waiting.shift();
        if (next !== undefined) yield next;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.#end();
    }
  }
}
