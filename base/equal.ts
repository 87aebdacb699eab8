/** Whether two plain values (primitives, arrays, maps, sets of primitives, byte arrays, records) say the same. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || a instanceof Uint8Array) {
    if (!(Array.isArray(b) || b instanceof Uint8Array) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!isEqual(a[i], b[i])) return false;
    return true;
  }
  if (a instanceof Map) {
    if (!(b instanceof Map) || a.size !== b.size) return false;
    for (const [key, value] of a) if (!b.has(key) || !isEqual(value, b.get(key))) return false;
    return true;
  }
  if (a instanceof Set) return b instanceof Set && a.size === b.size && [...a].every((value) => b.has(value));
  // A map, a set or an array is not a record, not even an empty one.
  if (Array.isArray(b) || b instanceof Uint8Array || b instanceof Map || b instanceof Set) return false;
  return isEqualRecord(a, b);
}

function isEqualRecord(a: object, b: object): boolean {
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  const [one, other] = [a as Record<string, unknown>, b as Record<string, unknown>];
  // A loop: this is asked of every object and every flow.
  for (const key of keys) if (!Object.hasOwn(other, key) || !isEqual(one[key], other[key])) return false;
  return true;
}
