/** A schema -> the text of a module with its tables as types. Pure: equal schemas give equal text. */
import { isRequired } from "#ovsdb/check.ts";
import { describeLimits } from "#ovsdb/generator/limits.ts";
import { type BaseType, type ColumnSchema, type DatabaseSchema, shapeOf, type TableSchema } from "#ovsdb/schema.ts";

export interface GenerateOptions {
  /** What the module imports its words from. */
  readonly importFrom: string;
}

const WIDTH = 120;
/** The words of `typed/columns.ts` that describe a column, in the order of the import. */
const SHAPES = { scalar: "Scalar", optional: "Optional", set: "SetOf", map: "MapOf" } as const;
const IMPORTS = ["InsertOf", "Integer", "MapOf", "Optional", "Ref", "RowOf", "Scalar", "SetOf", "UpdateOf", "Uuid"];
/** Words that no constant of a module may be called. */
const RESERVED =
  /^(await|break|case|catch|class|const|continue|debugger|default|delete|do|else|enum|export|extends|false|finally|for|function|if|implements|import|in|instanceof|interface|let|new|null|package|private|protected|public|return|static|super|switch|this|throw|true|try|typeof|var|void|while|with|yield|any|bigint|boolean|never|number|object|string|symbol|undefined|unknown|eval|arguments)$/;

export function generateTypes(schema: DatabaseSchema, options: GenerateOptions): string {
  const tables = [...schema.tables].sort(([a], [b]) => (a < b ? -1 : 1));
  const body = tables.map(([name, table]) => describeTable(name, table)).join("\n");
  const database = constantName(schema.name, new Set(schema.tables.keys()));
  const used = IMPORTS.filter((word) => new RegExp(`\\b${word}\\b`).test(body)).map((word) => `type ${word}`);
  return [
    `/** Tables of ${`${schema.name} ${schema.version}`.trim()}. Written by weir-ovsdb-types from the schema: do not edit. */`,
    importLine(["describeDatabase", ...used], options.importFrom),
    "",
    body,
    `export type ${database} = {`,
    ...tables.map(([name]) => `  ${name}: ${name}Columns;`),
    "};",
    `export const ${database} = describeDatabase<${database}>(${JSON.stringify(schema.name)});`,
    "",
  ].join("\n");
}

function importLine(words: readonly string[], from: string): string {
  const line = `import { ${words.join(", ")} } from ${JSON.stringify(from)};`;
  if (line.length <= WIDTH) return line;
  return ["import {", ...words.map((word) => `  ${word},`), `} from ${JSON.stringify(from)};`].join("\n");
}

/** The database's own name, unless a module cannot have it. */
function constantName(name: string, tables: ReadonlySet<string>): string {
  const alias = /^(.*)(Columns|Row|Insert|Update)$/.exec(name)?.[1];
  const taken = IMPORTS.includes(name) || name === "describeDatabase" || RESERVED.test(name);
  return taken || (alias !== undefined && tables.has(alias)) ? `${name}_` : name;
}

function describeTable(name: string, table: TableSchema): string {
  const columns = [...table.columns].sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    ...describeTableLimits(name, table),
    `export type ${name}Columns = {`,
    `  _uuid: Scalar<Ref<"${name}">, "system">;`,
    `  _version: Scalar<Uuid, "system">;`,
    ...columns.flatMap(([column, schema]) => describeColumn(column, schema)),
    "};",
    `export type ${name}Row = RowOf<${name}Columns>;`,
    `export type ${name}Insert = InsertOf<${name}Columns>;`,
    `export type ${name}Update = UpdateOf<${name}Columns>;`,
    "",
  ].join("\n");
}

function describeTableLimits(name: string, { isRoot, maxRows, indexes }: TableSchema): string[] {
  const notes = [
    ...(isRoot ? [] : ["A row goes by itself once nothing refers to it."]),
    ...(maxRows === Number.POSITIVE_INFINITY ? [] : [`At most ${maxRows} row${maxRows === 1 ? "" : "s"}.`]),
    ...indexes.map((columns) => `No two rows have the same ${columns.join(", ")}.`),
  ];
  return notes.length === 0 ? [] : [`/** ${name}: ${notes.join(" ")} */`];
}

function describeColumn(name: string, column: ColumnSchema): string[] {
  const { key, value } = column;
  const types = value === undefined ? [typesOf(key)] : [typesOf(key), typesOf(value)];
  const marks = [
    ...(isRequired(column) ? ["required"] : []),
    ...(column.mutable ? [] : ["immutable"]),
    ...(key.type === "real" && value === undefined ? ["real"] : []),
  ];
  const parameters = [...types, ...(marks.length === 0 ? [] : [marks.map(literal)])];
  const limits = describeLimits(column);
  return [
    ...(limits === undefined ? [] : [`  /** ${limits} */`]),
    ...columnLines(`  ${name}: ${SHAPES[shapeOf(column)]}`, parameters),
  ];
}

/** On one line, or one for each parameter and each member of a union. */
function columnLines(head: string, parameters: readonly (readonly string[])[]): string[] {
  const line = `${head}<${parameters.map((members) => members.join(" | ")).join(", ")}>;`;
  if (line.length <= WIDTH) return [line];
  const broken = parameters.map((members) =>
    members.length === 1 ? `    ${members[0]}` : members.map((member) => `    | ${member}`).join("\n"),
  );
  return [`${head}<`, broken.join(",\n"), "  >;"];
}

/** The members of a union. */
function typesOf(base: BaseType): readonly string[] {
  const { type, refTable, enum: allowed } = base;
  if (allowed !== undefined && type !== "uuid") return [...allowed].sort((a, b) => (a < b ? -1 : 1)).map(literal);
  switch (type) {
    case "integer":
      return [isSmall(base.minimum) && isSmall(base.maximum) ? "number" : "Integer"];
    case "real":
      return ["number"];
    case "uuid":
      return [refTable === undefined ? "Uuid" : `Ref<"${refTable}">`];
    default:
      return [type];
  }
}

function literal(atom: string | number | bigint | boolean): string {
  return typeof atom === "bigint" ? `${atom}n` : JSON.stringify(atom);
}

function isSmall(limit: number | bigint | undefined): boolean {
  return typeof limit === "number" && Number.isSafeInteger(limit);
}
