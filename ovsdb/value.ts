import { parseUuid, type Uuid } from "#ovsdb/uuid.ts";

/** A reference to an existing row. */
export interface UuidRef<Target extends Uuid = Uuid> {
  readonly uuid: Target;
}
/** A reference to a row inserted in the same transaction under this `uuidName`. */
export interface NamedUuid {
  readonly namedUuid: string;
}
/** Integers beyond 2^53 are bigint; every other number is a number. */
export type OvsAtom = string | number | bigint | boolean | UuidRef | NamedUuid;
export interface OvsSet<Atom = OvsAtom> {
  readonly set: readonly Atom[];
}
export interface OvsMap<Key = OvsAtom, Value = OvsAtom> {
  readonly map: readonly (readonly [key: Key, value: Value])[];
}
/** What a column of an operation may hold. */
export type OvsValue = OvsAtom | OvsSet | OvsMap;
/** Column -> value, for `insert`, `update` and `wait`; columns left out keep their value or take their default. */
export type RowValues = Readonly<Record<string, OvsValue>>;

/** A reference to a row by its UUID: `uuid("6b1de2a4-...")`. */
export function uuid<Target extends Uuid>(text: Target): UuidRef<Target>;
export function uuid(text: string): UuidRef;
export function uuid(text: string): UuidRef {
  return { uuid: parseUuid(text) };
}

/** A reference to a row that the same transaction inserts: `namedUuid("port")`. */
export function namedUuid(name: string): NamedUuid {
  return { namedUuid: name };
}

/** `ovsSet(["a", "b"])`; `ovsSet([])` is also how an optional column is emptied. */
export function ovsSet<const Atom extends OvsAtom>(atoms: Iterable<Atom>): OvsSet<Atom> {
  return { set: [...atoms] };
}

/** `ovsMap({ key: "value" })`, or any iterable of pairs. */
export function ovsMap<const Key extends OvsAtom, const Value extends OvsAtom>(
  pairs: Iterable<readonly [Key, Value]>,
): OvsMap<Key, Value>;
export function ovsMap<const Key extends string, const Value extends OvsAtom>(
  record: Readonly<Record<Key, Value>>,
): OvsMap<Key, Value>;
export function ovsMap(entries: Readonly<Record<string, OvsAtom>> | Iterable<readonly [OvsAtom, OvsAtom]>): OvsMap {
  return { map: isIterable(entries) ? [...entries] : Object.entries(entries) };
}

function isIterable<T>(value: object | Iterable<T>): value is Iterable<T> {
  return Symbol.iterator in value;
}
