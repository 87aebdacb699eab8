/** Layout literals are checked when they are loaded: a clash is a bug that must not reach a switch. */
export function requireUnique(what: string, values: readonly number[], lowest: number, highest: number): void {
  const seen = new Set<number>();
  for (const value of values) {
    if (!Number.isInteger(value) || value < lowest || value > highest)
      throw new RangeError(`${what} ${value} is not within ${lowest}..${highest}`);
    if (seen.has(value)) throw new RangeError(`${what} ${value} is used twice`);
    seen.add(value);
  }
}

export interface BitRange {
  readonly register: string;
  readonly start: number;
  readonly bits: number;
}

/** No two ranges of one register share a bit, and none leaves its 32 bits. */
export function requireDisjoint(ranges: Readonly<Record<string, BitRange>>): void {
  const taken = new Map<string, string>();
  for (const [name, range] of Object.entries(ranges)) {
    if (range.start < 0 || range.bits < 1 || range.start + range.bits > 32)
      throw new RangeError(`register field ${name} does not fit into 32 bits`);
    for (let bit = range.start; bit < range.start + range.bits; bit++) {
      const place = `${range.register}[${bit}]`;
      const other = taken.get(place);
      if (other !== undefined) throw new RangeError(`register fields ${other} and ${name} both use ${place}`);
      taken.set(place, name);
    }
  }
}
