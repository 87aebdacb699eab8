/** RFC 7047 section 3.2: a database schema, parsed and checked. */
import { decodeAtom, ID, isJsonObject, type Json, type JsonObject, malformed } from "#ovsdb/notation.ts";
import type { PlainAtom } from "#ovsdb/row.ts";

const LEAST = -(2n ** 63n);
const MOST = 2n ** 63n - 1n;
const VERSION = /^\d+\.\d+\.\d+$/;

export type AtomType = "integer" | "real" | "boolean" | "string" | "uuid";
export interface BaseType {
  readonly type: AtomType;
  /** The only values allowed. */
  readonly enum?: readonly PlainAtom[];
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
  /** "8.3.1"; "" in a schema from before versions. */
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

const SYSTEM_COLUMN: ColumnSchema = { key: { type: "uuid" }, min: 1, max: 1, ephemeral: false, mutable: false };
/** RFC 7047 section 3.2: every table has them, no schema lists them. Only the server writes them. */
export const SYSTEM_COLUMNS: ReadonlyMap<string, ColumnSchema> = new Map([
  ["_uuid", SYSTEM_COLUMN],
  ["_version", SYSTEM_COLUMN],
]);

export function columnOf(table: TableSchema, column: string): ColumnSchema | undefined {
  return table.columns.get(column) ?? SYSTEM_COLUMNS.get(column);
}

/** Throws E_OVSDB_PROTOCOL naming the place where the JSON is no schema. Members that are not known are passed over. */
export function parseSchema(json: Json): DatabaseSchema {
  const schema = object(json, "a database schema");
  const tables = new Map<string, TableSchema>();
  for (const [name, table] of Object.entries(object(schema["tables"], "tables"))) {
    tables.set(id(name, "the name of a table"), parseTable(table, name));
  }
  for (const [name, table] of tables) checkReferences(name, table, tables);
  // RFC 7047 section 3.2: in a schema from before isRoot, where no table is one, all are.
  const rootless = ![...tables.values()].some(({ isRoot }) => isRoot);
  const checksum = schema["cksum"];
  return {
    name: string(schema["name"], "the schema's name", ID),
    version: schema["version"] === undefined ? "" : string(schema["version"], "the schema's version", VERSION),
    ...(typeof checksum === "string" ? { checksum } : {}),
    tables: rootless ? new Map([...tables].map(([name, table]) => [name, { ...table, isRoot: true }])) : tables,
  };
}

function parseTable(json: Json, path: string): TableSchema {
  const table = object(json, `table ${path}`);
  const columns = new Map<string, ColumnSchema>();
  for (const [name, column] of Object.entries(object(table["columns"], `columns of ${path}`))) {
    columns.set(id(name, `the name of a column of ${path}`), parseColumn(column, `${path}.${name}`));
  }
  if (columns.size === 0) throw malformed(`at least one column of ${path}`, table["columns"]);
  const { maxRows = Number.POSITIVE_INFINITY } = table;
  const indexes = array(table["indexes"] ?? [], `indexes of ${path}`).map((index) =>
    array(index, `an index of ${path}`).map((column) => string(column, `a column in an index of ${path}`)),
  );
  const unknown = indexes.flat().find((column) => !columns.has(column));
  if (unknown !== undefined) throw malformed(`a column of ${path} in its index`, unknown);
  return {
    columns,
    isRoot: boolean(table["isRoot"] ?? false, `isRoot of ${path}`),
    maxRows: number(maxRows, `a number above 0 as maxRows of ${path}`, (rows) => rows > 0),
    indexes,
  };
}

function parseColumn(json: Json, path: string): ColumnSchema {
  const column = object(json, `column ${path}`);
  const type = parseType(column["type"], path);
  const isMutable = boolean(column["mutable"] ?? true, `mutable of ${path}`);
  return {
    ...type,
    ephemeral: boolean(column["ephemeral"] ?? false, `ephemeral of ${path}`),
    // ovsdb-server takes weak references away with their rows, so it takes no such column for immutable.
    mutable: isMutable || type.key.refType === "weak" || type.value?.refType === "weak",
  };
}

function parseType(type: Json | undefined, path: string): Pick<ColumnSchema, "key" | "value" | "min" | "max"> {
  if (!isJsonObject(type)) return { key: parseBase(type, path), min: 1, max: 1 };
  const { min = 1, max = 1 } = type;
  if (min !== 0 && min !== 1) throw malformed(`0 or 1 as min of ${path}`, min);
  return {
    key: parseBase(type["key"], path),
    ...(type["value"] === undefined ? {} : { value: parseBase(type["value"], path) }),
    min,
    max:
      max === "unlimited"
        ? Number.POSITIVE_INFINITY
        : number(
            max,
            `a number above 0 or "unlimited" as max of ${path}`,
            (most) => Number.isInteger(most) && most > 0,
          ),
  };
}

function parseBase(json: Json | undefined, path: string): BaseType {
  if (isAtomType(json)) return { type: json };
  const base = object(json, `the type of ${path}`);
  const type = base["type"];
  if (!isAtomType(type)) throw malformed(`integer, real, boolean, string or uuid as type of ${path}`, type);
  if (base["enum"] !== undefined) return { type, enum: parseEnum(type, base["enum"], path) };
  switch (type) {
    case "integer":
      return { type, ...parseRange(base["minInteger"], base["maxInteger"], isInteger, path) };
    case "real":
      return { type, ...parseRange(base["minReal"], base["maxReal"], isNumeric, path) };
    case "string":
      return { type, ...parseLengths(base["minLength"], base["maxLength"], path) };
    case "uuid":
      return { type, ...parseReference(base["refTable"], base["refType"], path) };
    case "boolean":
      return { type };
  }
}

function parseEnum(type: AtomType, json: Json, path: string): readonly PlainAtom[] {
  const atoms: readonly Json[] =
    Array.isArray(json) && json[0] === "set" ? array(json[1], `the set in enum of ${path}`) : [json];
  if (atoms.length === 0) throw malformed(`at least one value in enum of ${path}`, json);
  return atoms.map((atom) => parseEnumAtom(type, atom, `enum of ${path}`));
}

function parseEnumAtom(type: AtomType, json: Json, path: string): PlainAtom {
  const atom = decodeAtom(json, path);
  if (typeof atom === "object") {
    if (type === "uuid" && "uuid" in atom) return atom.uuid;
  } else if (type === "integer" ? isInteger(atom) : type === "real" ? isNumeric(atom) : typeof atom === type) {
    return type === "real" ? Number(atom) : atom;
  }
  throw malformed(`values of type ${type} in ${path}`, json);
}

function parseRange<N extends number | bigint>(
  low: Json | undefined,
  high: Json | undefined,
  fits: (json: Json) => json is N,
  path: string,
): Pick<BaseType, "minimum" | "maximum"> {
  for (const limit of [low, high]) {
    if (limit !== undefined && !fits(limit)) throw malformed(`a number as limit of ${path}`, limit);
  }
  if (isNumeric(low) && isNumeric(high) && low > high) throw malformed(`limits of ${path} in their order`, [low, high]);
  // A limit that no value reaches is none: servers do not tell it.
  return {
    ...(isNumeric(low) && low !== LEAST ? { minimum: low } : {}),
    ...(isNumeric(high) && high !== MOST ? { maximum: high } : {}),
  };
}

function parseLengths(
  low: Json | undefined,
  high: Json | undefined,
  path: string,
): Pick<BaseType, "minLength" | "maxLength"> {
  const { minimum, maximum } = parseRange(low, high, isLength, path);
  return {
    ...(minimum === undefined || minimum === 0 ? {} : { minLength: Number(minimum) }),
    ...(maximum === undefined ? {} : { maxLength: Number(maximum) }),
  };
}

function parseReference(
  refTable: Json | undefined,
  refType: Json | undefined,
  path: string,
): Pick<BaseType, "refTable" | "refType"> {
  if (refTable === undefined) return {};
  const kind = refType ?? "strong";
  if (kind !== "strong" && kind !== "weak") throw malformed(`"strong" or "weak" as refType of ${path}`, kind);
  return { refTable: string(refTable, `refTable of ${path}`), refType: kind };
}

function checkReferences(name: string, table: TableSchema, tables: ReadonlyMap<string, TableSchema>): void {
  for (const [column, { key, value }] of table.columns) {
    for (const refTable of [key.refTable, value?.refTable]) {
      if (refTable !== undefined && !tables.has(refTable))
        throw malformed(`a table as refTable of ${name}.${column}`, refTable);
    }
  }
}

function isAtomType(json: Json | undefined): json is AtomType {
  return json === "integer" || json === "real" || json === "boolean" || json === "string" || json === "uuid";
}

function isNumeric(json: Json | undefined): json is number | bigint {
  return typeof json === "number" || typeof json === "bigint";
}

function isInteger(json: Json): json is number | bigint {
  return Number.isSafeInteger(json) || typeof json === "bigint";
}

function isLength(json: Json): json is number {
  return typeof json === "number" && Number.isSafeInteger(json) && json >= 0;
}

function object(json: Json | undefined, what: string): JsonObject {
  if (isJsonObject(json)) return json;
  throw malformed(`an object as ${what}`, json);
}

function array(json: Json | undefined, what: string): readonly Json[] {
  if (Array.isArray(json)) return json;
  throw malformed(`an array as ${what}`, json);
}

function string(json: Json | undefined, what: string, pattern?: RegExp): string {
  if (typeof json === "string" && (pattern === undefined || pattern.test(json))) return json;
  throw malformed(`a string as ${what}`, json);
}

function boolean(json: Json, what: string): boolean {
  if (typeof json === "boolean") return json;
  throw malformed(`true or false as ${what}`, json);
}

function number(json: Json, wanted: string, fits: (value: number) => boolean): number {
  if (typeof json === "number" && fits(json)) return json;
  throw malformed(wanted, json);
}

/** Names that begin with "_" are the server's own: _uuid, _version. */
function id(name: string, what: string): string {
  if (ID.test(name) && !name.startsWith("_")) return name;
  throw malformed(`letters, digits and "_", no digit or "_" first, as ${what}`, name);
}
