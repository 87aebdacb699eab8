import assert from "node:assert/strict";
import fc from "fast-check";
import { createHitBook, type Reading } from "#pipeline/policy-status/hits.ts";
import { createMeterBook } from "#pipeline/policy-status/meter-book.ts";

const MINUTE = 60_000;
const START = Date.parse("2026-01-02T03:04:00Z");

function reading(packets: number, age: number, idle: number, key = "rule"): Reading {
  return { key, packets, bytes: packets * 100, age, idle };
}

describe("hits", () => {
  it("are what the switch counted, from before this process too", () => {
    const book = createHitBook();
    book.observe([reading(5, 600, 60), reading(0, 30, 30, "new")], START);
    assert.deepEqual(pick(book.of("rule")), [5, 500, START - MINUTE, START - 10 * MINUTE]);
    assert.deepEqual(pick(book.of("new")), [0, 0, undefined, START - 30_000]);
    assert.equal(book.of("other"), undefined);
  });

  it("go up with the flow's, and keep the time of the last", () => {
    const book = createHitBook();
    book.observe([reading(5, 60, 0)], START);
    book.observe([reading(5, 120, 60)], START + MINUTE);
    assert.deepEqual(pick(book.of("rule")), [5, 500, START, START - MINUTE]);
    book.observe([reading(9, 180, 20)], START + 2 * MINUTE);
    assert.deepEqual(pick(book.of("rule")), [9, 900, START + 2 * MINUTE - 20_000, START - MINUTE]);
  });

  it("go on when the flow is written anew, with fewer packets or more", () => {
    const book = createHitBook();
    book.observe([reading(5, 60, 0)], START);
    book.observe([reading(2, 10, 0)], START + MINUTE);
    assert.deepEqual(pick(book.of("rule")), [7, 700, START + MINUTE, START - MINUTE]);
    book.observe([reading(30, 20, 0)], START + 2 * MINUTE);
    assert.equal(book.of("rule")?.packets, 37);
  });

  it("are forgotten with the flow", () => {
    const book = createHitBook();
    book.observe([reading(5, 60, 0)], START);
    book.observe([], START + MINUTE);
    assert.equal(book.of("rule"), undefined);
  });

  it("are the sum of all packets, however often the flow is written anew and looked at", () => {
    const event = fc.oneof(
      fc.record({ type: fc.constant("packets" as const), count: fc.nat(50) }),
      fc.constantFrom({ type: "again" as const }, { type: "look" as const }),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        const book = createHitBook();
        const flow = { packets: 0, born: START, lost: 0, looked: 0, total: 0 };
        let now = START;
        const look = (): void => {
          book.observe([reading(flow.packets, (now - flow.born) / 1000, 0)], now);
          flow.looked = flow.packets;
        };
        look();
        for (const one of events) {
          now += 10_000;
          if (one.type === "packets") {
            flow.packets += one.count;
            flow.total += one.count;
          } else if (one.type === "look") look();
          else {
            flow.lost += flow.packets - flow.looked;
            Object.assign(flow, { packets: 0, looked: 0, born: now });
          }
        }
        now += 10_000;
        look();
        assert.equal(book.of("rule")?.packets, flow.total - flow.lost, "all but what was counted and never looked at");
      }),
    );
  });

  it("of a meter begin at 0 with the switch, and are forgotten with the meter unless it is Weir's own", () => {
    const book = createMeterBook();
    const seen = (...readings: readonly (readonly [number, number])[]) => {
      book.observe(readings);
      return [book.droppedBy(1), book.droppedBy(100)];
    };
    assert.deepEqual(seen([1, 5], [100, 1]), [5, 1]);
    assert.deepEqual(seen([1, 8], [100, 1]), [8, 1]);
    assert.deepEqual(seen([1, 3], [100, 2]), [11, 2]);
    assert.deepEqual(seen(), [11, 0]);
    assert.deepEqual(seen([1, 2], [100, 7]), [13, 7]);
  });
});

function pick(hits: { packets: number; bytes: number; last: number | undefined; since: number } | undefined) {
  return hits && [hits.packets, hits.bytes, hits.last, hits.since];
}
