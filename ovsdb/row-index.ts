/** Rows by the values of columns: kept with every batch, looked up at once. Pure. */
import { OvsdbError } from "#ovsdb/error.ts";
import type { PlainAtom, PlainValue, Row } from "#ovsdb/row.ts";
import type { RowChange } from "#ovsdb/table-store.ts";
import type { Uuid } from "#ovsdb/uuid.ts";

/**
 * The columns of an index. A row stands under each element of a set and each key of a map, or under undefined where there is
 * none. "external_ids:iface-id" is the value of that one key.
 */
export type IndexColumns = readonly string[];
/** What a row is looked up by: one value for each column of the index; undefined is an empty column or a missing key. */
export type IndexKey = Readonly<Record<string, PlainAtom | undefined>>;

export interface RowIndexes<Table extends string> {
  apply(changes: readonly RowChange<Table>[]): void;
  /** Throws E_OVSDB_VALUE where no index has exactly these columns. */
  find(table: Table, key: IndexKey): ReadonlyMap<Uuid, Row>;
}

interface RowIndex {
  readonly columns: IndexColumns;
  readonly rows: Map<string, Map<Uuid, Row>>;
}

const NONE: ReadonlyMap<Uuid, Row> = new Map();

/** Throws E_OVSDB_VALUE for an index over columns that the replica does not keep. */
export function createRowIndexes<Table extends string>(
  declared: Readonly<Partial<Record<Table, readonly IndexColumns[]>>> | undefined,
  columnsByTable: Readonly<Record<Table, readonly string[]>>,
): RowIndexes<Table> {
  const indexes = new Map<Table, readonly RowIndex[]>();
  for (const table in declared) {
    const lists = declared[table] ?? [];
    indexes.set(
      table,
      lists.map((columns) => createIndex(table, columns, columnsByTable[table])),
    );
  }

  function apply(changes: readonly RowChange<Table>[]): void {
    for (const { table, uuid, before, after } of changes) {
      for (const index of indexes.get(table) ?? []) {
        if (before !== undefined) removeRow(index, uuid, before);
        if (after !== undefined) addRow(index, uuid, after);
      }
    }
  }

  function find(table: Table, key: IndexKey): ReadonlyMap<Uuid, Row> {
    const names = Object.keys(key);
    const index = indexes
      .get(table)
      ?.find(({ columns }) => columns.length === names.length && columns.every((column) => Object.hasOwn(key, column)));
    if (index === undefined) {
      throw new OvsdbError("E_OVSDB_VALUE", `no index of ${table} over ${names.join(", ")} was declared`, { table });
    }
    return index.rows.get(keyText(index.columns.map((column) => key[column]))) ?? NONE;
  }

  return { apply, find };
}

function createIndex(table: string, columns: IndexColumns, kept: readonly string[] | undefined): RowIndex {
  for (const spec of columns) {
    const { column } = parseSpec(spec);
    if (kept?.includes(column)) continue;
    const message = `an index of ${table} needs the column ${column}, which the replica does not keep`;
    throw new OvsdbError("E_OVSDB_VALUE", message, { table, column });
  }
  return { columns, rows: new Map() };
}

function addRow({ columns, rows }: RowIndex, uuid: Uuid, row: Row): void {
  for (const key of keysOf(columns, row)) {
    const found = rows.get(key);
    if (found === undefined) rows.set(key, new Map([[uuid, row]]));
    else found.set(uuid, row);
  }
}

function removeRow({ columns, rows }: RowIndex, uuid: Uuid, row: Row): void {
  for (const key of keysOf(columns, row)) {
    const found = rows.get(key);
    found?.delete(uuid);
    if (found?.size === 0) rows.delete(key);
  }
}

/** One key, or where columns are sets one for each combination of their elements. */
function keysOf(columns: IndexColumns, row: Row): readonly string[] {
  let keys: readonly (readonly (PlainAtom | undefined)[])[] = [[]];
  for (const spec of columns) {
    const values = valuesOf(spec, row);
    keys = keys.flatMap((key) => values.map((value) => [...key, value]));
  }
  return keys.map(keyText);
}

function valuesOf(spec: string, row: Row): readonly (PlainAtom | undefined)[] {
  const { column, mapKey } = parseSpec(spec);
  const value = row[column];
  if (isMap(value) && mapKey !== undefined) return [value.get(mapKey)];
  if (!isMap(value) && !isSet(value)) return [value];
  const elements = isMap(value) ? [...value.keys()] : value;
  return elements.length === 0 ? [undefined] : elements;
}

function parseSpec(spec: string): { readonly column: string; readonly mapKey: string | undefined } {
  const colon = spec.indexOf(":");
  return colon < 0
    ? { column: spec, mapKey: undefined }
    : { column: spec.slice(0, colon), mapKey: spec.slice(colon + 1) };
}

/** Text in which 1, "1" and true differ; most indexes are over one column of strings, whose text is the string itself. */
function keyText(values: readonly (PlainAtom | undefined)[]): string {
  const [first] = values;
  if (values.length === 1 && typeof first === "string") return `"${first}`;
  return values
    .map((value) => (typeof value === "string" ? `"${value.length}:${value}` : `${typeof value} ${value}`))
    .join();
}

function isSet(value: PlainValue): value is readonly PlainAtom[] {
  return Array.isArray(value);
}

function isMap(value: PlainValue): value is ReadonlyMap<PlainAtom, PlainAtom> {
  return value instanceof Map;
}
