import type { Direction } from "./policy.ts";

/** What annotations say of a policy beside its spec, so that the spec stays what every network plugin understands. */
/**
 * enforced: as without annotations. staged: never enforced; for the pods that it selects, connections are judged a second time, as
 * though it were. staged-deletion: enforced, and they are judged a second time as though it were gone.
 */
export const ENFORCEMENTS = ["enforced", "staged", "staged-deletion"] as const;
export type Enforcement = (typeof ENFORCEMENTS)[number];

/** What is in force, and what would be, were all staging over. */
export type WorldName = "enforced" | "staged";

export interface PolicyExtras {
  readonly enforcement: Enforcement;
  /** Whoever is denied something by it is told so at once, instead of waiting for an answer. */
  readonly refuses: boolean;
  /** Of which of its decisions on new connections the node tells; undefined: of none. */
  readonly log: LoggedDecisions | undefined;
  /** So many new connections a second its rules let through on each node, all together; undefined: any number. */
  readonly rate: number | undefined;
}

export interface LoggedDecisions {
  /** "ingress[0]", as the spec has them; or all. */
  readonly rules: readonly string[] | "all";
  /** What no rule allows of the pods that the policy isolates. */
  readonly denied: boolean;
}

/** Of a policy without annotations of ours. */
export const NO_EXTRAS: PolicyExtras = { enforcement: "enforced", refuses: false, log: undefined, rate: undefined };

/** Whether a policy counts in a world. */
export function countsIn(world: WorldName, { extras = NO_EXTRAS }: { readonly extras?: PolicyExtras }): boolean {
  return extras.enforcement !== (world === "enforced" ? "staged" : "staged-deletion");
}

/** Whether the two worlds differ in it. */
export function isStaged({ extras = NO_EXTRAS }: { readonly extras?: PolicyExtras }): boolean {
  return extras.enforcement !== "enforced";
}

export function isLogged({ log }: PolicyExtras, direction: Direction, rule: number): boolean {
  return log !== undefined && (log.rules === "all" || log.rules.includes(rulePlace(direction, rule)));
}

/** "ingress[0]". */
export function rulePlace(direction: Direction, rule: number): string {
  return `${direction}[${rule}]`;
}
