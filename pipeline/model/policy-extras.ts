import type { Direction } from "./policy.ts";

/** What annotations say of a policy beside its spec, so that the spec stays what every network plugin understands. */
export interface PolicyExtras {
  /** Whoever is denied something by it is told so at once, instead of waiting for an answer. */
  readonly refuses: boolean;
  /** Of which of its decisions on new connections the node tells; undefined: of none. */
  readonly log: LoggedDecisions | undefined;
}

export interface LoggedDecisions {
  /** "ingress[0]", as the spec has them; or all. */
  readonly rules: readonly string[] | "all";
  /** What no rule allows of the pods that the policy isolates. */
  readonly denied: boolean;
}

/** Of a policy without annotations of ours. */
export const NO_EXTRAS: PolicyExtras = { refuses: false, log: undefined };

export function isLogged({ log }: PolicyExtras, direction: Direction, rule: number): boolean {
  return log !== undefined && (log.rules === "all" || log.rules.includes(rulePlace(direction, rule)));
}

/** "ingress[0]". */
export function rulePlace(direction: Direction, rule: number): string {
  return `${direction}[${rule}]`;
}
