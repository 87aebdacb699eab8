/** A value against its column's type (RFC 7047 section 3.2): what would be right, in words. Pure. */
import type { BaseType, ColumnSchema } from "#ovsdb/schema.ts";
import type { OvsAtom, OvsValue } from "#ovsdb/value.ts";

/** Undefined if the column may hold the value, else what it should hold: "an integer of 1..65279". */
export function checkValue(column: ColumnSchema, value: OvsValue): string | undefined {
  const { key, value: item, min, max } = column;
  if (item !== undefined) {
    const wanted = `ovsMap of ${describeBase(key)} to ${describeBase(item)}`;
    if (typeof value !== "object" || !("map" in value)) return wanted;
    if (value.map.length < min || value.map.length > max) return `${wanted}, ${describeCount(min, max)}`;
    return value.map.every(([a, b]) => fits(key, a) && fits(item, b)) ? undefined : wanted;
  }
  const atoms = atomsOf(value);
  const wanted = max === 1 ? describeBase(key) : `ovsSet of ${describeBase(key)}`;
  if (atoms === undefined) return wanted;
  if (atoms.length < min || atoms.length > max) return `${wanted}, ${describeCount(min, max)}`;
  return atoms.every((atom) => fits(key, atom)) ? undefined : wanted;
}

/** A single atom stands for a set of one. */
function atomsOf(value: OvsValue): readonly OvsAtom[] | undefined {
  if (typeof value === "object" && "map" in value) return undefined;
  return typeof value === "object" && "set" in value ? value.set : [value];
}

function fits(base: BaseType, atom: OvsAtom): boolean {
  if (!hasType(base, atom)) return false;
  if (base.enum !== undefined && !base.enum.includes(atom)) return false;
  if (typeof atom === "number" || typeof atom === "bigint") {
    return !(
      (base.minimum !== undefined && atom < base.minimum) ||
      (base.maximum !== undefined && atom > base.maximum)
    );
  }
  if (typeof atom === "string") {
    const { minLength = 0, maxLength = Number.POSITIVE_INFINITY } = base;
    if (atom.length < minLength) return false; // UTF-16 units are at least as many as characters
    return atom.length <= maxLength || [...atom].length <= maxLength;
  }
  return true;
}

function hasType(base: BaseType, atom: OvsAtom): boolean {
  switch (base.type) {
    case "integer":
      return typeof atom === "bigint" || Number.isInteger(atom);
    case "real":
      return typeof atom === "number" || typeof atom === "bigint";
    case "uuid":
      return typeof atom === "object";
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
  return max === Number.POSITIVE_INFINITY ? `at least ${min}` : `${min} to ${max} of them`;
}
