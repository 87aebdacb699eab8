/**
 * RFC 7047 section 5.1 notation: values <-> the JSON that stands for them. Knows no schema: a set of one element may come
 * as that element, and stays it.
 */
import { OvsdbError } from "#ovsdb/error.ts";
import { isUuid } from "#ovsdb/uuid.ts";
import type { OvsAtom, OvsMap, OvsSet, OvsValue, RowValues } from "#ovsdb/value.ts";

export type Json = string | number | bigint | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

const ID = /^[A-Za-z_][A-Za-z0-9_]*$/;
const INTEGER_LIMIT = 2n ** 63n;

export function encodeRow(row: RowValues): JsonObject {
  return Object.fromEntries(Object.entries(row).map(([column, value]) => [column, encodeValue(value, column)]));
}

/** `column` is for the message only. */
export function encodeValue(value: OvsValue, column: string): Json {
  if (typeof value === "object" && value !== null) {
    if ("set" in value) return ["set", value.set.map((atom) => encodeAtom(atom, column))];
    if ("map" in value) {
      return ["map", value.map.map(([key, item]) => [encodeAtom(key, column), encodeAtom(item, column)])];
    }
  }
  return encodeAtom(value, column);
}

function encodeAtom(atom: OvsAtom, column: string): Json {
  switch (typeof atom) {
    case "string":
      // ovsdb-server drops the whole connection over either of these, so they must not leave.
      if (atom.includes("\0")) return refuse(column, "a string without NUL characters", atom);
      if (!atom.isWellFormed()) return refuse(column, "a string without lone surrogates", atom);
      return atom;
    case "number":
      if (!Number.isFinite(atom)) return refuse(column, "a finite number", atom);
      return Object.is(atom, -0) ? 0 : atom;
    case "bigint":
      if (atom < -INTEGER_LIMIT || atom >= INTEGER_LIMIT) return refuse(column, "a signed 64-bit integer", atom);
      return atom;
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

export function decodeRow(json: Json | undefined): Readonly<Record<string, OvsValue>> {
  if (!isJsonObject(json)) throw malformed("a row", json);
  return Object.fromEntries(Object.entries(json).map(([column, value]) => [column, decodeValue(value)]));
}

export function decodeValue(json: Json | undefined): OvsValue {
  if (Array.isArray(json) && json.length === 2) {
    if (json[0] === "set") return decodeSet(json[1]);
    if (json[0] === "map") return decodeMap(json[1]);
  }
  return decodeAtom(json);
}

function decodeSet(json: Json): OvsSet {
  if (!Array.isArray(json)) throw malformed('["set", [...]]', json);
  return { set: json.map(decodeAtom) };
}

function decodeMap(json: Json): OvsMap {
  if (!Array.isArray(json)) throw malformed('["map", [[key, value], ...]]', json);
  return {
    map: json.map((pair): readonly [OvsAtom, OvsAtom] => {
      if (!Array.isArray(pair) || pair.length !== 2) throw malformed("a pair of key and value", pair);
      return [decodeAtom(pair[0]), decodeAtom(pair[1])];
    }),
  };
}

export function decodeAtom(json: Json | undefined): OvsAtom {
  if (typeof json === "string" || typeof json === "number" || typeof json === "boolean" || typeof json === "bigint") {
    return json;
  }
  if (Array.isArray(json) && json.length === 2) {
    const [tag, text] = json;
    if (tag === "uuid" && isUuid(text)) return { uuid: text };
    if (tag === "named-uuid" && typeof text === "string") return { namedUuid: text };
  }
  throw malformed("a string, number, boolean or uuid", json);
}

export function isJsonObject(json: Json | undefined): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

export function malformed(wanted: string, found: unknown): OvsdbError {
  return new OvsdbError("E_OVSDB_PROTOCOL", `expected ${wanted}, found ${excerpt(found)}`);
}

function refuse(column: string, wanted: string, found: unknown): never {
  throw new OvsdbError("E_OVSDB_VALUE", `column ${column} should be given ${wanted}, not ${excerpt(found)}`, {
    column,
  });
}

function excerpt(found: unknown): string {
  const text = typeof found === "bigint" ? `${found}` : (JSON.stringify(found, bigintAsText) ?? String(found));
  return text.length > 120 ? `${text.slice(0, 120)}...` : text;
}

function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}` : value;
}
