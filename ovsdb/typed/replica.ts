/** A replica, its rows, conditions and indexes seen through the types of one schema. */
import type { Replica, ReplicaBatch, ReplicaOptions } from "#ovsdb/replica.ts";
import type { PlainAtom } from "#ovsdb/row.ts";
import type { Columns, ConditionOf, DatabaseTables, NameIn, RowOf } from "#ovsdb/typed/columns.ts";
import type { Ref } from "#ovsdb/uuid.ts";

/** Rows that satisfy any one of the conditions; all, or none. */
type AnyOf<Table extends Columns> = readonly ConditionOf<Table>[] | boolean;
/** Columns to keep, of all rows or of some. */
type SelectionOf<Table extends Columns> =
  | readonly NameIn<Table>[]
  | { readonly columns: readonly NameIn<Table>[]; readonly where: AnyOf<Table> };
export type TypedSelections<DB extends DatabaseTables> = { readonly [T in keyof DB]?: SelectionOf<DB[T]> };

/** The tables that are kept. */
type Kept<DB extends DatabaseTables, S> = NameIn<S> & keyof DB;
type ColumnsOf<Selection> = Selection extends readonly (infer Column)[]
  ? Column
  : Selection extends { readonly columns: readonly (infer Column)[] }
    ? Column
    : never;
/** The columns that are kept of a table. */
type KeptColumns<DB extends DatabaseTables, S, T extends keyof DB> = Extract<
  T extends keyof S ? ColumnsOf<S[T]> : never,
  NameIn<DB[T]>
>;
type KeptRow<DB extends DatabaseTables, S, T extends keyof DB> = Pick<RowOf<DB[T]>, KeptColumns<DB, S, T>>;

/** By its `table` the compiler knows the rows of a change. */
export type TypedChange<DB extends DatabaseTables, S> = {
  [T in Kept<DB, S>]: {
    readonly table: T;
    readonly uuid: Ref<T>;
    readonly before?: KeptRow<DB, S, T>;
    readonly after?: KeptRow<DB, S, T>;
  };
}[Kept<DB, S>];

export interface TypedBatch<DB extends DatabaseTables, S> extends Omit<ReplicaBatch, "changes"> {
  readonly changes: readonly TypedChange<DB, S>[];
}

/** A column, or one key of a map: "external_ids:iface-id". */
type IndexColumn<Column extends string> = Column | `${Column}:${string}`;
type TypedIndexKey<Table extends Columns, Column extends NameIn<Table>> = {
  readonly [C in Column]?: Table[C]["key"] | undefined;
} & { readonly [C in `${Column}:${string}`]?: PlainAtom | undefined };

export interface TypedReplicaOptions<DB extends DatabaseTables, S extends TypedSelections<DB>>
  extends Omit<ReplicaOptions<NameIn<S>>, "database" | "tables" | "indexes" | "onBatch"> {
  readonly tables: S;
  readonly indexes?: {
    readonly [T in Kept<DB, S>]?: readonly (readonly IndexColumn<KeptColumns<DB, S, T>>[])[];
  };
  onBatch?(batch: TypedBatch<DB, S>): void;
}

export interface TypedReplica<DB extends DatabaseTables, S extends TypedSelections<DB>>
  extends Omit<Replica<NameIn<S>>, "tables" | "find" | "setConditions"> {
  readonly tables: { readonly [T in Kept<DB, S>]: ReadonlyMap<Ref<T>, KeptRow<DB, S, T>> };
  find<T extends Kept<DB, S>>(
    table: T,
    key: TypedIndexKey<DB[T], KeptColumns<DB, S, T>>,
  ): ReadonlyMap<Ref<T>, KeptRow<DB, S, T>>;
  setConditions(conditions: { readonly [T in Kept<DB, S>]?: AnyOf<DB[T]> }): Promise<void>;
}
