import { FIELDS, type FieldName } from "#openflow/fields.ts";
import { OFPP, widenPort } from "#openflow/ports.ts";
import { fail } from "./syntax.ts";

/** Names to write, and read, in place of numbers, where there are any. */
export interface NameOptions {
  readonly tableNames?: ReadonlyMap<number, string>;
  readonly portNames?: ReadonlyMap<number, string>;
  /**
   * Bytes of the options behind tun_metadata0 and on, as the switch's NXT_TLV_TABLE_REPLY has them. Without it an option is as
   * long as its value in text, and can be 124 bytes long.
   */
  readonly optionLengths?: ReadonlyMap<number, number>;
}

const reservedNames = new Map<number, string>(Object.entries(OFPP).map(([name, port]) => [port, name]));

export function isReservedPort(port: number): boolean {
  return reservedNames.has(port);
}

export function formatPort(port: number, { portNames }: NameOptions = {}): string {
  const reserved = reservedNames.get(port);
  if (reserved !== undefined) return reserved;
  const name = portNames?.get(port);
  if (name !== undefined) return quoteName(name);
  // Open vSwitch has 16 bits of a port, and names for some of the reserved ones only.
  return port >= LOWEST_32_BITS ? `${port & 0xffff}` : `${port}`;
}

export function formatTable(table: number, { tableNames }: NameOptions = {}): string {
  const name = tableNames?.get(table);
  return name === undefined ? `${table}` : quoteName(name);
}

/** Anything but letters and digits behind a letter stands in quotes, as JSON has them. */
function quoteName(name: string): string {
  return /^[A-Za-z][A-Za-z0-9]*$/.test(name) ? name : JSON.stringify(name);
}

/** The numbers of names. */
export interface Names {
  readonly tables: ReadonlyMap<string, number>;
  readonly ports: ReadonlyMap<string, number>;
  readonly optionLengths: ReadonlyMap<number, number>;
}

export function readNames({ tableNames, portNames, optionLengths = new Map() }: NameOptions): Names {
  return { tables: invert(tableNames), ports: invert(portNames), optionLengths };
}

/** Of a tunnel's option whose length is known: its bytes. */
export function optionLengthOf(field: FieldName, { optionLengths }: NameOptions): number | undefined {
  if (optionLengths === undefined || !FIELDS[field].isOption) return undefined;
  return optionLengths.get(Number(field.slice("tun_metadata".length)));
}

function invert(names: ReadonlyMap<number, string> | undefined): ReadonlyMap<string, number> {
  return new Map([...(names ?? [])].map(([number, name]) => [name, number]));
}

function unquote(text: string): string {
  if (!text.startsWith('"')) return text;
  try {
    return String(JSON.parse(text));
  } catch {
    return text;
  }
}

const reservedPorts: ReadonlyMap<string, number> = new Map([...Object.entries(OFPP), ["NONE", OFPP.ANY]]);
const HIGHEST_16_BITS = 0xffff;
const LOWEST_32_BITS = 0xffff_ff00;
const HIGHEST_32_BITS = 0xffff_ffff;

/** A number in decimal, a reserved name in any case, or a name that is known. Undefined for anything else. */
export function findPort(text: string, { ports }: Names): number | undefined {
  if (!/^\d+$/.test(text)) return reservedPorts.get(text.toUpperCase()) ?? ports.get(unquote(text));
  const port = Number(text);
  if (port <= HIGHEST_16_BITS) return widenPort(port);
  return port >= LOWEST_32_BITS && port <= HIGHEST_32_BITS ? port : undefined;
}

export function parsePort(word: string, text: string, names: Names): number {
  return findPort(text, names) ?? fail(word, `${text} is no port: a number below 65280 or a name is expected`);
}

export function parseTable(word: string, text: string, { tables }: Names): number {
  const table = /^\d+$/.test(text) ? Number(text) : tables.get(unquote(text));
  if (table === undefined || table > 255) fail(word, `${text} is no table: a number up to 254 or a name is expected`);
  return table;
}
