/** Operations -> the JSON of a `transact` request, and its reply -> results or the one error that failed it. */
import { createColumnCodec } from "#ovsdb/column.ts";
import { errorCodeOf, OvsdbError } from "#ovsdb/error.ts";
import {
  decodeAtom,
  encodeRow,
  encodeValue,
  isJsonObject,
  type Json,
  type JsonObject,
  malformed,
} from "#ovsdb/notation.ts";
import type { Condition, Operation, OperationResult, Where } from "#ovsdb/operations.ts";
import type { PlainValue, Row } from "#ovsdb/row.ts";
import { columnOf, type DatabaseSchema } from "#ovsdb/schema.ts";

const COLUMN_IN_DETAILS = /\bcolumns? "?([A-Za-z_]\w*)/;

export function encodeOperation(operation: Operation): JsonObject {
  const { op } = operation;
  switch (op) {
    case "insert": {
      const { table, row, uuidName, uuid } = operation;
      const encoded = { op, table, row: encodeRow(row), ...(uuid === undefined ? {} : { uuid }) };
      return uuidName === undefined ? encoded : { ...encoded, "uuid-name": uuidName };
    }
    case "select": {
      const { table, where, columns } = operation;
      const encoded = { op, table, where: encodeWhere(where) };
      return columns === undefined ? encoded : { ...encoded, columns };
    }
    case "update":
      return { op, table: operation.table, where: encodeWhere(operation.where), row: encodeRow(operation.row) };
    case "mutate": {
      const mutations = operation.mutations.map(([column, mutator, value]) => [
        column,
        mutator,
        encodeValue(value, column),
      ]);
      return { op, table: operation.table, where: encodeWhere(operation.where), mutations };
    }
    case "delete":
      return { op, table: operation.table, where: encodeWhere(operation.where) };
    case "wait": {
      const { table, where, columns, until, rows, timeout } = operation;
      const encoded = { op, table, where: encodeWhere(where), columns, until, rows: rows.map(encodeRow) };
      return timeout === undefined ? encoded : { ...encoded, timeout };
    }
    case "commit":
      return { op, durable: operation.durable };
    case "abort":
      return { op };
    case "comment":
      return { op, comment: operation.comment };
    case "assert":
      return { op, lock: operation.lock };
  }
}

export function encodeWhere(where: Where): Json[] {
  return where.map((condition: Condition) => {
    if (typeof condition === "boolean") return condition;
    const [column, test, value] = condition;
    return [column, test, encodeValue(value, column)];
  });
}

/** RFC 7047 section 4.1.3: one element an operation; after a failure nulls, or one element more if the commit failed. */
export function decodeResults(
  operations: readonly Operation[],
  reply: Json,
  schema: DatabaseSchema,
): OperationResult[] {
  if (!Array.isArray(reply)) throw malformed("the results of a transaction", reply);
  const results: readonly Json[] = reply;
  const failed = results.findIndex((result) => isJsonObject(result) && typeof result["error"] === "string");
  if (failed >= 0) throw operationError(operations, failed, results[failed]);
  if (results.length < operations.length) throw malformed(`${operations.length} results`, reply);
  return operations.map((operation, index) => decodeResult(operation, results[index], `results[${index}]`, schema));
}

function decodeResult(
  operation: Operation,
  json: Json | undefined,
  path: string,
  schema: DatabaseSchema,
): OperationResult {
  if (!isJsonObject(json)) throw malformed(`the result of ${operation.op} as ${path}`, json, path);
  switch (operation.op) {
    case "insert": {
      const atom = decodeAtom(json["uuid"], `${path}.uuid`);
      if (typeof atom === "object" && "uuid" in atom) return { uuid: atom.uuid };
      throw malformed(`the uuid of an inserted row as ${path}`, json, path);
    }
    case "update":
    case "mutate":
    case "delete":
      if (typeof json["count"] === "number") return { count: json["count"] };
      throw malformed(`the count of ${operation.op} as ${path}`, json, path);
    case "select":
      if (Array.isArray(json["rows"]))
        return { rows: decodeRows(operation.table, json["rows"], `${path}.rows`, schema) };
      throw malformed(`the rows of select as ${path}`, json, path);
    default:
      return {};
  }
}

/** As a replica would hold them: the schema says what is a set, even where it has one element. */
function decodeRows(table: string, rows: readonly Json[], path: string, schema: DatabaseSchema): Row[] {
  const codecs = new Map<string, (json: Json) => PlainValue>();
  function decodeColumn(column: string, json: Json): PlainValue {
    let decode = codecs.get(column);
    if (decode === undefined) {
      const columnSchema = columnOf(schema.tables.get(table)!, column);
      if (columnSchema === undefined) throw malformed(`columns of ${table} in ${path}`, column, path);
      decode = createColumnCodec(columnSchema, `${table}.${column}`).decode;
      codecs.set(column, decode);
    }
    return decode(json);
  }
  return rows.map((row, index) => {
    if (!isJsonObject(row)) throw malformed(`a row of ${table} as ${path}[${index}]`, row, path);
    return Object.fromEntries(Object.entries(row).map(([column, json]) => [column, decodeColumn(column, json)]));
  });
}

function operationError(operations: readonly Operation[], index: number, json: Json | undefined): OvsdbError {
  const fields = isJsonObject(json) ? json : {};
  const error = String(fields["error"]);
  const serverDetails = typeof fields["details"] === "string" ? fields["details"] : undefined;
  const operation = operations[index];
  const subject = operation === undefined ? "the commit" : describeOperation(operation, index, operations.length);
  const message = `${subject} was refused: ${error}${serverDetails === undefined ? "" : `: ${serverDetails}`}`;
  const column = COLUMN_IN_DETAILS.exec(serverDetails ?? "")?.[1] ?? onlyColumn(operation);
  const table = operation !== undefined && "table" in operation ? operation.table : undefined;
  return new OvsdbError(errorCodeOf(error), message, {
    error,
    ...(serverDetails === undefined ? {} : { serverDetails }),
    ...(operation === undefined ? {} : { operation: index, op: operation.op }),
    ...(table === undefined ? {} : { table }),
    ...(column === undefined ? {} : { column }),
  });
}

/** ovsdb-server says which value it refuses, but seldom of which column: here there is only one. */
function onlyColumn(operation: Operation | undefined): string | undefined {
  if (operation?.op !== "mutate") return undefined;
  const columns = new Set(operation.mutations.map(([column]) => column));
  return columns.size === 1 ? [...columns][0] : undefined;
}

function describeOperation(operation: Operation, index: number, total: number): string {
  const table = "table" in operation ? ` of ${operation.table}` : "";
  return `${operation.op}${table} (operation ${index + 1} of ${total})`;
}
