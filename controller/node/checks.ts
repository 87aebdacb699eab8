import type { Check, Health } from "#controller/process/health.ts";

/** What the parts of a node say of themselves: undefined when all is well, else what is not. */
export interface Faults {
  intent(): string | undefined;
  database(): string | undefined;
  bridge(): string | undefined;
  podCidr(): string | undefined;
  transport(): string | undefined;
  host(): string | undefined;
  switch(): string | undefined;
  cni(): string | undefined;
}

const NAMES = {
  intent: "intent",
  database: "ovsdb",
  bridge: "bridge",
  podCidr: "pod-cidr",
  transport: "transport",
  host: "host",
  switch: "switch",
} as const satisfies Partial<Record<keyof Faults, string>>;

/** Everything but the CNI server, which starts when these are well for the first time. */
export function networkChecks(faults: Faults): readonly Check[] {
  return Object.entries(NAMES).map(([part, name]) => ({ name, check: faults[part as keyof typeof NAMES] }));
}

/**
 * Liveness asks nothing of anybody: a process that answers is alive, and what is away comes back without a restart. Readiness
 * is whether pods can be plugged in.
 */
export function createHealth(faults: Faults): Health {
  return { live: [], ready: [...networkChecks(faults), { name: "cni", check: faults.cni }] };
}
