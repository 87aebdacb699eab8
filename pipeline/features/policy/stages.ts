import { NETWORK_POLICY_LEVELS, placeOfLevel } from "../../layout/levels.ts";
import { PRIORITY } from "../../layout/priorities.ts";
import type { TableName } from "../../layout/tables.ts";
import type { Direction, PolicyTier, RulePlace } from "../../model/policy.ts";

/** The tables of a direction's tiers, what follows when one lets a packet through, and where that is noted. */
export interface Stage {
  readonly admin: readonly [TableName, TableName];
  readonly networkPolicy: readonly [TableName];
  readonly baseline: readonly [TableName, TableName];
  readonly next: TableName;
  readonly register: "egressRule" | "ingressRule" | "stagedRule";
}

export type Stages = Readonly<Record<Direction, Stage>>;

export const STAGES: Stages = {
  egress: {
    admin: ["EgressAdmin", "EgressAdminLow"],
    networkPolicy: ["EgressRule"],
    baseline: ["EgressBaseline", "EgressBaselineLow"],
    next: "Route",
    register: "egressRule",
  },
  ingress: {
    admin: ["IngressAdmin", "IngressAdminLow"],
    networkPolicy: ["IngressRule"],
    baseline: ["IngressBaseline", "IngressBaselineLow"],
    next: "Commit",
    register: "ingressRule",
  },
};

/** The same for what would be, were all staging over. */
export const STAGED_STAGES: Stages = {
  egress: {
    admin: ["StagedEgressAdmin", "StagedEgressAdminLow"],
    networkPolicy: ["StagedEgressRule"],
    baseline: ["StagedEgressBaseline", "StagedEgressBaselineLow"],
    next: "StagedVerdict",
    register: "stagedRule",
  },
  ingress: {
    admin: ["StagedIngressAdmin", "StagedIngressAdminLow"],
    networkPolicy: ["StagedIngressRule"],
    baseline: ["StagedIngressBaseline", "StagedIngressBaselineLow"],
    next: "StagedVerdict",
    register: "stagedRule",
  },
};

/** In the order in which a packet meets them. */
export function tablesOf({ admin, networkPolicy, baseline }: Stage): readonly [TableName, ...TableName[]] {
  return [...admin, ...networkPolicy, ...baseline];
}

/** Where the flows of rules stand: those of rules that ask for no more than the pod come before the others, or with them. */
export interface Spot {
  readonly table: TableName;
  readonly open: number;
  readonly rule: number;
}

/** Rules of one level agree on what becomes of a packet, so they share a priority. */
export function spotOf({ direction, tier, level }: RulePlace, stages: Stages): Spot {
  if (tier === "networkPolicy") {
    const table = stages[direction].networkPolicy[0];
    const { limitedLogged, limited, logged } = NETWORK_POLICY_LEVELS;
    if (level === limitedLogged) return { table, open: PRIORITY.limitedLoggedOpen, rule: PRIORITY.limitedLogged };
    if (level === limited) return { table, open: PRIORITY.limitedOpen, rule: PRIORITY.limited };
    if (level === logged) return { table, open: PRIORITY.loggedOpen, rule: PRIORITY.logged };
    return { table, open: PRIORITY.open, rule: PRIORITY.rule };
  }
  const { table, priority } = placeOfLevel(level);
  return { table: stages[direction][tier][table], open: priority, rule: priority };
}

/** The tier of a table, and which of the tier's tables it is; undefined for those of no tier. */
export function tierOfTable(name: string): { readonly tier: PolicyTier; readonly table: 0 | 1 } | undefined {
  for (const stage of [...Object.values(STAGES), ...Object.values(STAGED_STAGES)])
    for (const tier of ["admin", "networkPolicy", "baseline"] as const) {
      const table = (stage[tier] as readonly string[]).indexOf(name);
      if (table === 0 || table === 1) return { tier, table };
    }
  return undefined;
}
