/**
 * RFC 7047 section 5.1 notation: values <-> the JSON that stands for them. Knows no schema: a set of one element may come
 * as that element, and stays it.
 */
import { OvsdbError } from "#ovsdb/error.ts";
import { excerpt } from "#ovsdb/excerpt.ts";
import { isUuid } from "#ovsdb/uuid.ts";
import type { OvsAtom, OvsMap, OvsSet, OvsValue, RowValues } from "#ovsdb/value.ts";

export type Json = string | number | bigint | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** <id> */
export const ID = /^[A-Za-z_][A-Za-z0-9_]*$/;
const INTEGER_LIMIT = 2n ** 63n;

export function encodeRow(row: RowValues): JsonObject {
  return Object.fromEntries(Object.entries(row).map(([column, value]) => [column, encodeValue(value, column)]));
}

/** `column` is for the message only. */
export function encodeValue(value: OvsValue, column: string): Json {
  if (typeof value === "object" && value !== null) {
    if ("set" in value && Array.isArray(value.set)) return ["set", value.set.map((atom) => encodeAtom(atom, column))];
    if ("map" in value && Array.isArray(value.map)) {
      return ["map", value.map.map(([key, item]) => [encodeAtom(key, column), encodeAtom(item, column)])];
    }
  }
  return encodeAtom(value, column);
}

/** Undefined if ovsdb-server can read the text: it drops the whole connection over text that it cannot. */
export function textFault(text: string): string | undefined {
  if (text.includes("\0")) return "a string without NUL characters";
  return text.isWellFormed() ? undefined : "a string without lone surrogates";
}

function encodeAtom(atom: OvsValue, column: string): Json {
  switch (typeof atom) {
    case "string": {
      const fault = textFault(atom);
      return fault === undefined ? atom : refuse(column, fault, atom);
    }
    case "number":
      if (!Number.isFinite(atom)) return refuse(column, "a finite number", atom);
      if (Object.is(atom, -0)) return 0;
      // JSON text of a large number is rounded to what is shortest: another integer than this one.
      return Number.isInteger(atom) && !Number.isSafeInteger(atom) && isInteger64(BigInt(atom)) ? BigInt(atom) : atom;
    case "bigint":
      return isInteger64(atom) ? atom : refuse(column, "a signed 64-bit integer", atom);
    case "boolean":
      return atom;
    case "object":
      if (atom !== null && "uuid" in atom && isUuid(atom.uuid)) return ["uuid", atom.uuid];
      if (atom !== null && "namedUuid" in atom && ID.test(atom.namedUuid)) return ["named-uuid", atom.namedUuid];
  }
  return refuse(
    column,
    'a string, number, boolean, uuid("..."), namedUuid("name"), ovsSet([...]) or ovsMap({...})',
    atom,
  );
}

export function isInteger64(integer: bigint): boolean {
  return integer >= -INTEGER_LIMIT && integer < INTEGER_LIMIT;
}

/** `path` is for the message: "results[0].rows[3]". */
export function decodeRow(json: Json | undefined, path: string): Readonly<Record<string, OvsValue>> {
  if (!isJsonObject(json)) throw malformed(`a row as ${path}`, json, path);
  return Object.fromEntries(
    Object.entries(json).map(([column, value]) => [column, decodeValue(value, `${path}.${column}`)]),
  );
}

export function decodeValue(json: Json | undefined, path: string): OvsValue {
  if (Array.isArray(json) && json.length === 2) {
    if (json[0] === "set") return decodeSet(json[1], path);
    if (json[0] === "map") return decodeMap(json[1], path);
  }
  return decodeAtom(json, path);
}

function decodeSet(json: Json, path: string): OvsSet {
  if (!Array.isArray(json)) throw malformed(`["set", [...]] as ${path}`, json, path);
  return { set: json.map((atom, index) => decodeAtom(atom, `${path}[${index}]`)) };
}

function decodeMap(json: Json, path: string): OvsMap {
  if (!Array.isArray(json)) throw malformed(`["map", [[key, value], ...]] as ${path}`, json, path);
  return {
    map: json.map((pair, index): readonly [OvsAtom, OvsAtom] => {
      if (!Array.isArray(pair) || pair.length !== 2)
        throw malformed(`a pair of key and value as ${path}[${index}]`, pair, path);
      return [decodeAtom(pair[0], `${path}[${index}]`), decodeAtom(pair[1], `${path}[${index}]`)];
    }),
  };
}

export function decodeAtom(json: Json | undefined, path: string): OvsAtom {
  if (typeof json === "string" || typeof json === "number" || typeof json === "boolean" || typeof json === "bigint") {
    return json;
  }
  if (Array.isArray(json) && json.length === 2) {
    const [tag, text] = json;
    if (tag === "uuid" && isUuid(text)) return { uuid: text };
    if (tag === "named-uuid" && typeof text === "string" && ID.test(text)) return { namedUuid: text };
  }
  throw malformed(`a string, number, boolean or uuid as ${path}`, json, path);
}

export function isJsonObject(json: Json | undefined): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

export function malformed(wanted: string, found: unknown, path?: string): OvsdbError {
  const details = path === undefined ? {} : { path };
  return new OvsdbError("E_OVSDB_PROTOCOL", `expected ${wanted}, found ${excerpt(found)}`, details);
}

function refuse(column: string, wanted: string, found: unknown): never {
  throw new OvsdbError("E_OVSDB_VALUE", `column ${column} should be given ${wanted}, not ${excerpt(found)}`, {
    column,
  });
}
