/** Operations -> the JSON of a `transact` request, and its reply -> results or the one error that failed it. */
import { checkValue } from "#ovsdb/check.ts";
import { errorCodeOf, OvsdbError } from "#ovsdb/error.ts";
import {
  decodeRow,
  decodeValue,
  encodeRow,
  encodeValue,
  isJsonObject,
  type Json,
  type JsonObject,
  malformed,
} from "#ovsdb/notation.ts";
import type { Condition, Operation, OperationResult, Where } from "#ovsdb/operations.ts";
import type { DatabaseSchema } from "#ovsdb/schema.ts";

const COLUMN_IN_DETAILS = /\bcolumns? "?([A-Za-z_]\w*)/;

export function encodeOperation(operation: Operation): JsonObject {
  const { op } = operation;
  switch (op) {
    case "insert": {
      const { table, row, uuidName } = operation;
      const encoded = { op, table, row: encodeRow(row) };
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
  return where.map(([column, test, value]: Condition) => [column, test, encodeValue(value, column)]);
}

/** RFC 7047 section 4.1.3: one element an operation; after a failure nulls, or one element more if the commit failed. */
export function decodeResults(operations: readonly Operation[], reply: Json): OperationResult[] {
  if (!Array.isArray(reply)) throw malformed("the results of a transaction", reply);
  const results: readonly Json[] = reply;
  const failed = results.findIndex((result) => isJsonObject(result) && typeof result["error"] === "string");
  if (failed >= 0) throw operationError(operations, failed, results[failed]);
  if (results.length < operations.length) throw malformed(`${operations.length} results`, reply);
  return operations.map((operation, index) => decodeResult(operation, results[index]));
}

function decodeResult(operation: Operation, json: Json | undefined): OperationResult {
  if (!isJsonObject(json)) throw malformed(`the result of ${operation.op}`, json);
  switch (operation.op) {
    case "insert": {
      const value = decodeValue(json["uuid"]);
      if (typeof value === "object" && "uuid" in value) return { uuid: value.uuid };
      throw malformed("the uuid of an inserted row", json);
    }
    case "update":
    case "mutate":
    case "delete":
      if (typeof json["count"] === "number") return { count: json["count"] };
      throw malformed(`the count of ${operation.op}`, json);
    case "select":
      if (Array.isArray(json["rows"])) return { rows: json["rows"].map((row: Json) => decodeRow(row)) };
      throw malformed("the rows of select", json);
    default:
      return {};
  }
}

function operationError(operations: readonly Operation[], index: number, json: Json | undefined): OvsdbError {
  const fields = isJsonObject(json) ? json : {};
  const error = String(fields["error"]);
  const serverDetails = typeof fields["details"] === "string" ? fields["details"] : undefined;
  const operation = operations[index];
  const subject = operation === undefined ? "the commit" : describeOperation(operation, index, operations.length);
  const message = `${subject} was refused: ${error}${serverDetails === undefined ? "" : `: ${serverDetails}`}`;
  const column = serverDetails === undefined ? undefined : COLUMN_IN_DETAILS.exec(serverDetails)?.[1];
  const table = operation !== undefined && "table" in operation ? operation.table : undefined;
  return new OvsdbError(errorCodeOf(error), message, {
    error,
    ...(serverDetails === undefined ? {} : { serverDetails }),
    ...(operation === undefined ? {} : { operation: index, op: operation.op }),
    ...(table === undefined ? {} : { table }),
    ...(column === undefined ? {} : { column }),
  });
}

/**
 * ovsdb-server says which value it refuses, but seldom of which column. This finds the first column of the refused
 * operation whose value the schema forbids, and adds it and what would be right. Returns the error as it is otherwise.
 */
export function nameColumn(error: OvsdbError, operations: readonly Operation[], schema: DatabaseSchema): OvsdbError {
  const { operation: index, table } = error.details;
  const operation = typeof index === "number" ? operations[index] : undefined;
  const columns = schema.tables.get(String(table))?.columns;
  if (operation === undefined || columns === undefined || !("row" in operation)) return error;
  for (const [column, value] of Object.entries(operation.row)) {
    const columnSchema = columns.get(column);
    const wanted = columnSchema === undefined ? undefined : checkValue(columnSchema, value);
    if (wanted === undefined) continue;
    const message = `${error.message} (column ${column} should hold ${wanted})`;
    return new OvsdbError(error.code, message, { ...error.details, column, wanted }, error.cause);
  }
  return error;
}

function describeOperation(operation: Operation, index: number, total: number): string {
  const table = "table" in operation ? ` of ${operation.table}` : "";
  return `${operation.op}${table} (operation ${index + 1} of ${total})`;
}
