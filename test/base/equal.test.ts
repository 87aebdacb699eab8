import assert from "node:assert/strict";
import fc from "fast-check";
import { isEqual } from "#base/equal.ts";

const plain = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.bigInt(), fc.constant(null), fc.constant(undefined)),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.string(), tie("value"), { maxKeys: 3 }),
    fc.array(fc.tuple(fc.string(), tie("value")), { maxLength: 3 }).map((entries) => new Map(entries)),
    fc.array(fc.string(), { maxLength: 3 }).map((members) => new Set(members)),
    fc.uint8Array({ maxLength: 4 }),
  ),
})).value;

describe("isEqual", () => {
  it("holds between a value and its copy", () => {
    fc.assert(fc.property(plain, (value) => assert.ok(isEqual(value, structuredClone(value)))));
  });

  it("is symmetric", () => {
    fc.assert(fc.property(plain, plain, (a, b) => assert.equal(isEqual(a, b), isEqual(b, a))));
  });

  for (const [a, b] of [
    [1, 1n],
    [0, "0"],
    [null, undefined],
    [{}, null],
    [{ a: undefined }, {}],
    [[1, 2], [1]],
    [new Map([["a", 1]]), new Map([["a", 2]])],
    [new Map([["a", undefined]]), new Map([["b", undefined]])],
    [new Set(["a"]), new Set(["b"])],
    [new Uint8Array([1]), new Uint8Array([2])],
    [new Set(), {}],
    [new Map(), {}],
    [[], {}],
  ] as const)
    it(`tells ${show(a)} from ${show(b)}`, () => {
      assert.equal(isEqual(a, b), false);
      assert.equal(isEqual(b, a), false);
    });
});

function show(value: unknown): string {
  if (value instanceof Map) return `Map ${JSON.stringify([...value])}`;
  if (value instanceof Set) return `Set ${JSON.stringify([...value])}`;
  if (value instanceof Uint8Array) return `bytes ${[...value]}`;
  return typeof value === "bigint" ? `${value}n` : (JSON.stringify(value) ?? "undefined");
}
