import type { Row } from "#ovsdb/row.ts";
import type { Uuid } from "#ovsdb/uuid.ts";
import type { OvsValue, RowValues } from "#ovsdb/value.ts";

declare const FOUND: unique symbol;

/** RFC 7047 section 5.1 <condition>. Sets and maps: `includes`, `excludes` and (un)equality. */
export type ConditionFunction = "==" | "!=" | "<" | "<=" | ">" | ">=" | "includes" | "excludes";
/** A boolean stands for itself, as ovsdb-server(7) 5.1 allows. */
export type Condition = readonly [column: string, test: ConditionFunction, value: OvsValue] | boolean;
/** All conditions must hold; `[]` is every row. */
export type Where = readonly Condition[];
/** RFC 7047 section 5.1 <mutation>. `insert` and `delete` are for sets and maps. */
export type Mutator = "+=" | "-=" | "*=" | "/=" | "%=" | "insert" | "delete";
export type Mutation = readonly [column: string, mutator: Mutator, value: OvsValue];

export interface Insert {
  readonly op: "insert";
  readonly table: string;
  readonly row: RowValues;
  /** Other operations of the transaction refer to the row by `namedUuid` of it. */
  readonly uuidName?: string;
  /** The row's own UUID, chosen by the client: ovsdb-server(7) 5.2.1. */
  readonly uuid?: Uuid;
}
/** `Found` is the type of the rows that it finds; nothing at run time. */
export interface Select<Found extends Row = Row> {
  readonly op: "select";
  readonly table: string;
  readonly where: Where;
  readonly columns?: readonly string[];
  readonly [FOUND]?: Found;
}
export interface Update {
  readonly op: "update";
  readonly table: string;
  readonly where: Where;
  readonly row: RowValues;
}
export interface Mutate {
  readonly op: "mutate";
  readonly table: string;
  readonly where: Where;
  readonly mutations: readonly Mutation[];
}
/** RFC 7047 "delete": the word is taken in JavaScript. */
export interface Remove {
  readonly op: "delete";
  readonly table: string;
  readonly where: Where;
}
export interface Wait {
  readonly op: "wait";
  readonly table: string;
  readonly where: Where;
  readonly columns: readonly string[];
  readonly until: "==" | "!=";
  readonly rows: readonly RowValues[];
  /** Milliseconds; 0 tests once, without it the transaction waits for as long as it takes. */
  readonly timeout?: number;
}
export interface Commit {
  readonly op: "commit";
  readonly durable: boolean;
}
export interface Abort {
  readonly op: "abort";
}
export interface Comment {
  readonly op: "comment";
  readonly comment: string;
}
export interface Assert {
  readonly op: "assert";
  readonly lock: string;
}
export type Operation = Insert | Select | Update | Mutate | Remove | Wait | Commit | Abort | Comment | Assert;

export interface InsertResult {
  readonly uuid: Uuid;
}
export interface CountResult {
  readonly count: number;
}
/** Rows as a replica has them: sets are arrays, maps are Maps, an empty optional column is undefined. */
export interface SelectResult<Found extends Row = Row> {
  readonly rows: readonly Found[];
}
export type EmptyResult = Readonly<Record<never, never>>;
export type OperationResult = InsertResult | CountResult | SelectResult | EmptyResult;

/** The result that belongs to an operation. */
export type ResultOf<O extends Operation> = O extends Insert
  ? InsertResult
  : O extends Select<infer Found>
    ? SelectResult<Found>
    : O extends Update | Mutate | Remove
      ? CountResult
      : EmptyResult;
export type ResultsOf<Operations extends readonly Operation[]> = {
  readonly [Index in keyof Operations]: ResultOf<Operations[Index]>;
};

/** `insert("Port", { name: "p1", interfaces: namedUuid("i") }, "p")`. */
export function insert(table: string, row: RowValues, uuidName?: string, uuid?: Uuid): Insert {
  const plain: Insert = { op: "insert", table, row };
  return {
    ...plain,
    ...(uuidName === undefined ? {} : { uuidName }),
    ...(uuid === undefined ? {} : { uuid }),
  };
}

/** `select("Bridge", [["name", "==", "br0"]], ["_uuid", "ports"])`; without columns, all. */
export function select(table: string, where: Where, columns?: readonly string[]): Select {
  return columns === undefined ? { op: "select", table, where } : { op: "select", table, where, columns };
}

/** `update("Interface", [["name", "==", "p1"]], { mtu_request: 1450 })`. */
export function update(table: string, where: Where, row: RowValues): Update {
  return { op: "update", table, where, row };
}

/** `mutate("Bridge", [["name", "==", "br0"]], [["ports", "insert", ovsSet([namedUuid("p")])]])`. */
export function mutate(table: string, where: Where, mutations: readonly Mutation[]): Mutate {
  return { op: "mutate", table, where, mutations };
}

/** Deletes rows. Rows of a table that is not a root also go by themselves once nothing refers to them. */
export function remove(table: string, where: Where): Remove {
  return { op: "delete", table, where };
}

/**
 * The transaction goes on only if the rows found are (`==`) or are not (`!=`) the given ones:
 * `wait("Bridge", [["name", "==", "br0"]], ["name"], "!=", [{ name: "br0" }], { timeout: 0 })` fails if br0 is there.
 */
export function wait(
  table: string,
  where: Where,
  columns: readonly string[],
  until: "==" | "!=",
  rows: readonly RowValues[],
  options: { readonly timeout?: number } = {},
): Wait {
  return { op: "wait", table, where, columns, until, rows, ...options };
}

/** Asks for the transaction to be on disk before the reply. */
export function commit(durable: boolean): Commit {
  return { op: "commit", durable };
}

export function abort(): Abort {
  return { op: "abort" };
}

/** A line in the database's log. */
export function comment(text: string): Comment {
  return { op: "comment", comment: text };
}

/** The transaction fails unless this connection holds the lock. */
export function assert(lock: string): Assert {
  return { op: "assert", lock };
}
