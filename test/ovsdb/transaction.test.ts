import assert from "node:assert/strict";
import fc from "fast-check";
import { comment, connectOvsdb, insert, mutate, type Operation, OvsdbError, select, update } from "#ovsdb/index.ts";
import type { Json, JsonObject } from "#ovsdb/notation.ts";
import { parseSchema } from "#ovsdb/schema.ts";
import { decodeResults } from "#ovsdb/transaction.ts";
import { type FakeServer, reply, startFakeServer } from "#test/ovsdb/support/fake-server.ts";

const ID = "6b1de2a4-0000-4000-8000-00000000000a";
const SCHEMA = schemaWith("a", "b");

function schemaWith(...names: readonly string[]): JsonObject {
  const tags = { type: { key: "string", min: 0, max: "unlimited" } };
  const mode = { type: { key: "string", min: 0, max: 1 } };
  const numbers = names.map((name) => [name, { type: "integer" }]);
  return { name: "db", version: "1.0.0", tables: { T: { columns: { tags, mode, ...Object.fromEntries(numbers) } } } };
}

function decode(operations: readonly Operation[], json: Json): readonly unknown[] {
  return decodeResults(operations, json, parseSchema(SCHEMA));
}

describe("the results of a transaction", () => {
  it("have rows as a replica has them", () => {
    const rows = [
      { _uuid: ["uuid", ID], tags: "one", mode: ["set", []], a: 1 },
      { tags: ["set", ["x", "y"]], mode: "m", a: 9007199254740993n },
    ];
    assert.deepEqual(decode([select("T", [])], [{ rows }]), [
      {
        rows: [
          { _uuid: ID, tags: ["one"], mode: undefined, a: 1 },
          { tags: ["x", "y"], mode: "m", a: 9007199254740993n },
        ],
      },
    ]);
  });

  it("are refused, with the place, where they do not fit the operations", () => {
    const wrong: readonly (readonly [Operation, Json, RegExp])[] = [
      [insert("T", {}), { uuid: "x" }, /the uuid of an inserted row as results\[0\]/],
      [insert("T", {}), { uuid: ["uuid", "x"] }, /results\[0\]\.uuid, found \["uuid","x"\]/],
      [update("T", [], {}), {}, /the count of update as results\[0\]/],
      [select("T", []), { rows: [null] }, /a row of T as results\[0\]\.rows\[0\], found null/],
      [select("T", []), { rows: [{ c: 1 }] }, /columns of T in results\[0\]\.rows, found "c"/],
      [select("T", []), { rows: [{ a: "x" }] }, /T\.a should hold an integer, the server sent "x"/],
      [select("T", []), { rows: [{ tags: ["set", ["x", "x"]] }] }, /T\.tags should hold a set without repetition/],
      [comment(""), null, /the result of comment as results\[0\]/],
    ];
    for (const [operation, result, message] of wrong) assert.throws(() => decode([operation], [result]), message);
    assert.throws(() => decode([comment("")], {}), { code: "E_OVSDB_PROTOCOL" });
    assert.throws(() => decode([comment("")], []), /expected 1 results/);
  });

  it("throw nothing but their own error, whatever the server says", () => {
    const operations = [insert("T", {}), update("T", [], {}), select("T", []), comment("")];
    const cell = fc.oneof(fc.jsonValue(), fc.tuple(fc.constantFrom("set", "map", "uuid"), fc.jsonValue()));
    const rows = fc.array(fc.dictionary(fc.constantFrom("_uuid", "tags", "mode", "a", "__proto__", "toString"), cell));
    const result = fc.oneof(
      fc.jsonValue(),
      fc.record({ rows: fc.oneof(rows, fc.jsonValue()) }),
      fc.record({ uuid: cell }),
      fc.record({ error: fc.oneof(fc.string(), fc.jsonValue()), details: fc.jsonValue() }),
    );
    fc.assert(
      fc.property(fc.array(result, { maxLength: 5 }), (json) => {
        try {
          decode(operations, json as Json);
        } catch (error) {
          assert.ok(error instanceof OvsdbError, String(error));
        }
      }),
    );
  });

  it("name the one column of a mutation that the server refuses", () => {
    const refused = { error: "constraint violation", details: "8 is not in the valid range 1 to 5 (inclusive)" };
    assert.throws(
      () => decode([comment(""), mutate("T", [], [["a", "+=", 1]])], [{}, refused]),
      (error) => error instanceof OvsdbError && error.details["column"] === "a" && error.details["operation"] === 1,
    );
  });
});

describe("the schema that transactions are checked against", () => {
  let server: FakeServer | undefined;
  afterEach(() => server?.close());

  it("is asked for once, and once more before a refusal: the database may have been converted", async () => {
    let schema = SCHEMA;
    server = await startFakeServer((message, { send }) => {
      send(reply(message, message["method"] === "get_schema" ? schema : [{ count: 1 }]));
    });
    const client = await connectOvsdb({ remote: server.remote, inactivityProbe: 0 });
    await Promise.all([1, 2, 3].map((a) => client.transact("db", [update("T", [], { a })])));
    schema = schemaWith("b", "c");
    await client.transact("db", [update("T", [], { c: 1 })]);
    await assert.rejects(client.transact("db", [update("T", [], { a: 1 })]), { code: "E_OVSDB_VALUE" });
    assert.deepEqual(
      server.connections[0]!.received.map((message) => message["method"]),
      ["get_schema", "transact", "transact", "transact", "get_schema", "transact", "get_schema"],
    );
    client.close();
  });
});
