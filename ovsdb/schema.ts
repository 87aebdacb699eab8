/** RFC 7047 section 3.2: a database schema, parsed and checked. */
import { decodeAtom, isJsonObject, type Json, type JsonObject, malformed } from "#ovsdb/notation.ts";
import type { OvsAtom } from "#ovsdb/value.ts";

export type AtomType = "integer" | "real" | "boolean" | "string" | "uuid";
export interface BaseType {
  readonly type: AtomType;
  /** The only values allowed. */
  readonly enum?: readonly OvsAtom[];
  readonly minimum?: number | bigint;
  readonly maximum?: number | bigint;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly refTable?: string;
  readonly refType?: "strong" | "weak";
}
export interface ColumnSchema {
  readonly key: BaseType;
  /** Present in maps. */
  readonly value?: BaseType;
  readonly min: 0 | 1;
  /** Infinity for "unlimited". */
  readonly max: number;
  readonly ephemeral: boolean;
  readonly mutable: boolean;
}
export interface TableSchema {
  readonly columns: ReadonlyMap<string, ColumnSchema>;
  readonly isRoot: boolean;
  readonly maxRows: number;
  readonly indexes: readonly (readonly string[])[];
}
export interface DatabaseSchema {
  readonly name: string;
  readonly version: string;
  readonly checksum?: string;
  readonly tables: ReadonlyMap<string, TableSchema>;
}

/** How a column's values look in a row. */
export type ColumnShape = "scalar" | "optional" | "set" | "map";

export function shapeOf(column: ColumnSchema): ColumnShape {
  if (column.value !== undefined) return "map";
  if (column.max > 1) return "set";
  return column.min === 1 ? "scalar" : "optional";
}

/** Throws E_OVSDB_PROTOCOL naming the place where the JSON is no schema. */
export function parseSchema(json: Json): DatabaseSchema {
  const schema = object(json, "a database schema");
  const tables = new Map<string, TableSchema>();
  for (const [name, table] of Object.entries(object(schema["tables"], "tables"))) {
    tables.set(name, parseTable(table, name));
  }
  const checksum = schema["cksum"];
  return {
    name: string(schema["name"], "the schema's name"),
    version: string(schema["version"], "the schema's version"),
    ...(typeof checksum === "string" ? { checksum } : {}),
    tables,
  };
}

function parseTable(json: Json, path: string): TableSchema {
  const table = object(json, `table ${path}`);
  const columns = new Map<string, ColumnSchema>();
  for (const [name, column] of Object.entries(object(table["columns"], `columns of ${path}`))) {
    columns.set(name, parseColumn(column, `${path}.${name}`));
  }
  return {
    columns,
    isRoot: table["isRoot"] === true,
    maxRows: typeof table["maxRows"] === "number" ? table["maxRows"] : Number.POSITIVE_INFINITY,
    indexes: array(table["indexes"] ?? [], `indexes of ${path}`).map((index) =>
      array(index, `an index of ${path}`).map((column) => string(column, `a column in an index of ${path}`)),
    ),
  };
}

function parseColumn(json: Json, path: string): ColumnSchema {
  const column = object(json, `column ${path}`);
  const attributes = { ephemeral: column["ephemeral"] === true, mutable: column["mutable"] !== false };
  const type = column["type"];
  if (!isJsonObject(type)) return { key: parseBase(type, path), min: 1, max: 1, ...attributes };
  const { min = 1, max = 1 } = type;
  if (min !== 0 && min !== 1) throw malformed(`0 or 1 as min of ${path}`, min);
  if (max !== "unlimited" && (typeof max !== "number" || max < 1)) throw malformed(`a number as max of ${path}`, max);
  return {
    key: parseBase(type["key"], path),
    ...(type["value"] === undefined ? {} : { value: parseBase(type["value"], path) }),
    min,
    max: max === "unlimited" ? Number.POSITIVE_INFINITY : max,
    ...attributes,
  };
}

function parseBase(json: Json | undefined, path: string): BaseType {
  if (isAtomType(json)) return { type: json };
  const base = object(json, `the type of ${path}`);
  const type = base["type"];
  if (!isAtomType(type)) throw malformed(`integer, real, boolean, string or uuid as type of ${path}`, type);
  const minimum = base["minInteger"] ?? base["minReal"];
  const maximum = base["maxInteger"] ?? base["maxReal"];
  const { minLength, maxLength, refTable, refType } = base;
  return {
    type,
    ...(base["enum"] === undefined ? {} : { enum: parseEnum(base["enum"], path) }),
    ...(isNumeric(minimum) ? { minimum } : {}),
    ...(isNumeric(maximum) ? { maximum } : {}),
    ...(typeof minLength === "number" ? { minLength } : {}),
    ...(typeof maxLength === "number" ? { maxLength } : {}),
    ...(typeof refTable === "string" ? { refTable, refType: refType === "weak" ? "weak" : "strong" } : {}),
  };
}

function parseEnum(json: Json, path: string): OvsAtom[] {
  if (Array.isArray(json) && json[0] === "set") return array(json[1], `enum of ${path}`).map(decodeAtom);
  return [decodeAtom(json)];
}

function isAtomType(json: Json | undefined): json is AtomType {
  return json === "integer" || json === "real" || json === "boolean" || json === "string" || json === "uuid";
}

function isNumeric(json: Json | undefined): json is number | bigint {
  return typeof json === "number" || typeof json === "bigint";
}

function object(json: Json | undefined, what: string): JsonObject {
  if (isJsonObject(json)) return json;
  throw malformed(`an object as ${what}`, json);
}

function array(json: Json | undefined, what: string): readonly Json[] {
  if (Array.isArray(json)) return json;
  throw malformed(`an array as ${what}`, json);
}

function string(json: Json | undefined, what: string): string {
  if (typeof json === "string") return json;
  throw malformed(`a string as ${what}`, json);
}
