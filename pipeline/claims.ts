import type { Delta } from "#base/delta.ts";
import { isEqual } from "#base/equal.ts";
import type { Contributor } from "./engine.ts";
import type { Owner } from "./owner.ts";
import { formatOwner } from "./owner.ts";
import type { Problem } from "./problem.ts";

/** Something that one contributor or several want to be in the switch. */
export interface Claim {
  readonly owners: readonly Owner[];
}

/** How claims of one kind are told apart and made one. */
export interface ClaimKind<K, C extends Claim, D> {
  keyOf(claim: C): K;
  /** What two claims on one key have to agree on. */
  contentOf(claim: C): unknown;
  /** What the switch is to have, from the first of those that agree. */
  merge(winner: C, owners: readonly Owner[], key: K): D;
  /** Nothing is to be told of a change between these. */
  isSame(a: D, b: D): boolean;
  /** For who loses a conflict. */
  describe(claim: C): string;
}

/** What all contributors want of one kind, merged by key. Of those that want different things the first by name has its way. */
export interface Claims<K, C extends Claim, D> {
  readonly desired: ReadonlyMap<K, D>;
  conflicts(): readonly Problem[];
  add(contributor: Contributor, claim: C): void;
  withdraw(contributor: Contributor, claim: C): void;
  /** Merges anew what was touched since the last time, and tells the difference. */
  settle(): Delta<K, D>;
}

/** Nearly always there is but one: no map for that. */
type Claimants<C> = Map<Contributor, C> | { readonly contributor: Contributor; readonly claim: C };

export function createClaims<K, C extends Claim, D>(kind: ClaimKind<K, C, D>): Claims<K, C, D> {
  const claims = new Map<K, Claimants<C>>();
  const desired = new Map<K, D>();
  const conflicts = new Map<K, readonly Problem[]>();
  let touched = new Set<K>();

  function mergeAt(key: K): D | undefined {
    const claimants = claims.get(key);
    conflicts.delete(key);
    if (claimants === undefined) return undefined;
    if (!(claimants instanceof Map)) return kind.merge(claimants.claim, claimants.claim.owners, key);
    const [winner, ...others] = [...claimants].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, claim]) => claim);
    const content = kind.contentOf(winner!);
    const losers = others.filter((other) => !isEqual(kind.contentOf(other), content));
    if (losers.length > 0)
      conflicts.set(
        key,
        losers.map((loser) => conflictOf(kind.describe(winner!), winner!, loser)),
      );
    const agreeing = losers.length === 0 ? others : others.filter((other) => !losers.includes(other));
    const owners = agreeing.length === 0 ? winner!.owners : [winner!, ...agreeing].flatMap((claim) => claim.owners);
    return kind.merge(winner!, owners, key);
  }

  return {
    desired,
    conflicts: () => [...conflicts.values()].flat(),
    add(contributor, claim) {
      const key = kind.keyOf(claim);
      claims.set(key, join(claims.get(key), contributor, claim));
      touched.add(key);
    },
    withdraw(contributor, claim) {
      const key = kind.keyOf(claim);
      const claimants = claims.get(key);
      if (claimants instanceof Map) claimants.delete(contributor);
      if (claimants instanceof Map ? claimants.size === 0 : claimants?.contributor === contributor) claims.delete(key);
      touched.add(key);
    },
    settle() {
      const keys = touched;
      touched = new Set();
      return moveTo(desired, keys, mergeAt, kind.isSame);
    },
  };
}

function join<C>(claimants: Claimants<C> | undefined, contributor: Contributor, claim: C): Claimants<C> {
  if (claimants instanceof Map) return claimants.set(contributor, claim);
  if (claimants === undefined || claimants.contributor === contributor) return { contributor, claim };
  return new Map([
    [claimants.contributor, claimants.claim],
    [contributor, claim],
  ]);
}

/** Merges each key and returns the difference, which `desired` then holds. */
function moveTo<K, D>(
  desired: Map<K, D>,
  keys: ReadonlySet<K>,
  mergeAt: (key: K) => D | undefined,
  isSame: (a: D, b: D) => boolean,
): Delta<K, D> {
  const added = new Map<K, D>();
  const changed = new Map<K, readonly [D, D]>();
  const removed = new Map<K, D>();
  for (const key of keys) {
    const before = desired.get(key);
    const after = mergeAt(key);
    if (after === undefined) {
      if (before === undefined) continue;
      desired.delete(key);
      removed.set(key, before);
    } else {
      desired.set(key, after);
      if (before === undefined) added.set(key, after);
      else if (!isSame(before, after)) changed.set(key, [before, after]);
    }
  }
  return { added, changed, removed };
}

function conflictOf(what: string, winner: Claim, loser: Claim): Problem {
  const [owner] = loser.owners;
  return {
    source: "pipeline",
    object: `${owner!.kind} ${owner!.name}`,
    field: owner!.part ?? "",
    message: `claims ${what}, but ${formatOwner(winner.owners[0]!)} has it; one of the two has to go`,
  };
}
