import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { OvsdbError } from "#ovsdb/index.ts";
import { parseJson, printJson } from "#ovsdb/json-text.ts";
import type { Json, JsonObject } from "#ovsdb/notation.ts";
import { parseSchema } from "#ovsdb/schema.ts";

/** A schema with one column of this type. */
function schemaOf(type: Json, table: JsonObject = {}, column: JsonObject = {}): JsonObject {
  return { name: "db", version: "1.0.0", tables: { T: { columns: { c: { type, ...column } }, ...table } } };
}

const RIGHT: readonly JsonObject[] = [
  schemaOf("integer"),
  schemaOf({ key: "uuid", value: "real", min: 0, max: "unlimited" }),
  schemaOf({ key: { type: "integer", minInteger: -9223372036854775808n, maxInteger: 9223372036854775807n }, max: 7 }),
  schemaOf({ key: { type: "real", minReal: -0.5, maxReal: 1e300 } }),
  schemaOf({ key: { type: "string", minLength: 0, maxLength: 0 } }),
  schemaOf({ key: { type: "string", enum: "a" } }),
  schemaOf({ key: { type: "integer", enum: ["set", [1, 9007199254740993n]] } }),
  schemaOf({ key: { type: "uuid", refTable: "T", refType: "weak" }, min: 0 }),
  schemaOf({ key: { type: "uuid", refTable: "T" }, min: 0 }, { isRoot: true, maxRows: 3 }),
  schemaOf("string", { indexes: [["c"]] }, { mutable: false }),
  schemaOf("string", {}, { ephemeral: true }),
];
const WRONG: readonly Json[] = [
  null,
  [],
  "schema",
  {},
  { name: "db", version: "1.0.0" },
  { name: "d b", version: "1.0.0", tables: {} },
  { name: "db", version: "*/", tables: {} },
  { name: "db", version: "1.0.0", tables: { "1": { columns: {} } } },
  { name: "db", version: "1.0.0", tables: { _T: { columns: {} } } },
  { name: "db", version: "1.0.0", tables: { T: {} } },
  { name: "db", version: "1.0.0", tables: { T: { columns: {} } } },
  { name: "db", version: "1.0.0", tables: { T: { columns: { _c: { type: "string" } } } } },
  { name: "db", version: "1.0.0", tables: { T: { columns: { "c d": { type: "string" } } } } },
  { name: "db", version: "1.0.0", tables: { T: { columns: { c: {} } } } },
  schemaOf("text"),
  schemaOf({}),
  schemaOf({ key: "string", min: 2 }),
  schemaOf({ key: "string", min: -1 }),
  schemaOf({ key: "string", max: 0 }),
  schemaOf({ key: "string", max: "many" }),
  schemaOf({ key: "string", value: "text" }),
  schemaOf({ key: { type: "integer", minInteger: 5, maxInteger: 4 } }),
  schemaOf({ key: { type: "integer", minInteger: 0.5 } }),
  schemaOf({ key: { type: "integer", maxInteger: "5" } }),
  schemaOf({ key: { type: "real", minReal: 5, maxReal: 4.5 } }),
  schemaOf({ key: { type: "string", minLength: 5, maxLength: 4 } }),
  schemaOf({ key: { type: "string", minLength: -1 } }),
  schemaOf({ key: { type: "string", enum: ["set", []] } }),
  schemaOf({ key: { type: "string", enum: ["set", [1]] } }),
  schemaOf({ key: { type: "string", enum: ["set", "a"] } }),
  schemaOf({ key: { type: "string", enum: ["map", []] } }),
  schemaOf({ key: { type: "uuid", refTable: "U" } }),
  schemaOf({ key: { type: "uuid", refTable: "T", refType: "loose" } }),
  schemaOf({ key: { type: "uuid", refTable: 5 } }),
  schemaOf("string", { indexes: [["d"]] }),
  schemaOf("string", { indexes: "c" }),
  schemaOf("string", { maxRows: 0 }),
  schemaOf("string", { isRoot: 1 }),
  schemaOf("string", {}, { mutable: "no" }),
  schemaOf("string", {}, { ephemeral: 0 }),
];

describe("a schema", () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "weir-t-schema-"));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  function isGoodToServer(schema: Json): boolean {
    const file = join(directory, "s.ovsschema");
    writeFileSync(file, printJson(schema));
    try {
      execFileSync("ovsdb-tool", ["schema-version", file], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  }

  it("is taken where Open vSwitch takes it", () => {
    for (const schema of RIGHT) {
      assert.ok(isGoodToServer(schema), printJson(schema));
      assert.ok(parseSchema(parseJson(printJson(schema))).tables.has("T"));
    }
  });

  it("is refused where Open vSwitch refuses it, naming the place", () => {
    for (const schema of WRONG) {
      assert.ok(!isGoodToServer(schema), printJson(schema));
      assert.throws(() => parseSchema(schema), isProtocolError, printJson(schema));
    }
    assert.throws(() => parseSchema(schemaOf({ key: "string", min: 2 })), /0 or 1 as min of T\.c, found 2/);
  });

  it("may lack a version, has all tables as roots where it names none, and lets the server clear weak references anywhere", () => {
    assert.equal(parseSchema({ name: "db", tables: {} }).version, "");
    const old = parseSchema(
      schemaOf({ key: { type: "uuid", refTable: "T", refType: "weak" } }, {}, { mutable: false }),
    );
    assert.equal(old.tables.get("T")?.isRoot, true);
    assert.equal(old.tables.get("T")?.columns.get("c")?.mutable, true);
  });

  it("throws nothing but its own error, whatever it is made of", () => {
    const whole = parseJson(readFileSync("/usr/share/openvswitch/vswitch.ovsschema", "utf8"));
    const places = pathsOf(whole);
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.jsonValue(), (path, part) => {
        const damaged = replaced(whole, path, part as Json);
        try {
          parseSchema(damaged);
        } catch (error) {
          assert.ok(isProtocolError(error), String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });
});

function isProtocolError(error: unknown): boolean {
  return error instanceof OvsdbError && error.code === "E_OVSDB_PROTOCOL" && error.message.length < 400;
}

function pathsOf(json: Json, path: readonly string[] = []): (readonly string[])[] {
  if (typeof json !== "object" || json === null) return [path];
  return [path, ...Object.entries(json).flatMap(([key, part]) => pathsOf(part, [...path, key]))];
}

function replaced(json: Json, [key, ...rest]: readonly string[], part: Json): Json {
  if (key === undefined) return part;
  const entries = Object.entries(json as JsonObject).map(([name, value]): [string, Json] => [
    name,
    name === key ? replaced(value, rest, part) : value,
  ]);
  return Array.isArray(json) ? entries.map(([, value]) => value) : Object.fromEntries(entries);
}
