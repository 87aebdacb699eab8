/** Since when each generation of each policy is in force on this node; the clock is the caller's. */
export interface Realisation {
  /** Policies ("namespace/name") that a step has changed. */
  note(changed: Iterable<string>): void;
  /** What is being given to the switch now holds all that was noted. */
  begin(): Given;
  /** The switch has taken it. `isWhole` says whether nothing of a policy was refused. */
  settle(given: Given, now: number, isWhole: (policyKey: string) => boolean): void;
  realisedAt(policyKey: string, generation: number): number | undefined;
}

/** Policies, each with the number of its change. */
export type Given = ReadonlyMap<string, number>;

export function createRealisation(generationOf: (policyKey: string) => number | undefined): Realisation {
  const waiting = new Map<string, number>();
  const realised = new Map<string, { readonly generation: number; readonly at: number }>();
  let changes = 0;
  return {
    note(changed) {
      changes++;
      for (const key of changed)
        if (generationOf(key) === undefined) {
          waiting.delete(key);
          realised.delete(key);
        } else waiting.set(key, changes);
    },
    begin: () => new Map(waiting),
    settle(given, now, isWhole) {
      for (const [key, change] of given) {
        const generation = generationOf(key);
        // It has changed again meanwhile.
        if (generation === undefined || waiting.get(key) !== change || !isWhole(key)) continue;
        waiting.delete(key);
        if (realised.get(key)?.generation !== generation) realised.set(key, { generation, at: now });
      }
    },
    realisedAt(key, generation) {
      const found = realised.get(key);
      return found?.generation === generation ? found.at : undefined;
    },
  };
}
