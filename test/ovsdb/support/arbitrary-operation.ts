/** Operations over a schema's tables, most of them right: of the columns' own types, near their limits. */
import fc from "fast-check";
import {
  type ConditionFunction,
  insert,
  type Mutation,
  type Mutator,
  mutate,
  type Operation,
  type OvsAtom,
  type OvsValue,
  ovsMap,
  ovsSet,
  parseUuid,
  type RowValues,
  select,
  update,
  uuid,
} from "#ovsdb/index.ts";
import type { BaseType, ColumnSchema, DatabaseSchema, TableSchema } from "#ovsdb/schema.ts";

type Cell = readonly [column: string, value: OvsValue];

const ID = "6b1de2a4-0000-4000-8000-00000000000a";
const STRANGE: readonly OvsAtom[] = [1, -1, "x", true, 0.5, uuid(ID), 2n ** 63n - 1n];
const CONDITIONS: readonly ConditionFunction[] = ["==", "!=", "<", ">=", "includes", "excludes"];
const MUTATORS: readonly Mutator[] = ["+=", "-=", "%=", "insert", "delete"];

export function arbitraryOperation(schema: DatabaseSchema): fc.Arbitrary<Operation> {
  return fc.constantFrom(...schema.tables).chain(([name, table]) => {
    const cell = cellOf(table);
    const row = fc.array(cell, { maxLength: 4 }).map((cells): RowValues => Object.fromEntries(cells));
    const where = fc.array(
      fc.tuple(cell, fc.constantFrom(...CONDITIONS)).map(([[column, value], test]) => [column, test, value] as const),
      { maxLength: 2 },
    );
    const mutations = fc.array(
      fc
        .tuple(cell, fc.constantFrom(...MUTATORS))
        .map(([[column, value], mutator]): Mutation => [column, mutator, value]),
      { maxLength: 2 },
    );
    return fc.oneof(
      row.map((values) => insert(name, values)),
      fc.tuple(row, where).map(([values, conditions]) => update(name, conditions, values)),
      fc.tuple(mutations, where).map(([changes, conditions]) => mutate(name, conditions, changes)),
      where.map((conditions) => select(name, conditions)),
    );
  });
}

function cellOf(table: TableSchema): fc.Arbitrary<Cell> {
  const known = fc
    .constantFrom(...table.columns)
    .chain(([name, column]) => fc.tuple(fc.constant(name), cellValueOf(column)));
  return fc.oneof({ weight: 40, arbitrary: known }, { weight: 1, arbitrary: fc.constant<Cell>(["nowhere", 1]) });
}

function cellValueOf({ key, value, max }: ColumnSchema): fc.Arbitrary<OvsValue> {
  const atom = atomOf(key);
  if (value !== undefined)
    return fc.array(fc.tuple(atom, atomOf(value)), { maxLength: 3 }).map((pairs) => ovsMap(pairs));
  const few = fc.array(atom, { maxLength: max > 1 ? 3 : 1 }).map(ovsSet);
  return fc.oneof({ weight: 4, arbitrary: atom }, { weight: 1, arbitrary: few });
}

function atomOf(base: BaseType): fc.Arbitrary<OvsAtom> {
  return fc.oneof({ weight: 15, arbitrary: ownAtomOf(base) }, { weight: 1, arbitrary: fc.constantFrom(...STRANGE) });
}

function ownAtomOf({ type, enum: allowed, minimum, maximum }: BaseType): fc.Arbitrary<OvsAtom> {
  if (allowed !== undefined && type !== "uuid") return fc.constantFrom(...allowed);
  switch (type) {
    case "integer":
      return integerOf(Number(minimum ?? -5), Number(maximum ?? 70_000));
    case "real":
      return fc.double({ noNaN: true, noDefaultInfinity: true });
    case "boolean":
      return fc.boolean();
    case "string":
      return fc.string({ unit: "grapheme", maxLength: 12 });
    case "uuid":
      return fc.uuid().map((text) => uuid(parseUuid(text)));
  }
}

function integerOf(low: number, high: number): fc.Arbitrary<number> {
  const near = [low - 1, low, high, high + 1].filter(Number.isSafeInteger);
  return fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: low, max: Math.min(high, 2 ** 40) }) },
    { weight: 1, arbitrary: fc.constantFrom(...near) },
  );
}
