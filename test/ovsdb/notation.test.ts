import assert from "node:assert/strict";
import fc from "fast-check";
import { createColumnCodec } from "#ovsdb/column.ts";
import { namedUuid, type OvsAtom, OvsdbError, type OvsValue, ovsMap, ovsSet, parseUuid, uuid } from "#ovsdb/index.ts";
import { parseJson, printJson } from "#ovsdb/json-text.ts";
import { decodeRow, decodeValue, encodeValue, type Json } from "#ovsdb/notation.ts";

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
        const after = decodeValue(parseJson(printJson(encodeValue(before, "c"))), "c");
        assert.deepEqual(after, normalZero(before));
      }),
    );
  });

  it("gives back all notation that was read", () => {
    const tagged = fc.oneof(
      fc.uuid().map((text): Json => ["uuid", text]),
      fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/).map((name): Json => ["named-uuid", name]),
    );
    const json: fc.Arbitrary<Json> = fc.oneof(fc.string(), fc.boolean(), integer64, tagged);
    const sets = fc.array(json).map((atoms): Json => ["set", atoms]);
    const maps = fc.array(fc.tuple(json, json)).map((pairs): Json => ["map", pairs]);
    fc.assert(
      fc.property(fc.oneof(json, sets, maps), (before) => {
        fc.pre(!printJson(before).includes("\\u0000"));
        assert.deepEqual(encodeValue(decodeValue(before, "c"), "c"), before);
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
      assert.throws(() => decodeValue(json, "c"), { code: "E_OVSDB_PROTOCOL" });
    }
  });

  it("names the place where notation is none, and shows a little of what is there", () => {
    assert.throws(() => decodeRow({ a: 1, b: ["map", [["k", 1], ["l"]]] }, "rows[3]"), {
      code: "E_OVSDB_PROTOCOL",
      message: 'expected a pair of key and value as rows[3].b[1], found ["l"]',
    });
    assert.throws(() => decodeValue(["set", [1, ["uuid", "x"]]], "c"), /uuid as c\[1\], found \["uuid","x"\]/);
  });

  it("throws nothing but its own short error on any JSON", () => {
    const hostile = fc.oneof(
      fc.jsonValue({ maxDepth: 6 }),
      fc.tuple(fc.constantFrom("set", "map", "uuid", "named-uuid"), fc.jsonValue()),
      fc.tuple(fc.constant("map"), fc.array(fc.array(fc.jsonValue(), { maxLength: 3 }))),
    );
    fc.assert(
      fc.property(hostile, (json) => {
        expectOwnError(() => decodeValue(json as Json, "c"));
        expectOwnError(() => decodeRow(json as Json, "c"));
      }),
    );
  });

  it("is not brought down by what is deep or huge", () => {
    let deep: Json = [];
    for (let i = 0; i < 100_000; i++) deep = i % 2 === 0 ? { "": deep } : ["set", [deep]];
    const wide = ["set", new Array<Json>(1_000_000).fill(null)];
    const long = ["uuid", "x".repeat(50_000_000)];
    for (const json of [deep, wide, long, { row: deep }]) {
      assert.throws(() => decodeValue(json, "c"), isOwnError);
      const codec = createColumnCodec(
        { key: { type: "string" }, min: 0, max: 9, ephemeral: false, mutable: true },
        "T.c",
      );
      assert.throws(() => codec.decode(json), isOwnError);
      expectOwnError(() => encodeValue(json as unknown as OvsValue, "c"));
    }
  });

  it("refuses values that are none, whoever made them", () => {
    for (const none of [null, undefined, [], ["a"], {}, { set: 5 }, { map: 5 }, () => 1, Symbol("s"), { uuid: 5 }]) {
      assert.throws(() => encodeValue(none as unknown as OvsValue, "c"), { code: "E_OVSDB_VALUE" });
    }
  });

  it("writes large integers as they are, not as JavaScript rounds them", () => {
    assert.equal(printJson(encodeValue(2 ** 60, "c")), "1152921504606846976");
    assert.equal(printJson(encodeValue(-(2 ** 63), "c")), "-9223372036854775808");
    assert.equal(printJson(encodeValue(2 ** 63, "c")), "9223372036854776000");
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

function isOwnError(error: unknown): boolean {
  return error instanceof OvsdbError && error.message.length < 400;
}

function expectOwnError(decode: () => unknown): void {
  try {
    decode();
  } catch (error) {
    assert.ok(isOwnError(error), String(error));
  }
}
