/** What the switch counted for a flow. */
export interface Reading {
  /** The flow's identity. */
  readonly key: string;
  readonly packets: number;
  readonly bytes: number;
  /** Seconds since the flow was put there. */
  readonly age: number;
  /** Seconds since its last packet, or since it was put there. */
  readonly idle: number;
}

export interface Hits {
  readonly packets: number;
  readonly bytes: number;
  /** Milliseconds since 1970; undefined when there has been none. */
  readonly last: number | undefined;
  /** Since when is counted. */
  readonly since: number;
}

interface Counted extends Hits {
  /** As the switch said last, and when that was. */
  readonly reading: Reading;
  readonly at: number;
}

/**
 * Sums of flows that outlive the flows: one that is written anew begins at 0 in the switch, and goes on here. A process that
 * starts again finds in the switch what was counted before.
 */
export interface HitBook {
  /** All flows that are to be counted, as they are now; what is not among them is forgotten. */
  observe(readings: Iterable<Reading>, now: number): void;
  of(key: string): Hits | undefined;
}

/** Clocks and rounded seconds may differ by so much, in milliseconds. */
const SLACK = 1500;

export function createHitBook(): HitBook {
  let book = new Map<string, Counted>();
  return {
    observe(readings, now) {
      const next = new Map<string, Counted>();
      for (const reading of readings) next.set(reading.key, count(book.get(reading.key), reading, now));
      book = next;
    },
    of: (key) => book.get(key),
  };
}

function count(before: Counted | undefined, reading: Reading, now: number): Counted {
  const { packets, bytes, age, idle } = reading;
  const isAnother = before !== undefined && (packets < before.reading.packets || age * 1000 + SLACK < now - before.at);
  const base = before === undefined || isAnother ? { packets: 0, bytes: 0 } : before.reading;
  const grown = packets - base.packets;
  return {
    packets: (before?.packets ?? 0) + grown,
    bytes: (before?.bytes ?? 0) + bytes - base.bytes,
    last: grown > 0 ? Math.max(before?.last ?? 0, now - idle * 1000) : before?.last,
    since: before?.since ?? now - age * 1000,
    ...{ reading, at: now },
  };
}
