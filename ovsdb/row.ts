import { OvsdbError } from "#ovsdb/error.ts";
import type { Uuid } from "#ovsdb/uuid.ts";

/** References are plain Uuid strings here: the schema says which strings are references. */
export type PlainAtom = string | number | bigint | boolean | Uuid;
/** 0..1 columns: the value or undefined; other sets: arrays; maps: Maps. */
export type PlainValue = PlainAtom | undefined | readonly PlainAtom[] | ReadonlyMap<PlainAtom, PlainAtom>;
/** A row as the replica keeps it: only the monitored columns. Never changed in place. */
export type Row = Readonly<Record<string, PlainValue>>;

/** The text of a column that always has one. */
export function textOf(row: Row, column: string): string {
  const value = row[column];
  return typeof value === "string" ? value : fail(column, "a string", value);
}

export function optionalTextOf(row: Row, column: string): string | undefined {
  return row[column] === undefined ? undefined : textOf(row, column);
}

export function booleanOf(row: Row, column: string): boolean | undefined {
  const value = row[column];
  return value === undefined || typeof value === "boolean" ? value : fail(column, "a boolean", value);
}

function fail(column: string, wanted: string, value: PlainValue): never {
  throw new OvsdbError("E_OVSDB_VALUE", `column ${column} should hold ${wanted}, it holds ${String(value)}`, {
    column,
  });
}
