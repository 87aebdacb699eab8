/** A database with every kind of column: one table for each, with this one column "c", so that each can be tried alone. */
import type { Json, JsonObject } from "#ovsdb/notation.ts";

/** A <base-type>. */
type Base = { readonly [key: string]: Json };

const UNLIMITED = "unlimited";
const BASES: Readonly<Record<string, Base>> = {
  integer: { type: "integer" },
  range: { type: "integer", minInteger: -2, maxInteger: 5 },
  positive: { type: "integer", minInteger: 1 },
  huge: { type: "integer", minInteger: 0, maxInteger: 9007199254740993n },
  real: { type: "real" },
  realRange: { type: "real", minReal: 0.5, maxReal: 1.5 },
  boolean: { type: "boolean" },
  onlyTrue: { type: "boolean", enum: ["set", [true]] },
  string: { type: "string" },
  length: { type: "string", minLength: 2, maxLength: 3 },
  words: { type: "string", enum: ["set", ["a", "b", "class"]] },
  word: { type: "string", enum: "a" },
  numbers: { type: "integer", enum: ["set", [1, 3, 9007199254740993n]] },
  halves: { type: "real", enum: ["set", [0, 0.5]] },
  uuid: { type: "uuid" },
  strong: { type: "uuid", refTable: "Target" },
  weak: { type: "uuid", refTable: "Target", refType: "weak" },
};
const SIZES: Readonly<Record<string, Base>> = {
  one: {},
  optional: { min: 0, max: 1 },
  few: { min: 0, max: 3 },
  some: { min: 1, max: 3 },
  many: { min: 0, max: UNLIMITED },
};
const MAPS: readonly (readonly [key: string, value: string])[] = [
  ["string", "string"],
  ["range", "strong"],
  ["strong", "words"],
  ["words", "range"],
  ["uuid", "real"],
  ["string", "weak"],
  ["boolean", "length"],
];

/** The types of columns, by the names of their tables. */
export const TYPES: ReadonlyMap<string, Base> = new Map([
  ...Object.entries(BASES).flatMap(([name, key]) =>
    Object.entries(SIZES).map(([size, limits]): [string, Base] => [`${name}_${size}`, { key, ...limits }]),
  ),
  ...MAPS.flatMap(([key, value]) =>
    Object.entries(SIZES).map(([size, limits]): [string, Base] => [
      `${key}_to_${value}_${size}`,
      { key: BASES[key]!, value: BASES[value]!, ...limits },
    ]),
  ),
]);

export const CONSTRAINT_SCHEMA: JsonObject = {
  name: "Constraints",
  version: "1.0.0",
  tables: {
    Target: { isRoot: true, columns: { name: { type: "string" } } },
    Other: { isRoot: true, columns: { name: { type: "string" } } },
    ...Object.fromEntries(
      [...TYPES].flatMap(([name, type]) => [
        [name, { isRoot: true, columns: { c: { type } } }],
        [`${name}_fixed`, { isRoot: true, columns: { c: { type, mutable: false } } }],
      ]),
    ),
  },
};
