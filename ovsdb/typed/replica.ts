import type { Replica, ReplicaBatch, ReplicaOptions } from "#ovsdb/replica.ts";
import type { IndexKey } from "#ovsdb/row-index.ts";
import type { Columns, ConditionOf, RowOf } from "#ovsdb/typed/columns.ts";
import type { Ref } from "#ovsdb/uuid.ts";

type Tables = Readonly<Record<string, Columns>>;
type Name<T> = keyof T & string;

/** Columns to keep, of all rows or of those that satisfy any one of the conditions. */
type SelectionOf<Table extends Columns> =
  | readonly Name<Table>[]
  | { readonly columns: readonly Name<Table>[]; readonly where: readonly ConditionOf<Table>[] | boolean };
export type TypedSelections<DB extends Tables> = { readonly [T in keyof DB]?: SelectionOf<DB[T]> };

type ColumnsOf<Selection> = Selection extends readonly (infer Column)[]
  ? Column
  : Selection extends { readonly columns: readonly (infer Column)[] }
    ? Column
    : never;
type SelectedRow<DB extends Tables, S, T extends keyof DB> = Pick<
  RowOf<DB[T]>,
  Extract<T extends keyof S ? ColumnsOf<S[T]> : never, keyof DB[T]>
>;

/** By its `table` the compiler knows the rows of a change. */
export type TypedChange<DB extends Tables, S> = {
  [T in Name<S> & keyof DB]: {
    readonly table: T;
    readonly uuid: Ref<T>;
    readonly before?: SelectedRow<DB, S, T>;
    readonly after?: SelectedRow<DB, S, T>;
  };
}[Name<S> & keyof DB];

export interface TypedBatch<DB extends Tables, S> extends Omit<ReplicaBatch, "changes"> {
  readonly changes: readonly TypedChange<DB, S>[];
}

export interface TypedReplicaOptions<DB extends Tables, S extends TypedSelections<DB>>
  extends Omit<ReplicaOptions<Name<S>>, "database" | "tables" | "onBatch"> {
  readonly tables: S;
  onBatch?(batch: TypedBatch<DB, S>): void;
}

export interface TypedReplica<DB extends Tables, S extends TypedSelections<DB>>
  extends Omit<Replica<Name<S>>, "tables" | "find"> {
  readonly tables: { readonly [T in Name<S> & keyof DB]: ReadonlyMap<Ref<T>, SelectedRow<DB, S, T>> };
  find<T extends Name<S> & keyof DB>(table: T, key: IndexKey): ReadonlyMap<Ref<T>, SelectedRow<DB, S, T>>;
}
