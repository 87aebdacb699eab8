/**
 * JSON text in which integers keep all of their 64 bits: those beyond 2^53 are bigint. Ordinary messages take
 * the runtime's own parser at full speed; only text with a run of 16 digits takes the slow way.
 */
import type { Json } from "#ovsdb/notation.ts";

declare global {
  interface JSON {
    rawJSON(text: string): unknown;
  }
}

/** What stands before a number; a long run of digits within a string seldom has that. */
const LONG_NUMBER = /(?:^|[:,[\s])-?\d{16}/;
const INTEGER = /^-?\d+$/;

export function parseJson(text: string): Json {
  return LONG_NUMBER.test(text) ? JSON.parse(text, reviveInteger) : JSON.parse(text);
}

export function printJson(json: Json): string {
  try {
    return JSON.stringify(json);
  } catch {
    return JSON.stringify(json, writeBigint); // a bigint somewhere: rare, and a replacer is slow
  }
}

function reviveInteger(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const source = context?.source;
  return source !== undefined && INTEGER.test(source) ? BigInt(source) : value;
}

function writeBigint(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? JSON.rawJSON(value.toString()) : value;
}
