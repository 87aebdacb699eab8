import assert from "node:assert/strict";
import fc from "fast-check";
import { checkOperations } from "#ovsdb/check-operations.ts";
import {
  abort,
  assert as assertLock,
  type ConditionFunction,
  comment,
  commit,
  connectOvsdb,
  insert,
  type Mutator,
  mutate,
  namedUuid,
  type Operation,
  type OvsAtom,
  type OvsdbClient,
  OvsdbError,
  type OvsValue,
  ovsMap,
  ovsSet,
  parseUuid,
  remove,
  select,
  update,
  uuid,
  wait,
} from "#ovsdb/index.ts";
import { printJson } from "#ovsdb/json-text.ts";
import { isJsonObject, type Json } from "#ovsdb/notation.ts";
import { type DatabaseSchema, parseSchema } from "#ovsdb/schema.ts";
import { encodeOperation } from "#ovsdb/transaction.ts";
import { arbitraryOperation } from "#test/ovsdb/support/arbitrary-operation.ts";
import { CONSTRAINT_SCHEMA, TYPES } from "#test/ovsdb/support/constraint-schema.ts";
import { type OvsdbProcess, type OvsdbProcessOptions, startOvsdb } from "#test/ovsdb/support/ovsdb-process.ts";

const DATABASE = "Constraints";
const ID = "6b1de2a4-0000-4000-8000-00000000000a";
const RUNS = Number(process.env["RUNS"] ?? 3000);

const atom: fc.Arbitrary<OvsAtom> = fc.oneof(
  fc.integer({ min: -4, max: 7 }),
  fc.constantFrom(
    0.5,
    1.25,
    1.5,
    2.5,
    -0.5,
    1e21,
    2 ** 63,
    -(2 ** 63),
    9007199254740992,
    9007199254740993n,
    1n,
    2n ** 64n,
  ),
  fc.boolean(),
  fc.constantFrom("", "a", "b", "c", "class", "ab", "abc", "abcd", "\u{1F600}", "\u{1F600}\u{1F600}\u{1F600}", "é\0"),
  fc.constantFrom(uuid(ID), uuid(ID.replace("a4", "a5"))),
  fc.constantFrom(namedUuid("target"), namedUuid("target")),
);
/** Most values are nearly right: of few atoms, which repeat. */
const value: fc.Arbitrary<OvsValue> = fc.oneof(
  atom,
  fc.array(atom, { maxLength: 5 }).map(ovsSet),
  fc.array(fc.tuple(atom, atom), { maxLength: 4 }).map((pairs) => ovsMap(pairs)),
);
/** Of the column's own type, so that many are accepted. */
function ownValueOf(table: string): fc.Arbitrary<OvsValue> {
  const { key, value: item } = TYPES.get(table)!;
  const keys = atomOf(key);
  if (item !== undefined) {
    return fc.array(fc.tuple(keys, atomOf(item)), { maxLength: 4 }).map((pairs) => ovsMap(pairs));
  }
  return fc.oneof(keys, fc.array(keys, { maxLength: 4 }).map(ovsSet));
}

function atomOf(base: Json | undefined): fc.Arbitrary<OvsAtom> {
  const type = isJsonObject(base) ? base["type"] : base;
  const runtimeType = type === "uuid" ? "object" : type === "integer" || type === "real" ? "number" : type;
  return atom.filter((one) => typeof one === runtimeType);
}

/** Whether a row is there that a UUID refers to, no client can know. */
function isKnowable(table: string, given: OvsValue): boolean {
  const refers = printJson(TYPES.get(table)!).includes("refTable");
  return !refers || !textOf(given).includes(ID.slice(8));
}

const CONDITIONS: readonly ConditionFunction[] = ["==", "!=", "<", "<=", ">", ">=", "includes", "excludes"];
const MUTATORS: readonly Mutator[] = ["+=", "-=", "*=", "/=", "%=", "insert", "delete"];

/** One operation on one column; each but an insert meets an empty table, so that only what was written counts. */
const operation: fc.Arbitrary<Operation> = fc
  .tuple(fc.constantFrom(...TYPES.keys()), fc.boolean(), fc.boolean())
  .chain(([type, fixed, right]) => {
    const table = fixed ? `${type}_fixed` : type;
    const values = (right ? ownValueOf(type) : value).filter((given) => isKnowable(type, given));
    return fc.oneof(
      fc.constant(insert(table, {})),
      values.map((c) => insert(table, { c })),
      values.map((c) => update(table, [], { c })),
      fc.tuple(fc.constantFrom(...MUTATORS), values).map(([mutator, c]) => mutate(table, [], [["c", mutator, c]])),
      fc.tuple(fc.constantFrom(...CONDITIONS), values).map(([test, c]) => select(table, [["c", test, c]], ["c"])),
      values.map((c) => wait(table, [], ["c"], "!=", [{ c }], { timeout: 0 })),
    );
  });

