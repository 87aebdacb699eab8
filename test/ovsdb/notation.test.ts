import assert from "node:assert/strict";
import fc from "fast-check";
import { namedUuid, type OvsAtom, OvsdbError, type OvsValue, ovsMap, ovsSet, parseUuid, uuid } from "#ovsdb/index.ts";
import { parseJson, printJson } from "#ovsdb/json-text.ts";
import { decodeValue, encodeValue } from "#ovsdb/notation.ts";

const ID = "6b1de2a4-0000-4000-8000-00000000000a";

const integer64 = fc
  .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  .map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value));
const atom: fc.Arbitrary<OvsAtom> = fc.oneof(
  fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0")),
  integer64,
  fc.double({ noNaN: true, noDefaultInfinity: true, maxExcluded: true }).filter((value) => Math.abs(value) < 2 ** 53),
  fc.boolean(),
  fc.uuid().map((text) => uuid(text)),
  fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/).map(namedUuid),
);
const value: fc.Arbitrary<OvsValue> = fc.oneof(
  atom,
  fc.array(atom, { maxLength: 6 }).map(ovsSet),
  fc.array(fc.tuple(atom, atom), { maxLength: 6 }).map(ovsMap),
);

describe("the notation of RFC 7047", () => {
  it("gives back every value that went through JSON text", () => {
    fc.assert(
      fc.property(value, (before) => {
        const after = decodeValue(parseJson(printJson(encodeValue(before, "c"))));
        assert.deepEqual(after, normalZero(before));
      }),
    );
  });

  it("writes values as the RFC has them", () => {
    assert.deepEqual(encodeValue("a", "c"), "a");
    assert.deepEqual(encodeValue(uuid(ID.toUpperCase()), "c"), ["uuid", ID]);
    assert.deepEqual(encodeValue(namedUuid("row"), "c"), ["named-uuid", "row"]);
    assert.deepEqual(encodeValue(ovsSet([]), "c"), ["set", []]);
    assert.deepEqual(encodeValue(ovsSet([1, 2]), "c"), ["set", [1, 2]]);
    assert.deepEqual(encodeValue(ovsMap({ a: "b" }), "c"), ["map", [["a", "b"]]]);
  });

  it("keeps all 64 bits of integers", () => {
    const text =
      '{"a":9223372036854775807,"b":-9223372036854775808,"c":9007199254740991,"d":1e300,"e":"9223372036854775807"}';
    const parsed = parseJson(text);
    assert.deepEqual(parsed, {
      a: 9223372036854775807n,
      b: -9223372036854775808n,
      c: 9007199254740991,
      d: 1e300,
      e: "9223372036854775807",
    });
  });

  it("refuses what would make ovsdb-server drop the connection, naming the column", () => {
    const bad: OvsValue[] = ["a\0b", "\ud800", Number.NaN, Number.POSITIVE_INFINITY, 2n ** 63n, namedUuid("1-x")];
    for (const refused of bad) {
      assert.throws(
        () => encodeValue(refused, "external_ids"),
        (error) => error instanceof OvsdbError && error.code === "E_OVSDB_VALUE" && /external_ids/.test(error.message),
      );
    }
  });

  it("refuses notation that is none", () => {
    for (const json of [null, {}, [], ["uuid", "x"], ["set", 1], ["map", [["a"]]], ["set", [null]], ["set"]]) {
      assert.throws(() => decodeValue(json), { code: "E_OVSDB_PROTOCOL" });
    }
  });

  it("takes UUIDs only as UUIDs", () => {
    assert.equal(parseUuid(ID), ID);
    for (const text of ["", "x", `${ID}0`, ID.replace("-", "")]) {
      assert.throws(() => parseUuid(text), { code: "E_OVSDB_VALUE" });
    }
  });
});

/** JSON from here has no negative zero: no column tells it from zero. */
function normalZero(before: OvsValue): OvsValue {
  const plain = (a: OvsAtom): OvsAtom => (Object.is(a, -0) ? 0 : a);
  if (typeof before !== "object") return plain(before);
  if ("set" in before) return ovsSet(before.set.map(plain));
  return "map" in before ? ovsMap(before.map.map(([k, v]) => [plain(k), plain(v)] as const)) : before;
}
