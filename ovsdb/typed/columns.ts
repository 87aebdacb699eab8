/**
 * What a schema says of its columns, as types; nothing of it exists at run time. A generated file describes each table as
 * a record of these, and what may be read, written, asked and changed follows from them.
 */
import type { PlainAtom } from "#ovsdb/row.ts";
import type { Uuid } from "#ovsdb/uuid.ts";
import type { NamedUuid, OvsMap, OvsSet, UuidRef } from "#ovsdb/value.ts";

/** Integers whose range the schema leaves open: bigint beyond 2^53. */
export type Integer = number | bigint;
/**
 * `required`: an insert has to give it. `immutable`: only an insert may. `system`: only the server writes it.
 * `real`: its numbers are no integers.
 */
export type Mark = "required" | "immutable" | "system" | "real";

export interface Scalar<Key extends PlainAtom, Marks extends Mark = never> {
  readonly shape: "scalar";
  readonly key: Key;
  readonly marks: Marks;
}
export interface Optional<Key extends PlainAtom, Marks extends Mark = never> {
  readonly shape: "optional";
  readonly key: Key;
  readonly marks: Marks;
}
export interface SetOf<Key extends PlainAtom, Marks extends Mark = never> {
  readonly shape: "set";
  readonly key: Key;
  readonly marks: Marks;
}
export interface MapOf<Key extends PlainAtom, Value extends PlainAtom, Marks extends Mark = never> {
  readonly shape: "map";
  readonly key: Key;
  readonly value: Value;
  readonly marks: Marks;
}
export type Column =
  | Scalar<PlainAtom, Mark>
  | Optional<PlainAtom, Mark>
  | SetOf<PlainAtom, Mark>
  | MapOf<PlainAtom, PlainAtom, Mark>;
export type Columns = Readonly<Record<string, Column>>;
/** A database: the columns of its tables. */
export type DatabaseTables = Readonly<Record<string, Columns>>;
/** The names of tables, or of columns. */
export type NameIn<T> = keyof T & string;

/** In a row. */
export type ReadOf<C extends Column> = C extends { shape: "scalar"; key: infer Key }
  ? Key
  : C extends { shape: "optional"; key: infer Key }
    ? Key | undefined
    : C extends { shape: "set"; key: infer Key }
      ? readonly Key[]
      : C extends MapOf<infer Key, infer Value, Mark>
        ? ReadonlyMap<Key, Value>
        : never;

/** A reference is written `uuid(...)` or `namedUuid(...)`; other atoms are written as they are read. */
type Written<Atom> = Atom extends Uuid ? UuidRef<Atom> | NamedUuid : Atom;

/** In an operation. */
export type WriteOf<C extends Column> = C extends { shape: "scalar"; key: infer Key }
  ? Written<Key>
  : C extends MapOf<infer Key, infer Value, Mark>
    ? OvsMap<Written<Key>, Written<Value>>
    : Written<C["key"]> | OvsSet<Written<C["key"]>>;

/** A table's rows, as a replica and `select` give them. */
export type RowOf<Table extends Columns> = { readonly [Name in keyof Table]: ReadOf<Table[Name]> };

type NamesWith<Table extends Columns, Marks extends Mark> = {
  [Name in keyof Table]: Extract<Table[Name]["marks"], Marks> extends never ? never : Name;
}[keyof Table];
type Flat<T> = { [Name in keyof T]: T[Name] };

/** What an insert gives: what is left out takes its default. */
export type InsertOf<Table extends Columns> = Flat<
  { readonly [Name in NamesWith<Table, "required">]: WriteOf<Table[Name]> } & {
    readonly [Name in Exclude<keyof Table, NamesWith<Table, "required" | "system">>]?: WriteOf<Table[Name]>;
  }
>;

/** What an update gives: what is left out stays. */
export type UpdateOf<Table extends Columns> = {
  readonly [Name in Exclude<keyof Table, NamesWith<Table, "immutable" | "system">>]?: WriteOf<Table[Name]>;
};

/** Rows that a `wait` expects. */
export type WaitOf<Table extends Columns> = { readonly [Name in keyof Table]?: WriteOf<Table[Name]> };

/** A condition on one column, or a boolean that stands for itself. */
export type ConditionOf<Table extends Columns> =
  | boolean
  | { [Name in keyof Table]: EqualityOf<Name, Table[Name]> | ComparisonOf<Name, Table[Name]> }[keyof Table];
type EqualityOf<Name, C extends Column> = readonly [
  column: Name,
  test: "==" | "!=" | "includes" | "excludes",
  value: WriteOf<C>,
];
type ComparisonOf<Name, C extends Column> = C extends { shape: "scalar" | "optional"; key: Integer }
  ? readonly [column: Name, test: "<" | "<=" | ">" | ">=", value: C["key"]]
  : never;

/** A change of one column. */
export type MutationOf<Table extends Columns> = {
  [Name in Exclude<keyof Table, NamesWith<Table, "immutable" | "system">>]:
    | ArithmeticOf<Name, Table[Name]>
    | MembershipOf<Name, Table[Name]>;
}[Exclude<keyof Table, NamesWith<Table, "immutable" | "system">>];
type ArithmeticOf<Name, C extends Column> = C extends { shape: "scalar" | "optional" | "set"; key: Integer }
  ? readonly [column: Name, mutator: ArithmeticMutator<C["marks"]>, value: Integer]
  : never;
type ArithmeticMutator<Marks extends Mark> = "+=" | "-=" | "*=" | "/=" | ("real" extends Marks ? never : "%=");
type MembershipOf<Name, C extends Column> =
  C extends MapOf<infer Key, PlainAtom, Mark>
    ?
        | readonly [column: Name, mutator: "insert", value: WriteOf<C>]
        | readonly [column: Name, mutator: "delete", value: WriteOf<C> | OvsSet<Written<Key>> | Written<Key>]
    : C extends { shape: "optional" | "set" }
      ? readonly [column: Name, mutator: "insert" | "delete", value: WriteOf<C>]
      : never;
