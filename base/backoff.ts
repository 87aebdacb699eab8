/** Waiting times between attempts: doubling from `first` to `limit` milliseconds, each with full jitter in its upper half. */
export interface Backoff {
  /** The next wait, in milliseconds. */
  next(): number;
  /** Called after a success: the next wait is the first again. */
  reset(): void;
}

export function createBackoff(first: number, limit: number, random: () => number = Math.random): Backoff {
  let attempt = 0;
  return {
    next() {
      const ceiling = Math.min(limit, first * 2 ** Math.min(attempt++, 30));
      return ceiling / 2 + (ceiling / 2) * random();
    },
    reset() {
      attempt = 0;
    },
  };
}
