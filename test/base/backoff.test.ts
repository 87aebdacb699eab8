import assert from "node:assert/strict";
import fc from "fast-check";
import { createBackoff } from "#base/backoff.ts";

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe("backoff", () => {
  it("doubles up to its limit, each wait between half and all of its step", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.integer({ min: 1000, max: 100_000 }),
        random,
        (first, limit, r) => {
          const backoff = createBackoff(first, limit, () => r);
          for (let attempt = 0; attempt < 40; attempt++) {
            const step = Math.min(limit, first * 2 ** attempt);
            const wait = backoff.next();
            assert.ok(wait >= step / 2 && wait <= step, `attempt ${attempt}: ${wait} of ${step}`);
          }
        },
      ),
    );
  });

  it("begins again after a reset", () => {
    const backoff = createBackoff(100, 10_000, () => 0);
    const first = backoff.next();
    backoff.next();
    backoff.next();
    backoff.reset();
    assert.equal(backoff.next(), first);
  });

  it("spreads its waits: two processes that failed together do not come back together", () => {
    const low = createBackoff(100, 10_000, () => 0).next();
    const high = createBackoff(100, 10_000, () => 0.999).next();
    assert.ok(high > low);
  });
});
