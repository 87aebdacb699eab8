/** Columns by their schema: JSON -> plain values, defaults, and the differences of <row-update2>. Pure. */
import { OvsdbError } from "#ovsdb/error.ts";
import { excerpt } from "#ovsdb/excerpt.ts";
import type { Json } from "#ovsdb/notation.ts";
import type { PlainAtom, PlainValue } from "#ovsdb/row.ts";
import { type AtomType, type BaseType, type ColumnSchema, shapeOf } from "#ovsdb/schema.ts";
import { isUuid, ZERO_UUID } from "#ovsdb/uuid.ts";

export interface ColumnCodec {
  /** What the column holds where the server leaves it out. */
  readonly empty: PlainValue;
  decode(json: Json): PlainValue;
  /** `before` as changed by a difference. Throws E_OVSDB_INCONSISTENT where the two do not fit. */
  applyDiff(before: PlainValue, json: Json): PlainValue;
}

/** `path` ("Interface.ofport") is for messages. Sets are kept sorted, so that equal sets are equal arrays. */
export function createColumnCodec(column: ColumnSchema, path: string): ColumnCodec {
  const { key, value } = column;
  const atom = (json: Json | undefined): PlainAtom => decodePlainAtom(key, json, path);
  switch (shapeOf(column)) {
    case "scalar":
      return { empty: defaultAtom(key.type), decode: atom, applyDiff: (_before, json) => atom(json) };
    case "optional": {
      const decode = (json: Json): PlainValue => {
        const atoms = decodeAtoms(json, atom, path);
        return atoms.length > 1 ? fail(path, "at most one value", json) : atoms[0];
      };
      return { empty: undefined, decode, applyDiff: (_before, json) => decode(json) };
    }
    case "set": {
      const decode = (json: Json) => sortAtoms(decodeAtoms(json, atom, path), path);
      return {
        empty: [],
        decode,
        applyDiff: (before, json) => toggleAtoms(before, decodeAtoms(json, atom, path), path),
      };
    }
    case "map": {
      const decode = (json: Json) => decodePairs(json, key, value ?? key, path);
      return { empty: new Map(), decode, applyDiff: (before, json) => togglePairs(before, decode(json), path) };
    }
  }
}

export function sameValue(a: PlainValue, b: PlainValue): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((atom, index) => atom === b[index]);
  }
  if (!(a instanceof Map && b instanceof Map) || a.size !== b.size) return false;
  for (const [key, item] of a) if (b.get(key) !== item) return false;
  return true;
}

function decodePlainAtom(base: BaseType, json: Json | undefined, path: string): PlainAtom {
  switch (base.type) {
    case "string":
      return typeof json === "string" ? json : fail(path, "a string", json);
    case "boolean":
      return typeof json === "boolean" ? json : fail(path, "a boolean", json);
    case "integer":
      return Number.isSafeInteger(json) || typeof json === "bigint" ? toAtom(json) : fail(path, "an integer", json);
    case "real":
      return typeof json === "number" || typeof json === "bigint" ? Number(json) : fail(path, "a number", json);
    case "uuid": {
      const text = Array.isArray(json) && json[0] === "uuid" ? json[1] : undefined;
      return isUuid(text) ? text : fail(path, "a uuid", json);
    }
  }
}

function toAtom(json: Json | undefined): PlainAtom {
  return typeof json === "bigint" ? json : Number(json);
}

/** RFC 7047 section 5.2.1: what a column holds that an insert leaves out. */
export function defaultAtom(type: AtomType): PlainAtom {
  switch (type) {
    case "string":
      return "";
    case "boolean":
      return false;
    case "integer":
    case "real":
      return 0;
    case "uuid":
      return ZERO_UUID;
  }
}

/** A set of one may stand as its element. */
function decodeAtoms(json: Json, atom: (json: Json) => PlainAtom, path: string): PlainAtom[] {
  if (!Array.isArray(json) || json[0] !== "set") return [atom(json)];
  const atoms: Json | undefined = json[1];
  return Array.isArray(atoms) ? atoms.map(atom) : fail(path, "a set", json);
}

function decodePairs(json: Json, key: BaseType, value: BaseType, path: string): Map<PlainAtom, PlainAtom> {
  const pairs: Json | undefined = Array.isArray(json) && json[0] === "map" ? json[1] : undefined;
  if (!Array.isArray(pairs)) return fail(path, "a map", json);
  const map = new Map<PlainAtom, PlainAtom>();
  for (const pair of pairs) {
    if (!Array.isArray(pair) || pair.length !== 2) return fail(path, "a pair of key and value", pair);
    map.set(decodePlainAtom(key, pair[0], path), decodePlainAtom(value, pair[1], path));
  }
  if (map.size !== pairs.length) return fail(path, "a map without repeated keys", json);
  return map;
}

/** Servers send sets sorted, so the sort is rarely needed. */
function sortAtoms(atoms: PlainAtom[], path: string): readonly PlainAtom[] {
  if (isAscending(atoms)) return atoms;
  atoms.sort(compareAtoms);
  return isAscending(atoms) ? atoms : fail(path, "a set without repetition", atoms);
}

function isAscending(atoms: readonly PlainAtom[]): boolean {
  for (let i = 1; i < atoms.length; i++) if (!(atoms[i - 1]! < atoms[i]!)) return false;
  return true;
}

function compareAtoms(a: PlainAtom, b: PlainAtom): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What is in both goes, what is only in the difference comes. */
function toggleAtoms(before: PlainValue, difference: readonly PlainAtom[], path: string): PlainValue {
  if (!Array.isArray(before)) return fail(path, "a set to change", before);
  const atoms = new Set<PlainAtom>(before);
  for (const atom of difference) if (!atoms.delete(atom)) atoms.add(atom);
  return sortAtoms([...atoms], path);
}

/** Equal pairs go, other keys take the value of the difference. */
function togglePairs(before: PlainValue, difference: ReadonlyMap<PlainAtom, PlainAtom>, path: string): PlainValue {
  if (!(before instanceof Map)) return fail(path, "a map to change", before);
  const map = new Map<PlainAtom, PlainAtom>(before);
  for (const [key, item] of difference) {
    if (map.get(key) === item) map.delete(key);
    else map.set(key, item);
  }
  return map;
}

function fail(path: string, wanted: string, found: unknown): never {
  const message = `${path} should hold ${wanted}, the server sent ${excerpt(found)}`;
  throw new OvsdbError("E_OVSDB_INCONSISTENT", message, { path });
}
