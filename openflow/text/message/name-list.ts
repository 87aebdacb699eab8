/**
 * Many names in few words, as ovs-ofctl lists fields: "tun_{id,src}" for those that begin alike up to an underscore,
 * "reg0...reg15" for those that count on.
 */
export function formatNames(names: readonly string[], prefixLength = 0): string {
  const groups: string[] = [];
  for (let rest = names; rest.length > 0; ) {
    const alike = alikeRun(rest, prefixLength);
    const counting = countingRun(rest);
    const run = Math.max(alike.count, counting);
    const first = rest[0]!.slice(prefixLength);
    if (counting >= alike.count) groups.push(run > 1 ? `${first}...${rest[run - 1]!.slice(prefixLength)}` : first);
    else {
      const inner = formatNames(rest.slice(0, run), prefixLength + alike.length);
      groups.push(`${first.slice(0, alike.length)}{${inner}}`);
    }
    rest = rest.slice(run);
  }
  return groups.join(prefixLength === 0 ? " " : ",");
}

/** How many of the first names share how long a beginning that ends in an underscore. */
function alikeRun(names: readonly string[], prefixLength: number): { readonly count: number; readonly length: number } {
  const [first, second] = names.map((name) => name.slice(prefixLength));
  if (first === undefined || second === undefined) return { count: names.length, length: 0 };
  const length = commonPrefix(first, second);
  if (length === 0) return { count: 1, length: 0 };
  let count = 2;
  while (count < names.length && commonPrefix(first, names[count]!.slice(prefixLength)) > 0) count++;
  return { count, length };
}

function commonPrefix(a: string, b: string): number {
  let length = 0;
  for (let i = 0; i < a.length && a[i] === b[i]; i++) if (a[i] === "_") length = i + 1;
  return length;
}

/** How many of the first names count on; two are no run. */
function countingRun(names: readonly string[]): number {
  let count = 1;
  while (count < names.length && isNext(names[count - 1]!, names[count]!)) count++;
  return count === 2 ? 1 : count;
}

function isNext(a: string, b: string): boolean {
  let same = 0;
  while (same < a.length && a[same] === b[same]) same++;
  const [x, y] = [a.slice(same), b.slice(same)];
  return /^\d{1,9}$/.test(x) && /^\d{1,9}$/.test(y) && Number(x) + 1 === Number(y);
}