/** Missing references are found by the server when it commits. */
const OPEN_REFERENCE = /has to be given: .*a reference to a row/;

async function connectTo(options: OvsdbProcessOptions): Promise<{ server: OvsdbProcess; client: OvsdbClient }> {
  const server = await startOvsdb(options);
  return { server, client: await connectOvsdb({ remote: server.remote }) };
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_key, one) => (typeof one === "bigint" ? `${one}` : one));
}

describe("a transaction that is checked before it is sent", () => {
  const schema: DatabaseSchema = parseSchema(CONSTRAINT_SCHEMA);
  let server: OvsdbProcess;
  let client: OvsdbClient;
  before(async () => {
    ({ server, client } = await connectTo({ schemaText: printJson(CONSTRAINT_SCHEMA) }));
  });
  after(async () => {
    client.close();
    await server.close();
  });

  /** Past the check: what the server itself says; undefined if it accepts. */
  async function refusalOf(operations: readonly Operation[]): Promise<string | undefined> {
    const results = await client.request("transact", [DATABASE, ...operations.map(encodeOperation)]);
    assert.ok(Array.isArray(results));
    const failed = results.find((result: Json) => isJsonObject(result) && typeof result["error"] === "string");
    return failed === undefined || failed["error"] === "timed out" ? undefined : printJson(failed);
  }

  function faultOf(operations: readonly Operation[], against = schema): OvsdbError | undefined {
    try {
      checkOperations(operations, against);
      return undefined;
    } catch (error) {
      assert.ok(error instanceof OvsdbError, String(error));
      assert.equal(error.code, "E_OVSDB_VALUE");
      return error;
    }
  }

  it("is refused exactly where ovsdb-server refuses it, whatever the column and the value", async function () {
    this.timeout(120_000);
    await fc.assert(
      fc.asyncProperty(operation, async (one) => {
        const operations = [insert("Target", { name: "t" }, "target"), one];
        const fault = faultOf(operations);
        let refusal: string | undefined;
        try {
          refusal = await refusalOf(operations);
        } catch (error) {
          assert.ok(error instanceof OvsdbError && error.code === "E_OVSDB_VALUE", String(error));
          refusal = error.message; // no text could stand for it
        }
        assert.equal(fault === undefined, refusal === undefined, `${fault?.message} / ${refusal}`);
        if (fault !== undefined) {
          const { operation: index, table, column } = fault.details;
          assert.deepEqual({ index, table, column }, { index: 1, table: "table" in one ? one.table : "", column: "c" });
        }
        if (refusal === undefined && one.op === "insert") await refusalOf([remove(one.table, [])]);
        await refusalOf([remove("Target", [])]);
      }),
      { numRuns: RUNS },
    );
  });

  const REFUSED: readonly (readonly [Operation, message: RegExp])[] = [
    [insert("Nowhere", {}), /names a table that Constraints lacks; it has Other, Target, boolean_few, /],
    [insert("Target", { nam: "x" }), /of Target .* column nam is not there; there are name$/],
    [insert("range_one", { c: 6 }), /column c should be given an integer of -2\.\.5, not 6$/],
    [insert("words_one", {}), /column c has to be given: one of a, b, class$/],
    [insert("words_one", { c: "x" }), /should be given one of a, b, class, not "x"$/],
    [insert("string_few", { c: ovsSet(["a", "a"]) }), /ovsSet of a string, each once, not/],
    [insert("string_some", { c: ovsSet([]) }), /1 to 3 of them, not/],
    [
      insert("string_to_string_many", {
        c: ovsMap([
          ["a", "b"],
          ["a", "c"],
        ]),
      }),
      /each key once/,
    ],
    [insert("length_one", { c: "a" }), /a string of length 2\.\.3, not "a"$/],
    [insert("string_one", { c: "a\0b" }), /a string without NUL characters/],
    [insert("string_one", { c: "\ud800" }), /a string without lone surrogates/],
    [insert("strong_one", { c: "x" }), /a reference to a row of Target/],
    [insert("Target", {}, "1x"), /should have a uuidName of letters, digits and "_", not "1x"/],
    [update("string_one_fixed", [], { c: "x" }), /column c can only be given when a row is inserted/],
    [update("string_one", [], { _version: uuid(ID) }), /column _version can only be given/],
    [mutate("string_one", [], [["c", "+=", 1]]), /cannot be changed by \+=: it is no number/],
    [mutate("string_one", [], [["c", "insert", "x"]]), /it is neither a set nor a map/],
    [mutate("real_one", [], [["c", "%=", 2]]), /it is no integer/],
    [select("string_one", [["c", "<", "x"]]), /cannot be compared by <: it is no number/],
    [select("string_one", [], ["c", "c"]), /should name each column once/],
    [wait("string_one", [], ["c"], "==", [], { timeout: -1 }), /whole milliseconds as timeout, not -1/],
    [comment("a\0b"), /without NUL/],
    [assertLock("a lock"), /should name a lock of letters/],
  ];
  for (const [refused, message] of REFUSED) {
    it(`says why it is refused: ${message.source}`, async () => {
      const fault = faultOf([refused]);
      assert.match(fault?.message ?? "", message);
      await assert.rejects(client.transact(DATABASE, [refused]), { code: "E_OVSDB_VALUE", message: fault!.message });
    });
  }

  it("may say everything that the server takes", async () => {
    const chosen = parseUuid("6b1de2a4-0000-4000-8000-00000000000c");
    const results = await client.transact(DATABASE, [
      insert("Target", { name: "t" }, "target", chosen),
      insert("strong_to_words_some", { c: ovsMap([[namedUuid("target"), "class"]]) }),
      insert("huge_one", { c: 9007199254740993n }),
      insert("integer_few", { c: ovsSet([2 ** 60, -(2 ** 63), 1]) }),
      select("strong_to_words_some", [["c", "includes", ovsMap([[namedUuid("target"), "class"]])]], ["c"]),
      select("huge_one", [true], ["c"]),
      select("integer_few", [], ["c"]),
      select("Target", [false]),
      comment("all of it"),
      commit(true),
    ]);
    assert.equal(results[0].uuid, chosen);
    assert.deepEqual(results[4].rows, [{ c: new Map([[chosen, "class"]]) }]);
    assert.deepEqual(results[5].rows, [{ c: 9007199254740993n }]);
    assert.deepEqual(results[6].rows, [{ c: [-(2n ** 63n), 1, 2n ** 60n] }]);
    assert.deepEqual(results[7].rows, []);
    await client.transact(
      DATABASE,
      [...TYPES.keys(), "Target"].map((table) => remove(table, [])),
    );
  });

  it("is refused, too, where the server would pass over in silence what it cannot mean", async () => {
    const silent: readonly (readonly [readonly Operation[], RegExp])[] = [
      [[insert("string_one", { _uuid: uuid(ID) })], /column _uuid is written by the server alone/],
      [[insert("weak_optional", { c: namedUuid("nobody") })], /refers to nobody, which no insert/],
      [[insert("Other", {}, "other"), insert("weak_many", { c: namedUuid("other") })], /other is one of Other/],
    ];
    for (const [operations, message] of silent) {
      assert.match(faultOf(operations)?.message ?? "", message);
      assert.equal(await refusalOf(operations), undefined);
    }
    const twice = [insert("Target", {}, "same"), insert("Target", {}, "same")];
    assert.match(faultOf(twice)?.message ?? "", /uuidName of its own/);
    assert.match((await refusalOf(twice)) ?? "", /duplicate uuid-name/);
  });

  it("is refused exactly where ovsdb-server refuses it, over all of Open_vSwitch's tables", async function () {
    this.timeout(120_000);
    const { server: real, client: ovs } = await connectTo({});
    try {
      const openVSwitch = await ovs.getSchema("Open_vSwitch");
      await fc.assert(
        fc.asyncProperty(arbitraryOperation(openVSwitch), async (one) => {
          const fault = faultOf([one], openVSwitch);
          if (fault !== undefined && (textOf(one).includes("\\u0000") || OPEN_REFERENCE.test(fault.message))) return;
          const aborted = [one, abort()].map(encodeOperation);
          const results = await ovs.request("transact", ["Open_vSwitch", ...aborted]);
          const [first] = Array.isArray(results) ? results : [];
          const refusal = isJsonObject(first) && "error" in first ? printJson(first) : undefined;
          assert.equal(fault === undefined, refusal === undefined, `${fault?.message} / ${refusal}`);
        }),
        { numRuns: RUNS },
      );
    } finally {
      ovs.close();
      await real.close();
    }
  });

  it("leaves to the server what only it can know, which keeps the server's code", async () => {
    const nobody = parseUuid(ID);
    const twice = [insert("Target", {}, undefined, nobody), insert("Target", {}, undefined, nobody)];
    const refused: readonly (readonly [readonly Operation[], code: string])[] = [
      [[insert("strong_one", { c: uuid(nobody) })], "E_OVSDB_REFERENCE"],
      [[insert("range_one", { c: 5 }), mutate("range_one", [], [["c", "+=", 1]])], "E_OVSDB_CONSTRAINT"],
      [[insert("range_one", { c: 5 }), mutate("range_one", [], [["c", "/=", 0]])], "E_OVSDB_DOMAIN"],
      [[insert("integer_one", { c: 2n ** 63n - 1n }), mutate("integer_one", [], [["c", "+=", 1]])], "E_OVSDB_RANGE"],
      [twice, "E_OVSDB_DUPLICATE_UUID"],
      [[wait("Target", [], ["name"], "!=", [], { timeout: 0 })], "E_OVSDB_WAIT"],
      [[assertLock("not_ours")], "E_OVSDB_NOT_OWNER"],
      [[abort()], "E_OVSDB_ABORTED"],
    ];
    for (const [operations, code] of refused) await assert.rejects(client.transact(DATABASE, operations), { code });
  });
});
