import assert from "node:assert/strict";
import fc from "fast-check";
import { differenceOf, findAhead } from "#base/lists.ts";

describe("lists of which most is as it was", () => {
  const list = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 60 });
  const distinct = (values: Iterable<number>) => [...new Set(values)].sort((a, b) => a - b);

  it("differ in what stands in one and not in the other, wherever it stands and how often", () => {
    fc.assert(
      fc.property(list, list, (before, after) => {
        const { added, removed } = differenceOf(before, after);
        assert.deepEqual(distinct(added), distinct(after.filter((one) => !before.includes(one))));
        assert.deepEqual(distinct(removed), distinct(before.filter((one) => !after.includes(one))));
      }),
      { numRuns: 2000 },
    );
  });

  it("differ in one member where one was put, taken or changed, in a list however long", () => {
    const long = Array.from({ length: 5000 }, (_, i) => i);
    for (const at of [0, 7, 2500, 4999]) {
      assert.deepEqual(differenceOf(long, long.with(at, -1)), { added: [-1], removed: [at] });
      assert.deepEqual(differenceOf(long, long.toSpliced(at, 1)), { added: [], removed: [at] });
      assert.deepEqual(differenceOf(long, long.toSpliced(at, 0, -1)), { added: [-1], removed: [] });
    }
    assert.deepEqual(differenceOf(long, long.toReversed()), { added: [], removed: [] });
  });

  it("are looked through not far ahead", () => {
    const numbers = Array.from({ length: 100 }, (_, i) => i);
    assert.equal(
      findAhead(numbers, 10, (one) => one === 10),
      10,
    );
    assert.equal(
      findAhead(numbers, 10, (one) => one === 25),
      25,
    );
    assert.equal(
      findAhead(numbers, 10, (one) => one === 26),
      -1,
    );
    assert.equal(
      findAhead(numbers, 10, (one) => one === 9),
      -1,
    );
    assert.equal(
      findAhead(numbers, 98, (one) => one === 99),
      99,
    );
    assert.equal(
      findAhead(numbers, 99, (one) => one === 100),
      -1,
    );
  });
});
