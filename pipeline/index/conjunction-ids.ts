const RANK_BITS = 4;
const HASH_BITS = 28;

/**
 * Numbers for rules that follow from the rules there are and nothing else: the same after a restart and on every node, so that
 * what is in the switch stays. A number is a hash of the rule's key; those few that share one are told apart by their order.
 */
export interface ConjunctionIds {
  /** Returns the keys of which the number changed, `key` among them. */
  add(key: string): readonly string[];
  remove(key: string): readonly string[];
  /** Undefined for an unknown key, and for the seventeenth of one hash. */
  idOf(key: string): number | undefined;
}

export function createConjunctionIds(hash: (text: string) => number = fnv1a): ConjunctionIds {
  const keysByHash = new Map<number, readonly string[]>();
  const bucketOf = (key: string): number => hash(key) >>> (32 - HASH_BITS) || 1;

  return {
    add(key) {
      const bucket = bucketOf(key);
      const before = keysByHash.get(bucket) ?? [];
      const after = [...before, key].sort();
      keysByHash.set(bucket, after);
      return after.slice(after.indexOf(key));
    },
    remove(key) {
      const bucket = bucketOf(key);
      const before = keysByHash.get(bucket) ?? [];
      const after = before.filter((one) => one !== key);
      if (after.length > 0) keysByHash.set(bucket, after);
      else keysByHash.delete(bucket);
      return before.slice(before.indexOf(key));
    },
    idOf(key) {
      const bucket = bucketOf(key);
      const rank = keysByHash.get(bucket)?.indexOf(key) ?? -1;
      return rank < 0 || rank >= 1 << RANK_BITS ? undefined : ((bucket << RANK_BITS) | rank) >>> 0;
    },
  };
}

/** All bits of the result depend on all of the text. */
export function fnv1a(text: string): number {
  let bits = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) bits = Math.imul(bits ^ text.charCodeAt(i), 0x01000193);
  // The upper bits are taken: let every character sway them.
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  return (bits ^ (bits >>> 13)) >>> 0;
}
