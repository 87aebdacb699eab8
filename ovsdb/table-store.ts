/**
 * The content of a replica: monitor updates in, row changes out. Pure. Every update is computed whole before any row is
 * touched, so that an inconsistent one leaves the tables as they were.
 */
import { type ColumnCodec, createColumnCodec, sameValue } from "#ovsdb/column.ts";
import { OvsdbError } from "#ovsdb/error.ts";
import type { MonitorUpdate, TableUpdate } from "#ovsdb/monitor.ts";
import type { JsonObject } from "#ovsdb/notation.ts";
import type { PlainValue, Row } from "#ovsdb/row.ts";
import type { DatabaseSchema } from "#ovsdb/schema.ts";
import type { Uuid } from "#ovsdb/uuid.ts";

export interface RowChange<Table extends string = string> {
  readonly table: Table;
  readonly uuid: Uuid;
  /** Without it the row is new. */
  readonly before?: Row;
  /** Without it the row is gone. */
  readonly after?: Row;
}

export type Tables<Table extends string> = { readonly [T in Table]: Map<Uuid, Row> };

interface TableCodec {
  readonly columns: ReadonlyMap<string, ColumnCodec>;
}

export interface TableDecoder<Table extends string> {
  /** What the update changes, without changing it. Throws E_OVSDB_INCONSISTENT where it contradicts `tables`. */
  changesOf(update: MonitorUpdate, tables: Tables<Table>): RowChange<Table>[];
}

/** Throws E_OVSDB_VALUE naming the first table or column that the schema lacks. */
export function createTableDecoder<Table extends string>(
  schema: DatabaseSchema,
  columnsByTable: Readonly<Record<Table, readonly string[]>>,
): TableDecoder<Table> {
  const codecs = new Map<string, TableCodec>();
  for (const table in columnsByTable) codecs.set(table, createTableCodec(schema, table, columnsByTable[table]));

  function isTable(table: string): table is Table {
    return codecs.has(table);
  }

  function changesOf(update: MonitorUpdate, tables: Tables<Table>): RowChange<Table>[] {
    const changes: RowChange<Table>[] = [];
    const present = new Set<Uuid>();
    for (const tableUpdate of update.updates) {
      const { table, uuid } = tableUpdate;
      const codec = codecs.get(table);
      if (codec === undefined || !isTable(table)) throw inconsistent(tableUpdate, "a table that was not asked for");
      const before = tables[table].get(uuid);
      if (update.complete) present.add(uuid);
      const after = nextRow(codec, tableUpdate, before, update.complete);
      if (before === undefined || after === undefined || !sameRow(before, after)) {
        changes.push(changeOf(table, uuid, before, after));
      }
    }
    if (update.complete) pushVanished(tables, present, changes);
    return changes;
  }

  return { changesOf };
}

export function applyChanges<Table extends string>(tables: Tables<Table>, changes: readonly RowChange<Table>[]): void {
  for (const { table, uuid, after } of changes) {
    if (after === undefined) tables[table].delete(uuid);
    else tables[table].set(uuid, after);
  }
}

export function sameRow(a: Row, b: Row): boolean {
  const columns = Object.keys(b);
  if (columns.length !== Object.keys(a).length) return false;
  return columns.every((column) => column in a && sameValue(a[column], b[column]));
}

function createTableCodec(schema: DatabaseSchema, table: string, columns: readonly string[]): TableCodec {
  const tableSchema = schema.tables.get(table);
  if (tableSchema === undefined) {
    const known = [...schema.tables.keys()].join(", ");
    throw new OvsdbError("E_OVSDB_VALUE", `${schema.name} has no table ${table}; it has ${known}`, { table });
  }
  const codecs = new Map<string, ColumnCodec>();
  for (const column of columns) {
    const columnSchema = tableSchema.columns.get(column);
    if (columnSchema === undefined) {
      const known = [...tableSchema.columns.keys()].join(", ");
      throw new OvsdbError("E_OVSDB_VALUE", `${table} has no column ${column}; it has ${known}`, { table, column });
    }
    codecs.set(column, createColumnCodec(columnSchema, `${table}.${column}`));
  }
  return { columns: codecs };
}

function nextRow(codec: TableCodec, change: TableUpdate, before: Row | undefined, complete: boolean): Row | undefined {
  const { update } = change;
  if (update.type === "insert") {
    if (before !== undefined && !complete) throw inconsistent(change, "a second insert of a row");
    return buildRow(codec, update.columns, change, (_column, columnCodec) => columnCodec.empty);
  }
  if (before === undefined) throw inconsistent(change, `a ${update.type} of a row that is not there`);
  if (update.type === "delete") return undefined;
  if (update.type === "set") return buildRow(codec, update.columns, change, (column) => before[column]);
  return patchRow(codec, update.columns, change, before);
}

/** All columns in one order, so that all rows of a table share one shape in memory. */
function buildRow(
  codec: TableCodec,
  columns: JsonObject,
  change: TableUpdate,
  missing: (column: string, codec: ColumnCodec) => PlainValue,
): Row {
  const row: Record<string, PlainValue> = {};
  let used = 0;
  for (const [column, columnCodec] of codec.columns) {
    const json = columns[column];
    // A column may be called "constructor": an object has that by itself, JSON holds no functions.
    if (json === undefined || typeof json === "function") row[column] = missing(column, columnCodec);
    else {
      row[column] = columnCodec.decode(json);
      used++;
    }
  }
  if (used !== Object.keys(columns).length) throw inconsistent(change, "columns that were not asked for");
  return row;
}

function patchRow(codec: TableCodec, columns: JsonObject, change: TableUpdate, before: Row): Row {
  const row: Record<string, PlainValue> = { ...before };
  for (const [column, json] of Object.entries(columns)) {
    const columnCodec = codec.columns.get(column);
    if (columnCodec === undefined) throw inconsistent(change, "columns that were not asked for");
    row[column] = columnCodec.applyDiff(before[column], json);
  }
  return row;
}

function pushVanished<Table extends string>(
  tables: Tables<Table>,
  present: Set<Uuid>,
  changes: RowChange<Table>[],
): void {
  for (const table in tables) {
    for (const [uuid, before] of tables[table]) if (!present.has(uuid)) changes.push({ table, uuid, before });
  }
}

function changeOf<Table extends string>(
  table: Table,
  uuid: Uuid,
  before: Row | undefined,
  after: Row | undefined,
): RowChange<Table> {
  return { table, uuid, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) };
}

function inconsistent(change: TableUpdate, what: string): OvsdbError {
  const { table, uuid } = change;
  return new OvsdbError("E_OVSDB_INCONSISTENT", `the server sent ${what}: ${table} ${uuid}`, { table, uuid });
}
