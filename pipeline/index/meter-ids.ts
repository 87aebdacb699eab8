import { createConjunctionIds, fnv1a } from "./conjunction-ids.ts";

/** Numbers for the meters of policies with a rate: as those of rules, they follow from the policies that have one. */
export interface MeterIds {
  /** Whether a policy has a meter; returns the policies that have another number now. */
  set(policyKey: string, hasMeter: boolean): readonly string[];
  idOf(policyKey: string): number | undefined;
}

/** Below 2^31, and so below OFPM_MAX; and behind the meters that every bridge has. */
const meterHash = (text: string): number => fnv1a(text) >>> 1;

export function createMeterIds(hash: (text: string) => number = meterHash): MeterIds {
  const ids = createConjunctionIds(hash);
  const known = new Set<string>();
  return {
    set(policyKey, hasMeter) {
      if (known.has(policyKey) === hasMeter) return [];
      if (!hasMeter) {
        known.delete(policyKey);
        return ids.remove(policyKey);
      }
      known.add(policyKey);
      return ids.add(policyKey);
    },
    idOf: ids.idOf,
  };
}
