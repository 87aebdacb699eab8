import { OFPP } from "#openflow/ports.ts";

/** Names to write, and read, in place of numbers, where there are any. */
export interface NameOptions {
  readonly tableNames?: ReadonlyMap<number, string>;
  readonly portNames?: ReadonlyMap<number, string>;
}

const reservedNames = new Map<number, string>(Object.entries(OFPP).map(([name, port]) => [port, name]));

export function isReservedPort(port: number): boolean {
  return reservedNames.has(port);
}

export function formatPort(port: number, { portNames }: NameOptions = {}): string {
  const reserved = reservedNames.get(port);
  if (reserved !== undefined) return reserved;
  const name = portNames?.get(port);
  return name === undefined ? `${port}` : quoteName(name);
}

export function formatTable(table: number, { tableNames }: NameOptions = {}): string {
  const name = tableNames?.get(table);
  return name === undefined ? `${table}` : quoteName(name);
}

/** Anything but letters and digits behind a letter stands in quotes, as JSON has them. */
function quoteName(name: string): string {
  return /^[A-Za-z][A-Za-z0-9]*$/.test(name) ? name : JSON.stringify(name);
}
