/** Operations -> the JSON of a `transact` request, and its reply -> results or the one error that failed it. */
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
  const column = serverDetails === undefined ? undefined : /\bcolumns? "?([A-Za-z_]\w*)/.exec(serverDetails)?.[1];
  const message = `${subject} was refused: ${error}${serverDetails === undefined ? "" : `: ${serverDetails}`}`;
  return new OvsdbError(errorCodeOf(error), message, {
    error,
    serverDetails,
    column,
    ...(operation === undefined ? {} : { operation: index, op: operation.op }),
    ...(operation !== undefined && "table" in operation ? { table: operation.table } : {}),
  });
}

function describeOperation(operation: Operation, index: number, total: number): string {
  const table = "table" in operation ? ` of ${operation.table}` : "";
  return `${operation.op}${table} (operation ${index + 1} of ${total})`;
}
