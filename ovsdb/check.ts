/** A value against its column's type (RFC 7047 section 3.2): what would be right, in words. Pure. */
import { defaultAtom } from "#ovsdb/column.ts";
import { isInteger64, textFault } from "#ovsdb/notation.ts";
import type { BaseType, ColumnSchema } from "#ovsdb/schema.ts";
import { isUuid } from "#ovsdb/uuid.ts";
import type { OvsAtom, OvsMap, OvsValue } from "#ovsdb/value.ts";

/** Undefined if the column may hold the value, else what it should hold: "an integer of 1..65279". */
export function checkValue(column: ColumnSchema, value: OvsValue): string | undefined {
  const { key, value: item, min, max } = column;
  const wanted = describeColumn(column);
  const pairs = item === undefined ? undefined : pairsOf(value);
  const atoms = item === undefined ? atomsOf(value) : pairs?.map(([atom]) => atom);
  if (atoms === undefined) return wanted;
  if (atoms.length < min || atoms.length > max) return `${wanted}, ${describeCount(min, max)}`;
  const fault =
    faultIn(key, atoms) ??
    (item === undefined
      ? undefined
      : faultIn(
          item,
          pairs!.map(([, atom]) => atom),
        ));
  if (fault !== undefined) return fault === "" ? wanted : `${wanted}, each ${fault}`;
  return repeats(atoms) ? `${wanted}, each ${item === undefined ? "" : "key "}once` : undefined;
}

/** Undefined if all fit; else what is missing, "" where the type says it. */
function faultIn(base: BaseType, atoms: readonly OvsAtom[]): string | undefined {
  for (const atom of atoms) {
    if (!fits(base, atom)) return "";
    const fault = typeof atom === "string" ? textFault(atom) : undefined;
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** Whether an insert has to give the column a value: its default is none that the column may hold. */
export function isRequired({ key, value, min }: ColumnSchema): boolean {
  return min === 1 && !(hasGoodDefault(key) && (value === undefined || hasGoodDefault(value)));
}

/** The zero UUID is no row. */
function hasGoodDefault(base: BaseType): boolean {
  if (base.type === "uuid") return base.refTable === undefined && base.enum === undefined;
  const atom = defaultAtom(base.type);
  return fits(base, atom);
}

export function describeColumn({ key, value, max }: ColumnSchema): string {
  if (value !== undefined) return `ovsMap of ${describeBase(key)} to ${describeBase(value)}`;
  return max === 1 ? describeBase(key) : `ovsSet of ${describeBase(key)}`;
}

/** References of a value with the kind of row that they should refer to. */
export function* referencesOf(column: ColumnSchema, value: OvsValue): Generator<[base: BaseType, atom: OvsAtom]> {
  if (column.key.type !== "uuid" && column.value?.type !== "uuid") return;
  if (isRecord(value) && "map" in value) {
    for (const [key, item] of value.map) {
      yield [column.key, key];
      if (column.value !== undefined) yield [column.value, item];
    }
  } else for (const atom of atomsOf(value) ?? []) yield [column.key, atom];
}

/** A single atom stands for a set of one. */
function atomsOf(value: OvsValue): readonly OvsAtom[] | undefined {
  if (!isRecord(value)) return [value];
  if ("map" in value) return undefined;
  if (!("set" in value)) return [value];
  return Array.isArray(value.set) ? value.set : undefined;
}

function pairsOf(value: OvsValue): OvsMap["map"] | undefined {
  return isRecord(value) && "map" in value && Array.isArray(value.map) ? value.map : undefined;
}

/** `null` comes from callers without types. */
function isRecord(value: OvsValue): value is Exclude<OvsValue, string | number | bigint | boolean> {
  return typeof value === "object" && value !== null;
}

function repeats(atoms: readonly OvsAtom[]): boolean {
  return atoms.length > 1 && new Set(atoms.map(identityOf)).size !== atoms.length;
}

/** Equal for atoms that the server takes for the same. */
function identityOf(atom: OvsAtom): string | number | boolean {
  switch (typeof atom) {
    case "number":
    case "bigint":
      return `${atom}`;
    case "object":
      return "uuid" in atom ? atom.uuid : `named ${atom.namedUuid}`;
    default:
      return atom;
  }
}

function fits(base: BaseType, atom: OvsAtom): boolean {
  if (!hasType(base, atom)) return false;
  if (base.enum !== undefined && !base.enum.some((allowed) => isSame(allowed, atom))) return false;
  if (typeof atom === "number" || typeof atom === "bigint") {
    return !(
      (base.minimum !== undefined && atom < base.minimum) ||
      (base.maximum !== undefined && atom > base.maximum)
    );
  }
  if (typeof atom === "string") {
    const { minLength = 0, maxLength = Number.POSITIVE_INFINITY } = base;
    if (atom.length < minLength) return false; // UTF-16 units are at least as many as characters
    if (minLength === 0 && atom.length <= maxLength) return true;
    const { length } = [...atom];
    return length >= minLength && length <= maxLength;
  }
  return true;
}

/** 1 and 1n are one integer. */
function isSame(allowed: string | number | bigint | boolean, atom: OvsAtom): boolean {
  return typeof atom === "object" ? "uuid" in atom && atom.uuid === allowed : `${allowed}` === `${atom}`;
}

function hasType(base: BaseType, atom: OvsAtom): boolean {
  switch (base.type) {
    case "integer":
      if (typeof atom === "bigint") return isInteger64(atom);
      return (
        Number.isSafeInteger(atom) || (typeof atom === "number" && Number.isInteger(atom) && isInteger64(BigInt(atom)))
      );
    case "real":
      return Number.isFinite(atom) || (typeof atom === "bigint" && isInteger64(atom));
    case "uuid":
      if (typeof atom !== "object" || atom === null) return false;
      return "uuid" in atom ? isUuid(atom.uuid) : "namedUuid" in atom;
    default:
      return typeof atom === base.type;
  }
}

function describeBase(base: BaseType): string {
  if (base.enum !== undefined) return `one of ${base.enum.map(String).join(", ")}`;
  switch (base.type) {
    case "uuid":
      return base.refTable === undefined ? "a uuid" : `a reference to a row of ${base.refTable}`;
    case "string":
      return `a string${describeRange(base.minLength, base.maxLength, " of length")}`;
    case "integer":
      return `an integer${describeRange(base.minimum, base.maximum, " of")}`;
    default:
      return `a ${base.type}${describeRange(base.minimum, base.maximum, " of")}`;
  }
}

function describeRange(low: number | bigint | undefined, high: number | bigint | undefined, word: string): string {
  return low === undefined && high === undefined ? "" : `${word} ${low ?? ""}..${high ?? ""}`;
}

function describeCount(min: number, max: number): string {
  if (max === Number.POSITIVE_INFINITY) return `at least ${min} of them`;
  return min === max ? "exactly one of them" : `${min} to ${max} of them`;
}
