/**
 * A transaction against the schema, before it is sent: what ovsdb-server would refuse whatever rows it holds, and three
 * things that it lets pass in silence: a row that sets _uuid or _version, a name that no insert of the transaction has,
 * and one that an insert into another table than the referred one has. Pure.
 */
import { checkValue, describeColumn, isRequired, referencesOf } from "#ovsdb/check.ts";
import { OvsdbError } from "#ovsdb/error.ts";
import { excerpt } from "#ovsdb/excerpt.ts";
import { ID, textFault } from "#ovsdb/notation.ts";
import type {
  Abort,
  Assert,
  Comment,
  Commit,
  ConditionFunction,
  Mutation,
  Mutator,
  Operation,
  Wait,
  Where,
} from "#ovsdb/operations.ts";
import {
  type ColumnSchema,
  columnOf,
  type DatabaseSchema,
  SYSTEM_COLUMNS,
  shapeOf,
  type TableSchema,
} from "#ovsdb/schema.ts";
import { isUuid } from "#ovsdb/uuid.ts";
import type { OvsValue, RowValues } from "#ovsdb/value.ts";

/** Says what is wrong with which column; throws. */
type Fault = (what: string, column?: string) => never;
/** By `uuidName`, the table that the row is inserted into. */
type NamedRows = ReadonlyMap<string, string>;

type RowOperation = Exclude<Operation, Comment | Assert | Commit | Abort>;

const ID_WORDS = 'of letters, digits and "_"';
const COMPARISONS: ReadonlySet<ConditionFunction> = new Set(["<", "<=", ">", ">="]);
const CONDITIONS: ReadonlySet<ConditionFunction> = new Set([...COMPARISONS, "==", "!=", "includes", "excludes"]);
const ARITHMETIC: ReadonlySet<Mutator> = new Set(["+=", "-=", "*=", "/=", "%="]);
const MUTATORS: ReadonlySet<Mutator> = new Set([...ARITHMETIC, "insert", "delete"]);

/** Throws E_OVSDB_VALUE that names the operation, the table, the column, and what would be right. */
export function checkOperations(operations: readonly Operation[], schema: DatabaseSchema): void {
  const names = new Map<string, string>();
  for (const operation of operations) {
    if (operation.op === "insert" && operation.uuidName !== undefined) names.set(operation.uuidName, operation.table);
  }
  const seen = new Set<string>();
  operations.forEach((operation, index) => {
    const fail = faultOf(operation, index, operations.length);
    checkOperation(operation, schema, names, fail);
    if (operation.op !== "insert" || operation.uuidName === undefined) return;
    if (seen.has(operation.uuidName)) fail(`should have a uuidName of its own, not ${operation.uuidName} again`);
    seen.add(operation.uuidName);
  });
}

function faultOf(operation: Operation, index: number, total: number): Fault {
  const { op } = operation;
  const table = "table" in operation ? operation.table : undefined;
  return (what, column) => {
    const of = table === undefined ? "" : ` of ${table}`;
    const subject = column === undefined ? "it" : `column ${column}`;
    const message = `${op}${of} (operation ${index + 1} of ${total}) was not sent: ${subject} ${what}`;
    const details = { operation: index, op, ...(table === undefined ? {} : { table }), ...named(column) };
    throw new OvsdbError("E_OVSDB_VALUE", message, details);
  };
}

function named(column: string | undefined): { readonly column?: string } {
  return column === undefined ? {} : { column };
}

function checkOperation(operation: Operation, schema: DatabaseSchema, names: NamedRows, fail: Fault): void {
  switch (operation.op) {
    case "comment": {
      const fault = textFault(operation.comment);
      if (fault !== undefined) fail(`should be ${fault}`);
      break;
    }
    case "assert":
      if (!ID.test(operation.lock)) fail(`should name a lock ${ID_WORDS}, not ${excerpt(operation.lock)}`);
      break;
    case "commit":
    case "abort":
      break;
    default:
      checkRows(operation, tableOf(schema, operation.table, fail), names, fail);
  }
}

function checkRows(operation: RowOperation, table: TableSchema, names: NamedRows, fail: Fault): void {
  if ("where" in operation) checkConditions(operation.where, table, fail);
  switch (operation.op) {
    case "insert":
      checkRow(operation.row, table, names, fail);
      checkDefaults(operation.row, table, fail);
      if (operation.uuidName !== undefined && !ID.test(operation.uuidName))
        fail(`should have a uuidName ${ID_WORDS}, not ${excerpt(operation.uuidName)}`);
      if (operation.uuid !== undefined && !isUuid(operation.uuid))
        fail(`should have a UUID as uuid, not ${excerpt(operation.uuid)}`);
      break;
    case "update":
      for (const column in operation.row) checkMutable(columnIn(table, column, fail), column, fail);
      checkRow(operation.row, table, names, fail);
      break;
    case "mutate":
      for (const mutation of operation.mutations) checkMutation(mutation, table, names, fail);
      break;
    case "select":
      checkColumns(operation.columns ?? [], table, fail);
      break;
    case "wait":
      checkWait(operation, table, fail);
  }
}

function checkWait({ timeout, columns, rows }: Wait, table: TableSchema, fail: Fault): void {
  checkColumns(columns, table, fail);
  for (const row of rows) {
    for (const [column, value] of Object.entries(row)) checkCell(columnIn(table, column, fail), value, column, fail);
  }
  if (timeout !== undefined && !(Number.isSafeInteger(timeout) && timeout >= 0))
    fail(`should have whole milliseconds as timeout, not ${excerpt(timeout)}`);
}

