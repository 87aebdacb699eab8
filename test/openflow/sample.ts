import fc from "fast-check";

/**
 * Many values for one process that judges them all. A failing test prints the seed, and SEED=... repeats its run.
 */
export function sample<T>(
  arbitrary: fc.Arbitrary<T>,
  count: number,
): { readonly values: readonly T[]; readonly seed: number } {
  const seed = Number(process.env["SEED"] ?? Math.trunc(Math.random() * 0x7fff_ffff));
  return { seed, values: fc.sample(arbitrary, { numRuns: count, seed }) };
}
