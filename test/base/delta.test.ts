import assert from "node:assert/strict";
import fc from "fast-check";
import { applyDelta, diffMaps, emptyDelta, invertDelta, isEmptyDelta, squashDeltas } from "#base/delta.ts";

/** Few keys and values, so that random maps overlap. */
const state = fc
  .array(fc.tuple(fc.constantFrom<string[]>("a", "b", "c", "d", "e"), fc.integer({ min: 0, max: 3 })))
  .map((entries) => new Map(entries));

function applied(from: ReadonlyMap<string, number>, ...deltas: readonly ReturnType<typeof diffMaps<string, number>>[]) {
  const target = new Map(from);
  for (const delta of deltas) applyDelta(target, delta);
  return target;
}

describe("deltas", () => {
  it("a difference applied to its start gives its end", () => {
    fc.assert(fc.property(state, state, (from, to) => assert.deepEqual(applied(from, diffMaps(from, to)), to)));
  });

  it("a difference names each key once, and only keys that differ", () => {
    fc.assert(
      fc.property(state, state, (from, to) => {
        const delta = diffMaps(from, to);
        const keys = [...delta.added.keys(), ...delta.changed.keys(), ...delta.removed.keys()];
        assert.equal(new Set(keys).size, keys.length);
        for (const key of ["a", "b", "c", "d", "e"])
          assert.equal(keys.includes(key), from.get(key) !== to.get(key), `key ${key}`);
      }),
    );
  });

  it("is empty exactly when nothing changed", () => {
    fc.assert(
      fc.property(state, state, (from, to) => {
        assert.equal(isEmptyDelta(diffMaps(from, to)), isEmptyDelta(diffMaps(to, from)));
        assert.ok(isEmptyDelta(diffMaps(from, new Map(from))));
      }),
    );
    assert.ok(isEmptyDelta(emptyDelta()));
  });

  it("an inverted delta leads back, and inverting twice changes nothing", () => {
    fc.assert(
      fc.property(state, state, (from, to) => {
        const delta = diffMaps(from, to);
        assert.deepEqual(applied(to, invertDelta(delta)), from);
        assert.deepEqual(invertDelta(invertDelta(delta)), delta);
      }),
    );
  });

  it("squashing two deltas gives the difference of the ends, whatever lay between", () => {
    fc.assert(
      fc.property(state, state, state, (a, b, c) => {
        const squashed = squashDeltas(diffMaps(a, b), diffMaps(b, c));
        assert.deepEqual(sorted(squashed), sorted(diffMaps(a, c)));
      }),
    );
  });

  it("squashing is associative and has the empty delta as its unit", () => {
    fc.assert(
      fc.property(state, state, state, state, (a, b, c, d) => {
        const [x, y, z] = [diffMaps(a, b), diffMaps(b, c), diffMaps(c, d)];
        assert.deepEqual(sorted(squashDeltas(squashDeltas(x, y), z)), sorted(squashDeltas(x, squashDeltas(y, z))));
        assert.deepEqual(sorted(squashDeltas(x, emptyDelta())), sorted(x));
        assert.deepEqual(sorted(squashDeltas(emptyDelta(), x)), sorted(x));
        assert.ok(isEmptyDelta(squashDeltas(x, invertDelta(x))));
      }),
    );
  });

  it("a key that is removed and comes back with another value has changed", () => {
    const squashed = squashDeltas(diffMaps(new Map([["a", 1]]), new Map()), diffMaps(new Map(), new Map([["a", 2]])));
    assert.deepEqual([...squashed.changed], [["a", [1, 2]]]);
    assert.equal(squashed.added.size + squashed.removed.size, 0);
  });

  it("asks the given equality, so that equal values of another identity are no change", () => {
    const sameText = (a: { text: string }, b: { text: string }) => a.text === b.text;
    const before = new Map([["a", { text: "x" }]]);
    const after = new Map([["a", { text: "x" }]]);
    assert.equal(isEmptyDelta(diffMaps(before, after)), false);
    assert.ok(isEmptyDelta(diffMaps(before, after, sameText)));
    const gone = new Map<string, { text: string }>();
    assert.ok(isEmptyDelta(squashDeltas(diffMaps(before, gone), diffMaps(gone, after), sameText)));
  });
});

function sorted(delta: ReturnType<typeof diffMaps<string, number>>) {
  const order = <V>(map: ReadonlyMap<string, V>) => [...map].sort(([a], [b]) => a.localeCompare(b));
  return { added: order(delta.added), changed: order(delta.changed), removed: order(delta.removed) };
}