function checkMutable(schema: ColumnSchema, column: string, fail: Fault): void {
  if (!schema.mutable) fail("can only be given when a row is inserted", column);
}

function checkRow(row: RowValues, table: TableSchema, names: NamedRows, fail: Fault): void {
  for (const [column, value] of Object.entries(row)) {
    if (SYSTEM_COLUMNS.has(column)) fail("is written by the server alone", column);
    const schema = columnIn(table, column, fail);
    checkCell(schema, value, column, fail);
    checkNames(schema, value, column, names, fail);
  }
}

/** What is left out takes its default, which may be none that the column may hold. */
function checkDefaults(row: RowValues, table: TableSchema, fail: Fault): void {
  for (const [column, schema] of table.columns) {
    if (!Object.hasOwn(row, column) && isRequired(schema)) fail(`has to be given: ${describeColumn(schema)}`, column);
  }
}

function checkCell(schema: ColumnSchema, value: OvsValue, column: string, fail: Fault): void {
  const wanted = checkValue(schema, value);
  if (wanted !== undefined) fail(`should be given ${wanted}, not ${excerpt(value)}`, column);
}

function checkNames(schema: ColumnSchema, value: OvsValue, column: string, names: NamedRows, fail: Fault): void {
  for (const [{ refTable }, atom] of referencesOf(schema, value)) {
    if (typeof atom !== "object" || !("namedUuid" in atom)) continue;
    const table = names.get(atom.namedUuid);
    if (table === undefined) fail(`refers to ${atom.namedUuid}, which no insert of this transaction is named`, column);
    if (refTable !== undefined && table !== refTable)
      fail(`should refer to a row of ${refTable}; ${atom.namedUuid} is one of ${table}`, column);
  }
}

function checkConditions(where: Where, table: TableSchema, fail: Fault): void {
  for (const condition of where) {
    if (typeof condition === "boolean") continue;
    const [column, test, value] = condition;
    const schema = columnIn(table, column, fail);
    if (!CONDITIONS.has(test)) fail(`cannot be tested with ${excerpt(test)}`, column);
    if (COMPARISONS.has(test) && !(isNumeric(schema) && schema.value === undefined && schema.max === 1))
      fail(`cannot be compared by ${test}: it is no number`, column);
    checkCell(conditionType(schema, test), value, column, fail);
  }
}

/** RFC 7047 section 5.1 and ovsdb-server(7): how many values a condition on the column may have. */
function conditionType(schema: ColumnSchema, test: ConditionFunction): ColumnSchema {
  if (COMPARISONS.has(test)) return { ...schema, min: 1 };
  if (shapeOf(schema) === "scalar") return schema;
  if (test === "includes") return { ...schema, min: 0 };
  return test === "excludes" ? { ...schema, min: 0, max: Number.POSITIVE_INFINITY } : schema;
}

function checkMutation([column, mutator, value]: Mutation, table: TableSchema, names: NamedRows, fail: Fault): void {
  const schema = columnIn(table, column, fail);
  checkMutable(schema, column, fail);
  if (!MUTATORS.has(mutator)) fail(`cannot be changed by ${excerpt(mutator)}`, column);
  if (ARITHMETIC.has(mutator)) {
    if (!isNumeric(schema) || schema.value !== undefined)
      fail(`cannot be changed by ${mutator}: it is no number`, column);
    if (mutator === "%=" && schema.key.type === "real") fail("cannot be changed by %=: it is no integer", column);
    checkCell({ ...schema, key: { type: schema.key.type }, min: 1, max: 1 }, value, column, fail);
    return;
  }
  if (shapeOf(schema) === "scalar") fail(`cannot be changed by ${mutator}: it is neither a set nor a map`, column);
  if (mutator === "insert") {
    checkCell({ ...schema, min: 0 }, value, column, fail);
    checkNames(schema, value, column, names, fail);
  } else checkDeletion({ ...schema, min: 0, max: Number.POSITIVE_INFINITY }, value, column, fail);
}

/** From a map, pairs go, or keys whatever their values are. */
function checkDeletion(schema: ColumnSchema, value: OvsValue, column: string, fail: Fault): void {
  const { value: item, ...keys } = schema;
  if (item !== undefined && checkValue(keys, value) === undefined) return;
  checkCell(schema, value, column, fail);
}

function isNumeric({ key }: ColumnSchema): boolean {
  return key.type === "integer" || key.type === "real";
}

function checkColumns(columns: readonly string[], table: TableSchema, fail: Fault): void {
  for (const column of columns) columnIn(table, column, fail);
  if (new Set(columns).size !== columns.length) fail("should name each column once");
}

function tableOf(schema: DatabaseSchema, table: string, fail: Fault): TableSchema {
  return (
    schema.tables.get(table) ?? fail(`names a table that ${schema.name} lacks; it has ${listNames(schema.tables)}`)
  );
}

function columnIn(table: TableSchema, column: string, fail: Fault): ColumnSchema {
  return columnOf(table, column) ?? fail(`is not there; there are ${listNames(table.columns)}`, column);
}

/** In an order of their own: a server gives them in none. */
function listNames(named: ReadonlyMap<string, unknown>): string {
  const names = [...named.keys()].sort();
  return names.length <= 50 ? names.join(", ") : `${names.slice(0, 50).join(", ")} ...`;
}
