import assert from "node:assert/strict";
import fc from "fast-check";
import { parseUuid, type Row, type Uuid } from "#ovsdb/index.ts";
import { createRowIndexes, type IndexKey } from "#ovsdb/row-index.ts";
import type { RowChange } from "#ovsdb/table-store.ts";

const COLUMNS = { T: ["name", "count", "tags", "ids"] };
const INDEXES = { T: [["name"], ["count"], ["tags"], ["ids:zone"], ["name", "tags"], ["ids", "count"]] };

const text = fc.constantFrom("", "a", "b", "1", "a,b", '"');
const count = fc.constantFrom(undefined, 0, 1, 2n ** 60n);
const rows: fc.Arbitrary<Row> = fc.record({
  name: text,
  count,
  tags: fc.uniqueArray(text),
  ids: fc
    .uniqueArray(fc.tuple(fc.constantFrom("zone", "a", "1"), text), { selector: ([key]) => key })
    .map((pairs) => new Map(pairs)),
});
const uuids = [1, 2, 3, 4].map((n) => parseUuid(`00000000-0000-0000-0000-00000000000${n}`));
const step = fc.tuple(fc.constantFrom(...uuids), fc.option(rows, { nil: undefined }));

/** What an index of these columns should give, by reading every row. */
function scan(table: ReadonlyMap<Uuid, Row>, key: IndexKey): Map<Uuid, Row> {
  const matches = (row: Row) =>
    Object.entries(key).every(([spec, wanted]) => {
      const [column, mapKey] = spec.split(":");
      const value = row[column!];
      if (value instanceof Map) {
        if (mapKey !== undefined) return value.get(mapKey) === wanted;
        return value.size === 0 ? wanted === undefined : wanted !== undefined && value.has(wanted);
      }
      if (!Array.isArray(value)) return value === wanted;
      return value.length === 0 ? wanted === undefined : value.includes(wanted);
    });
  return new Map([...table].filter(([, row]) => matches(row)));
}

describe("the indexes of a replica", () => {
  it("give what reading every row gives, after any changes", () => {
    const values = {
      name: text,
      count,
      tags: fc.option(text, { nil: undefined }),
      zone: fc.option(text, { nil: undefined }),
    };
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), fc.record(values), (steps, { name, count, tags, zone }) => {
        const indexes = createRowIndexes<"T">(INDEXES, COLUMNS);
        const table = new Map<Uuid, Row>();
        for (const [uuid, after] of steps) {
          const before = table.get(uuid);
          if (before === undefined && after === undefined) continue;
          const change: RowChange<"T"> = { table: "T", uuid, ...(before && { before }), ...(after && { after }) };
          indexes.apply([change]);
          if (after === undefined) table.delete(uuid);
          else table.set(uuid, after);
        }
        const keys = [{ name }, { count }, { tags }, { "ids:zone": zone }, { tags, name }, { ids: "zone", count }];
        for (const key of [...keys, { ids: undefined, count }]) {
          assert.deepEqual(new Map(indexes.find("T", key)), scan(table, key));
        }
      }),
    );
  });

  it("are over columns that are kept, and are asked for by just their columns", () => {
    assert.throws(() => createRowIndexes({ T: [["nome"]] }, COLUMNS), /an index of T needs the column nome/);
    const indexes = createRowIndexes<"T">(INDEXES, COLUMNS);
    for (const key of [{}, { nome: 1 }, { name: "a", count: 1 }, { ids: "a" }]) {
      assert.throws(() => indexes.find("T", key), { code: "E_OVSDB_VALUE" });
    }
  });
});
