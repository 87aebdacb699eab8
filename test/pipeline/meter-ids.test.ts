import assert from "node:assert/strict";
import { createMeterIds } from "#pipeline/index/meter-ids.ts";
import { FIRST_POLICY_METER } from "#pipeline/layout/meters.ts";

describe("the numbers of policies' meters", () => {
  it("follow from the policies that have one, and are none of those that every bridge has", () => {
    const [one, other] = [createMeterIds(), createMeterIds()];
    for (const key of ["shop/a", "shop/b"]) one.set(key, true);
    for (const key of ["shop/b", "shop/c", "shop/a"]) other.set(key, true);
    other.set("shop/c", false);
    for (const key of ["shop/a", "shop/b"]) {
      assert.equal(one.idOf(key), other.idOf(key));
      assert.ok((one.idOf(key) ?? 0) >= FIRST_POLICY_METER && (one.idOf(key) ?? 0) < 2 ** 31);
    }
    assert.equal(other.idOf("shop/c"), undefined);
  });

  it("that share a hash are told apart by their order, and it is told whose number moves", () => {
    const ids = createMeterIds(() => 0x1234_5670);
    assert.deepEqual(ids.set("b", true), ["b"]);
    const alone = ids.idOf("b");
    assert.deepEqual(ids.set("a", true), ["a", "b"]);
    assert.deepEqual([ids.idOf("a"), ids.idOf("b")], [alone, (alone ?? 0) + 1]);
    assert.deepEqual(ids.set("a", true), [], "that is no news");
    assert.deepEqual(ids.set("a", false), ["a", "b"]);
    assert.deepEqual([ids.idOf("a"), ids.idOf("b")], [undefined, alone]);
  });
});
