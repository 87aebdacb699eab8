/**
 * A delta is a value: what was added, changed (from, to) and removed, by key. Deltas move between stages; they can be
 * squashed, inverted and tested for emptiness.
 */
export interface Delta<K, V> {
  readonly added: ReadonlyMap<K, V>;
  readonly changed: ReadonlyMap<K, readonly [from: V, to: V]>;
  readonly removed: ReadonlyMap<K, V>;
}

export function emptyDelta<K, V>(): Delta<K, V> {
  return { added: new Map(), changed: new Map(), removed: new Map() };
}

export function isEmptyDelta<K, V>(delta: Delta<K, V>): boolean {
  return delta.added.size === 0 && delta.changed.size === 0 && delta.removed.size === 0;
}

/** What leads from `from` to `to`. `equal` decides whether a key kept its value. */
export function diffMaps<K, V>(
  from: ReadonlyMap<K, V>,
  to: ReadonlyMap<K, V>,
  equal: (a: V, b: V) => boolean = Object.is,
): Delta<K, V> {
  const added = new Map<K, V>();
  const changed = new Map<K, readonly [V, V]>();
  const removed = new Map<K, V>();
  for (const [key, value] of to) {
    const before = from.get(key);
    if (before === undefined) added.set(key, value);
    else if (!equal(before, value)) changed.set(key, [before, value]);
  }
  for (const [key, value] of from) if (!to.has(key)) removed.set(key, value);
  return { added, changed, removed };
}

/** The delta that takes back what this one did. */
export function invertDelta<K, V>(delta: Delta<K, V>): Delta<K, V> {
  const changed = new Map<K, readonly [V, V]>();
  for (const [key, [from, to]] of delta.changed) changed.set(key, [to, from]);
  return { added: delta.removed, changed, removed: delta.added };
}

/** One delta that does what `first` and then `second` do. A key that ends where it began is not in it. */
export function squashDeltas<K, V>(
  first: Delta<K, V>,
  second: Delta<K, V>,
  equal: (a: V, b: V) => boolean = Object.is,
): Delta<K, V> {
  if (isEmptyDelta(first)) return second;
  if (isEmptyDelta(second)) return first;
  const before = new Map<K, V | undefined>();
  const after = new Map<K, V | undefined>();
  for (const delta of [first, second]) {
    for (const [key, value] of delta.added) note(key, undefined, value);
    for (const [key, [from, to]] of delta.changed) note(key, from, to);
    for (const [key, value] of delta.removed) note(key, value, undefined);
  }
  function note(key: K, from: V | undefined, to: V | undefined): void {
    if (!before.has(key)) before.set(key, from);
    after.set(key, to);
  }
  const added = new Map<K, V>();
  const changed = new Map<K, readonly [V, V]>();
  const removed = new Map<K, V>();
  for (const [key, to] of after) {
    const from = before.get(key);
    if (from === undefined) {
      if (to !== undefined) added.set(key, to);
    } else if (to === undefined) removed.set(key, from);
    else if (!equal(from, to)) changed.set(key, [from, to]);
  }
  return { added, changed, removed };
}

/** Applies a delta to a map in place: the one way by which keyed state moves. */
export function applyDelta<K, V>(target: Map<K, V>, delta: Delta<K, V>): void {
  for (const key of delta.removed.keys()) target.delete(key);
  for (const [key, [, to]] of delta.changed) target.set(key, to);
  for (const [key, value] of delta.added) target.set(key, value);
}
