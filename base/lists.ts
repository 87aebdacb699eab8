/** Lists of which most is as it was: what is done with two of them costs a look at each member, and more only where they differ. */

/** So far ahead a member is looked for: those between were taken out. */
const AHEAD = 16;
/** So few are looked for one by one; for more a set is made. */
const FEW = 8;

/** The place of the first member that fits, at `from` or not far behind it; -1 where none does. */
export function findAhead<T>(list: readonly T[], from: number, fits: (one: T) => boolean): number {
  const end = Math.min(list.length, from + AHEAD);
  for (let i = from; i < end; i++) if (fits(list[i]!)) return i;
  return -1;
}

export interface ListDifference<T> {
  readonly added: readonly T[];
  readonly removed: readonly T[];
}

/** What stands in one list and not in the other, wherever it stands; primitive values. */
export function differenceOf<T extends string | number>(before: readonly T[], after: readonly T[]): ListDifference<T> {
  const [gone, fresh]: [T[], T[]] = [[], []];
  let next = 0;
  for (const one of after) {
    const found = findAhead(before, next, (other) => other === one);
    if (found < 0) fresh.push(one);
    else {
      for (; next < found; next++) gone.push(before[next]!);
      next++;
    }
  }
  for (; next < before.length; next++) gone.push(before[next]!);
  return { added: without(fresh, before), removed: without(gone, after) };
}

function without<T>(some: readonly T[], others: readonly T[]): readonly T[] {
  if (some.length === 0 || others.length === 0) return some;
  if (some.length <= FEW) return some.filter((one) => !others.includes(one));
  const known = new Set(others);
  return some.filter((one) => !known.has(one));
}
