import { FIRST_POLICY_METER } from "../layout/meters.ts";

/** Sums of what meters have dropped, over their and the switch's restarts. */
export interface MeterBook {
  /** All meters as they are now, with what each has dropped. Of those that are not there the sums of Weir's own are kept, of others none. */
  observe(readings: Iterable<readonly [meterId: number, dropped: number]>): void;
  droppedBy(meterId: number): number;
}

export function createMeterBook(): MeterBook {
  let book = new Map<number, { readonly sum: number; readonly reading: number }>();
  return {
    observe(readings) {
      const next = new Map(
        [...book].filter(([id]) => id < FIRST_POLICY_METER).map(([id, { sum }]) => [id, { sum, reading: 0 }]),
      );
      for (const [meterId, reading] of readings) {
        const { sum, reading: last } = book.get(meterId) ?? { sum: 0, reading: 0 };
        next.set(meterId, { sum: sum + growth(last, reading), reading });
      }
      book = next;
    },
    droppedBy: (meterId) => book.get(meterId)?.sum ?? 0,
  };
}

/** How much a counter has grown that begins at 0 again with whoever counts. */
export function growth(before: number, now: number): number {
  return now >= before ? now - before : now;
}
