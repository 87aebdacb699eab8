import assert from "node:assert/strict";
import { alternate, judge, median, repeat } from "../../bench/bench.ts";
import { formatTable } from "../../bench/table.ts";

describe("the bench harness", () => {
  it("takes the middle value, or the mean of the two middle ones", () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 3, 2]), 2.5);
  });

  it("runs both sides in turn and leaves the first turn out", async () => {
    const order: string[] = [];
    const { weir, anchor } = await alternate(
      3,
      { of: "weir", probe: () => order.push("w") },
      { of: "anchor", probe: () => order.push("a") },
    );
    assert.equal(order.join(""), "wawawawa");
    assert.deepEqual(weir.values, [3, 5, 7]);
    assert.deepEqual(anchor.values, [4, 6, 8]);
    assert.equal((await repeat(2, "one", () => 5)).values.length, 2);
  });

  it("judges a ratio of medians, or the value alone", () => {
    const row = {
      what: "x",
      unit: "ms",
      weir: { of: "weir", values: [12] },
      anchor: { of: "a", values: [10] },
    } as const;
    assert.equal(judge({ ...row, target: { of: "ratio", atMost: 1.25 } }).met, true);
    assert.equal(judge({ ...row, target: { of: "ratio", atMost: 1.1 } }).met, false);
    assert.equal(judge({ ...row, target: { of: "value", atMost: 11 } }).met, false);
    assert.equal(judge({ ...row, target: { of: "value", atLeast: 12 } }).met, true);
    assert.equal(judge(row).met, undefined);
  });

  it("never takes a measurement that failed for a target met", () => {
    const weir = { of: "weir", values: [Number.NaN] };
    assert.equal(judge({ what: "x", unit: "ms", weir, target: { of: "value", atMost: 1 } }).met, false);
  });

  it("prints the medians, their spread, the target and the verdict", () => {
    const row = judge({
      what: "100,000 flows",
      unit: "ms",
      weir: { of: "weir", values: [1100, 1200, 1300] },
      anchor: { of: "ovs-ofctl --bundle", values: [1000, 1000, 1000] },
      target: { of: "ratio", atMost: 1.25 },
    });
    const text = formatTable([row], false);
    assert.match(text, /1200 \(1100-1300\) ms +1000 \(1000-1000\) ms {2}ovs-ofctl --bundle +1\.2 +<= 1\.25x +ok$/);
  });
});
