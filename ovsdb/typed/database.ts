/** The operations of one database, with its tables and columns known to the compiler. Nothing of it exists at run time. */
import {
  type Insert,
  insert,
  type Mutate,
  mutate,
  type Remove,
  remove,
  type Select,
  select,
  type Update,
  update,
  type Wait,
  wait,
} from "#ovsdb/operations.ts";
import { createReplica } from "#ovsdb/replica.ts";
import type {
  Columns,
  ConditionOf,
  DatabaseTables,
  InsertOf,
  MutationOf,
  NameIn,
  RowOf,
  UpdateOf,
  WaitOf,
} from "#ovsdb/typed/columns.ts";
import type { TypedReplica, TypedReplicaOptions, TypedSelections } from "#ovsdb/typed/replica.ts";
import type { Uuid } from "#ovsdb/uuid.ts";

/** The rows that an operation is about: all conditions must hold; `[]` is every row. */
export type WhereOf<Table extends Columns> = readonly ConditionOf<Table>[];

/** What `insert`, `select` and so on of `operations.ts` do, for this database's tables alone. */
export interface Database<Tables extends DatabaseTables> {
  readonly name: string;
  insert<T extends NameIn<Tables>>(table: T, row: InsertOf<Tables[T]>, uuidName?: string, uuid?: Uuid): Insert;
  /** Without columns, all. */
  select<T extends NameIn<Tables>, const C extends NameIn<Tables[T]> = NameIn<Tables[T]>>(
    table: T,
    where: WhereOf<Tables[T]>,
    columns?: readonly C[],
  ): Select<Pick<RowOf<Tables[T]>, C>>;
  update<T extends NameIn<Tables>>(table: T, where: WhereOf<Tables[T]>, row: UpdateOf<Tables[T]>): Update;
  mutate<T extends NameIn<Tables>>(
    table: T,
    where: WhereOf<Tables[T]>,
    mutations: readonly MutationOf<Tables[T]>[],
  ): Mutate;
  remove<T extends NameIn<Tables>>(table: T, where: WhereOf<Tables[T]>): Remove;
  wait<T extends NameIn<Tables>>(
    table: T,
    where: WhereOf<Tables[T]>,
    columns: readonly NameIn<Tables[T]>[],
    until: "==" | "!=",
    rows: readonly WaitOf<Tables[T]>[],
    options?: { readonly timeout?: number },
  ): Wait;
  /** `createReplica` with typed rows: `createReplica({ remote, tables: { Bridge: ["name", "ports"] } })`. */
  createReplica<const S extends TypedSelections<Tables>>(
    options: TypedReplicaOptions<Tables, S>,
  ): TypedReplica<Tables, S>;
}

/**
 * A generated file ends in this: `const Open_vSwitch = describeDatabase<Open_vSwitch>("Open_vSwitch")`.
 *
 *     const [{ rows }] = await client.transact(Open_vSwitch.name, [Open_vSwitch.select("Bridge", [["name", "==", "br0"]])]);
 */
export function describeDatabase<Tables extends DatabaseTables>(name: string): Database<Tables> {
  const untyped = {
    ...{ name, insert, select, update, mutate, remove, wait },
    createReplica: (options: Omit<Parameters<typeof createReplica>[0], "database">) =>
      createReplica({ ...options, database: name }),
  };
  return untyped as unknown as Database<Tables>; // the same functions: the types only narrow what they may be given
}
