import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { generateTypes } from "#ovsdb/generator/generate.ts";
import { connectOvsdb, createReplica, insert, select } from "#ovsdb/index.ts";
import { parseJson, printJson } from "#ovsdb/json-text.ts";
import type { Json, JsonObject } from "#ovsdb/notation.ts";
import { parseSchema } from "#ovsdb/schema.ts";
import { compile } from "#test/ovsdb/support/compile.ts";
import { CONSTRAINT_SCHEMA } from "#test/ovsdb/support/constraint-schema.ts";
import { eventually } from "#test/ovsdb/support/eventually.ts";
import { ODD_SCHEMA, ODD_USE } from "#test/ovsdb/support/odd-schema.ts";
import { type OvsdbProcess, startOvsdb } from "#test/ovsdb/support/ovsdb-process.ts";

const ROOT = join(import.meta.dirname, "../..");
const SCHEMAS = "/usr/share/openvswitch";
const GENERATED = "ovsdb/generated/open-vswitch.ts";
const REGENERATE = `bin/weir-ovsdb-types ${SCHEMAS}/vswitch.ovsschema --import '#ovsdb/index.ts' -o ${GENERATED}`;

function generate(schema: Json): string {
  return generateTypes(parseSchema(schema), { importFrom: "weir/ovsdb" });
}

async function runGenerator(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const run = promisify(execFile)(process.execPath, [join(ROOT, "ovsdb/generator/main.ts"), ...argv]);
  return run.then(
    (output) => ({ code: 0, ...output }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
}

describe("the generator of types", () => {
  it("gives the checked-in types of Open_vSwitch", async () => {
    const { stdout } = await runGenerator(`${SCHEMAS}/vswitch.ovsschema`, "--import", "#ovsdb/index.ts");
    const checkedIn = readFileSync(join(ROOT, GENERATED), "utf8");
    assert.equal(stdout, checkedIn, `the schema and ${GENERATED} differ: ${REGENERATE}`);
  });

  it("gives the same text in whatever order a server tells the schema", () => {
    const schema = parseJson(readFileSync(`${SCHEMAS}/vswitch.ovsschema`, "utf8"));
    assert.equal(generate(reversed(schema)), generate(schema));
  });

  it("gives modules that compile, for every schema that Open vSwitch brings and for odd ones", async () => {
    const schemas = globSync("/usr/share/{openvswitch,ovn}/*.ovsschema").map((file) =>
      parseJson(readFileSync(file, "utf8")),
    );
    assert.ok(schemas.length > 0);
    const texts = [...schemas, CONSTRAINT_SCHEMA, ODD_SCHEMA].map(generate);
    const files = Object.fromEntries(texts.map((text, index) => [`schema-${index}.ts`, text]));
    assert.deepEqual(await compile(files), []);
  });

  it("tells what each column of an odd schema may hold", async () => {
    const lines = ODD_USE.split("\n");
    const diagnostics = await compile({ "odd.ts": generate(ODD_SCHEMA), "use.ts": ODD_USE });
    const refused = diagnostics.map(({ line }) => lines[line - 1]);
    assert.deepEqual(
      refused,
      lines.filter((line) => line.endsWith("// refused")),
    );
  });

  it("finds names for databases that are called like a word of the language", () => {
    const named = (name: string, tables: JsonObject = {}) => generate({ name, version: "1.0.0", tables });
    assert.match(named("delete"), /export const delete_ = describeDatabase<delete_>\("delete"\);/);
    assert.match(named("SetOf"), /export const SetOf_ = /);
    assert.match(named("PortRow", { Port: { columns: { name: { type: "string" } } } }), /export const PortRow_ = /);
    assert.match(named("PortRow"), /export const PortRow = /);
  });

  it("says what is wrong, and how it is called", async () => {
    const nothing = await runGenerator();
    assert.equal(nothing.code, 2);
    assert.match(nothing.stderr, /a schema is needed\nusage: weir-ovsdb-types SCHEMA-FILE/);
    const unknown = await runGenerator("--wrong");
    assert.match(unknown.stderr, /--wrong[\s\S]*usage/);
    const missing = await runGenerator("/nonexistent.ovsschema");
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /^weir-ovsdb-types: .*nonexistent/);
    const notOne = await runGenerator(join(ROOT, "package.json"));
    assert.match(notOne.stderr, /expected an object as tables/);
    assert.match((await runGenerator("ssl:127.0.0.1", "x", "--certificate", "c")).stderr, /all three/);
    assert.match((await runGenerator("--help")).stdout, /^usage/);
  });
});

describe("the generator of types, of a server", () => {
  let server: OvsdbProcess;
  before(async () => {
    server = await startOvsdb();
  });
  after(() => server.close());

  it("writes what it writes of the schema's file", async () => {
    const { stdout } = await runGenerator(server.remote, "Open_vSwitch", "--import", "#ovsdb/index.ts");
    assert.equal(stdout, readFileSync(join(ROOT, GENERATED), "utf8"));
  });

  it("writes the database _Server, which is in no file", async () => {
    const { stdout } = await runGenerator(server.remote, "_Server");
    assert.match(stdout, /model: Scalar<"clustered" \| "relay" \| "standalone", "required">/);
    assert.deepEqual(await compile({ "server.ts": stdout }), []);
  });

  it("says that there is no such database", async () => {
    const { code, stderr } = await runGenerator(server.remote, "Nowhere");
    assert.equal(code, 1);
    assert.match(stderr, /Nowhere/);
  });

  it("writes of an odd schema what a server tells of it; its rows are read and written", async () => {
    const odd = await startOvsdb({ schemaText: printJson(ODD_SCHEMA) });
    const client = await connectOvsdb({ remote: odd.remote });
    const tables = { class: ["default", "constructor", "prototype", "number", "half"] };
    const indexes = { class: [["constructor"], ["default"]] };
    const replica = createReplica({ remote: odd.remote, database: "delete", tables, indexes });
    try {
      assert.equal(generateTypes(await client.getSchema("delete"), { importFrom: "weir/ovsdb" }), generate(ODD_SCHEMA));
      await replica.whenSynced();
      const row = { number: 9007199254740993n, truth: true, half: 1e300 };
      const [{ uuid: id }] = await replica.transact([insert("class", row)]);
      await eventually("the row is there", () => replica.tables.class.has(id));
      const read = { default: "", constructor: undefined, prototype: [], number: 9007199254740993n, half: 1e300 };
      assert.deepEqual({ ...replica.tables.class.get(id) }, read);
      assert.equal(replica.find("class", { default: "" }).size, 1);
      const [found] = await client.transact("delete", [select("class", [], ["constructor", "number"])]);
      assert.deepEqual(found.rows, [{ constructor: undefined, number: 9007199254740993n }]);
      assert.equal(replica.statistics.inconsistencies, 0);
    } finally {
      replica.close();
      client.close();
      await odd.close();
    }
  });
});

function reversed(json: Json): Json {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return json;
  const entries = Object.entries(json).reverse();
  return Object.fromEntries(entries.map(([key, value]) => [key, reversed(value)]));
}
