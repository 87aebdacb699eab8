import assert from "node:assert/strict";
import fc from "fast-check";
import { parseUuid, type Row, type Uuid } from "#ovsdb/index.ts";
import type { MonitorUpdate, TableUpdate } from "#ovsdb/monitor.ts";
import type { Json, JsonObject } from "#ovsdb/notation.ts";
import { parseSchema } from "#ovsdb/schema.ts";
import { applyChanges, createTableDecoder, sameRow } from "#ovsdb/table-store.ts";
import { ZERO_UUID } from "#ovsdb/uuid.ts";

const SCHEMA = parseSchema({
  name: "Test",
  version: "1.0.0",
  tables: {
    T: {
      columns: {
        name: { type: "string" },
        count: { type: { key: "integer", min: 0 } },
        tags: { type: { key: "string", min: 0, max: "unlimited" } },
        ids: { type: { key: "string", value: "string", min: 0, max: "unlimited" } },
      },
    },
  },
});
const decoder = createTableDecoder(SCHEMA, { T: ["name", "count", "tags", "ids"] });

interface Model {
  readonly name: string;
  readonly count: number | undefined;
  readonly tags: ReadonlySet<string>;
  readonly ids: ReadonlyMap<string, string>;
}

const letter = fc.constantFrom("a", "b", "c", "d");
const model: fc.Arbitrary<Model> = fc.record({
  name: fc.constantFrom("", "x", "y"),
  count: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
  tags: fc.array(letter).map((list) => new Set(list)),
  ids: fc.array(fc.tuple(letter, letter)).map((list) => new Map(list)),
});
const uuids = [1, 2, 3].map((n) => parseUuid(`00000000-0000-0000-0000-00000000000${n}`));
const state = fc
  .tuple(...uuids.map(() => fc.option(model, { nil: undefined })))
  .map((rows) => new Map(uuids.flatMap((id, i) => (rows[i] === undefined ? [] : [[id, rows[i]] as const]))));

const setJson = (atoms: Iterable<string>): Json => ["set", [...atoms]];
const mapJson = (map: ReadonlyMap<string, string>): Json => ["map", [...map]];
const countJson = (count: number | undefined): Json => (count === undefined ? ["set", []] : count);

function rowJson({ name, count, tags, ids }: Model): JsonObject {
  const columns: Record<string, Json> = {};
  if (name !== "") columns["name"] = name;
  if (count !== undefined) columns["count"] = count;
  if (tags.size > 0) columns["tags"] = tags.size === 1 ? [...tags][0]! : setJson(tags);
  if (ids.size > 0) columns["ids"] = mapJson(ids);
  return columns;
}

function diffJson(from: Model, to: Model): JsonObject {
  const columns: Record<string, Json> = {};
  if (from.name !== to.name) columns["name"] = to.name;
  if (from.count !== to.count) columns["count"] = countJson(to.count);
  const tags = [...from.tags]
    .filter((tag) => !to.tags.has(tag))
    .concat([...to.tags].filter((tag) => !from.tags.has(tag)));
  if (tags.length > 0) columns["tags"] = setJson(tags);
  const ids = new Map<string, string>();
  for (const [key, value] of from.ids) if (!to.ids.has(key)) ids.set(key, value);
  for (const [key, value] of to.ids) if (from.ids.get(key) !== value) ids.set(key, value);
  if (ids.size > 0) columns["ids"] = mapJson(ids);
  return columns;
}

/** What a server sends to lead from one state to another. */
function updatesBetween(from: ReadonlyMap<Uuid, Model>, to: ReadonlyMap<Uuid, Model>): TableUpdate[] {
  const updates: TableUpdate[] = [];
  for (const [uuid, row] of to) {
    const before = from.get(uuid);
    if (before === undefined) updates.push({ table: "T", uuid, update: { type: "insert", columns: rowJson(row) } });
    else updates.push({ table: "T", uuid, update: { type: "diff", columns: diffJson(before, row) } });
  }
  for (const uuid of from.keys()) if (!to.has(uuid)) updates.push({ table: "T", uuid, update: { type: "delete" } });
  return updates;
}

function partial(updates: readonly TableUpdate[]): MonitorUpdate {
  return { complete: false, lastTransaction: ZERO_UUID, updates };
}

function complete(rows: ReadonlyMap<Uuid, Model>): MonitorUpdate {
  return { ...partial(updatesBetween(new Map(), rows)), complete: true };
}

function expected(rows: ReadonlyMap<Uuid, Model>): Map<Uuid, Row> {
  const entries = [...rows].map(([uuid, { name, count, tags, ids }]): [Uuid, Row] => [
    uuid,
    { name, count, tags: [...tags].sort(), ids: new Map(ids) },
  ]);
  return new Map(entries);
}

describe("the tables of a replica", () => {
  it("end in the server's state, whichever way it is told", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(state, fc.boolean())), (history) => {
        const tables = { T: new Map<Uuid, Row>() };
        let before: ReadonlyMap<Uuid, Model> = new Map();
        for (const [next, whole] of history) {
          const update = whole ? complete(next) : partial(updatesBetween(before, next));
          const previous = new Map(tables.T);
          const changes = decoder.changesOf(update, tables);
          assert.deepEqual(tables.T, previous, "computing changes must not apply them");
          applyChanges(tables, changes);
          assert.deepEqual(tables.T, expected(next));
          for (const change of changes) {
            assert.deepEqual(change.before, previous.get(change.uuid));
            assert.deepEqual(change.after, tables.T.get(change.uuid));
            assert.ok(!(change.before && change.after && sameRow(change.before, change.after)));
          }
          before = next;
        }
      }),
    );
  });

  it("say so when an update contradicts them, and stay as they were", () => {
    const [first, second] = [uuids[0]!, uuids[1]!];
    const tables = { T: new Map<Uuid, Row>() };
    const insert = (uuid: Uuid, columns: JsonObject): TableUpdate => ({
      table: "T",
      uuid,
      update: { type: "insert", columns },
    });
    applyChanges(tables, decoder.changesOf(partial([insert(first, { name: "x" })]), tables));
    const before = new Map(tables.T);
    const good = insert(second, { name: "y" });
    const bad: TableUpdate[] = [
      insert(first, {}),
      { table: "T", uuid: second, update: { type: "delete" } },
      { table: "T", uuid: second, update: { type: "diff", columns: {} } },
      { table: "U", uuid: second, update: { type: "insert", columns: {} } },
      insert(second, { name: 5 }),
      insert(second, { nothing: "x" }),
      insert(second, { count: ["set", [1, 2]] }),
      insert(second, { ids: ["map", [["a"]]] }),
      { table: "T", uuid: first, update: { type: "diff", columns: { tags: ["set", [1]] } } },
    ];
    for (const update of bad) {
      const updates = update.uuid === second ? [update] : [good, update];
      assert.throws(() => decoder.changesOf(partial(updates), tables), { code: "E_OVSDB_INCONSISTENT" });
      assert.deepEqual(tables.T, before);
    }
  });

  it("name the table or column that the schema lacks", () => {
    assert.throws(() => createTableDecoder(SCHEMA, { Nope: [] }), /Test has no table Nope; it has T/);
    assert.throws(() => createTableDecoder(SCHEMA, { T: ["nome"] }), /T has no column nome; it has name, count/);
  });
});
