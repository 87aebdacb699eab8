import { requireUnique } from "./validate.ts";

/** Priorities, the same names in every table: the more exact statement wins. */
export const PRIORITY = {
  /** Never, whatever else is said: rogue router advertisements, multicast. */
  forbid: 500,
  /** An exception to the statement below. */
  except: 410,
  /** One address of one object. */
  address: 400,
  /** A network; its prefix length is added, see networkPriority. */
  network: 100,
  /** Whatever no other flow has taken. */
  fallback: 10,
  miss: 0,
} as const;

requireUnique("priority", Object.values(PRIORITY), 0, 65535);

/** Networks may lie within each other, and then the longest prefix wins, as in every routing table. */
export function networkPriority(prefixLength: number): number {
  return PRIORITY.network + prefixLength;
}
