import { requireUnique } from "./validate.ts";

/** Priorities, the same names in every table: the more exact statement wins. */
export const PRIORITY = { forbid: 500, except: 410, address: 400, network: 100, fallback: 10, miss: 0 } as const;

export const PRIORITY_PURPOSES: Readonly<Record<keyof typeof PRIORITY, string>> = {
  forbid: "Never, whatever else is said.",
  except: "An exception to a statement about an address.",
  address: "One address of one object.",
  network: "A network. Its prefix length is added: the longest prefix wins, as in every routing table.",
  fallback: "Whatever no other flow has taken.",
  miss: "What is not foreseen.",
};

requireUnique("priority", Object.values(PRIORITY), 0, 65535);

export function networkPriority(prefixLength: number): number {
  return PRIORITY.network + prefixLength;
}
