/** Names to write in place of numbers, where there are any. */
export interface NameOptions {
  readonly tableNames?: ReadonlyMap<number, string>;
  readonly portNames?: ReadonlyMap<number, string>;
}

/** OFPP_*: the ports that every switch has. */
export const RESERVED_PORTS = {
  UNSET: 0xffff_fff7,
  IN_PORT: 0xffff_fff8,
  TABLE: 0xffff_fff9,
  NORMAL: 0xffff_fffa,
  FLOOD: 0xffff_fffb,
  ALL: 0xffff_fffc,
  CONTROLLER: 0xffff_fffd,
  LOCAL: 0xffff_fffe,
  ANY: 0xffff_ffff,
} as const;

const reservedByNumber = new Map<number, string>(Object.entries(RESERVED_PORTS).map(([name, port]) => [port, name]));

export function isReservedPort(port: number): boolean {
  return reservedByNumber.has(port);
}

export function formatPort(port: number, { portNames }: NameOptions = {}): string {
  const reserved = reservedByNumber.get(port);
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
