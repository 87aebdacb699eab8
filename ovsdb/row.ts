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

/** A number, or undefined where the column is empty (`ofport` before the switch has set it). */
export function numberOf(row: Row, column: string): number | undefined {
  const value = row[column];
  return value === undefined || typeof value === "number" ? value : fail(column, "a number", value);
}

export function booleanOf(row: Row, column: string): boolean | undefined {
  const value = row[column];
  return value === undefined || typeof value === "boolean" ? value : fail(column, "a boolean", value);
}

/** A string -> string map such as `external_ids`. */
export function textMapOf(row: Row, column: string): ReadonlyMap<string, string> {
  const value = row[column];
  return isTextMap(value) ? value : fail(column, "a map of strings", value);
}

/** The references of a set column such as `ports`, or the one of an optional column. */
export function uuidsOf(row: Row, column: string): readonly Uuid[] {
  const value = row[column];
  if (value === undefined) return [];
  const atoms = Array.isArray(value) ? value : [value];
  return isUuidList(atoms) ? atoms : fail(column, "references to rows", value);
}

function isTextMap(value: PlainValue): value is ReadonlyMap<string, string> {
  if (!(value instanceof Map)) return false;
  for (const [key, text] of value) if (typeof key !== "string" || typeof text !== "string") return false;
  return true;
}

function isUuidList(atoms: readonly unknown[]): atoms is readonly Uuid[] {
  return atoms.every((atom) => typeof atom === "string");
}

function fail(column: string, wanted: string, value: PlainValue): never {
  throw new OvsdbError("E_OVSDB_VALUE", `column ${column} should hold ${wanted}, it holds ${String(value)}`, {
    column,
  });
}
