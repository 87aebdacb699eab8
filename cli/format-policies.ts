import type { PolicyReport, RuleReport } from "#controller/node/http/node-view.ts";
import type { PolicySummary } from "#pipeline/policy-status/aggregate.ts";
import { describeTrouble } from "#pipeline/policy-status/conditions.ts";
import { formatTable } from "./output.ts";

/** How policies are shown to people. */
export interface PolicyText<T> {
  readonly header: readonly string[];
  row(policy: T): readonly string[];
  /** One in full. */
  describe(policy: T): string;
  isFailed(policy: T): boolean;
  /** Of one that was asked for. */
  readonly missing: string;
}

const LEGEND = ["PACKETS", "LAST HIT", "DENIED", "NEVER HIT", "PROBLEMS"];

export const ON_THIS_NODE: PolicyText<PolicyReport> = {
  header: ["KIND", "NAME", "PODS", "DIRECTIONS", "RULES", "STATE", "SINCE", ...LEGEND],
  row: ({ kind, name, pods, directions, rules, state, since, packets, lastHit, denied, problems, staged }) => [
    ...[kind, name, String(pods.length), directions.join(",") || "-", String(rules.length)],
    ...[staged === undefined ? state : `${state}, ${staged.enforcement}`, since ?? "-"],
    ...[String(packets), lastHit ?? "never", String(denied)],
    ...[formatRules(rules.filter(isNeverHit).map(placeOf)), String(problems.length)],
  ],
  describe(policy) {
    const { kind, name, generation, state, since, reason, pods, directions, denied, lastDenied, problems } = policy;
    const refusal = reason === undefined ? "" : `: ${reason}`;
    return formatTable(
      [kind, name],
      [
        ["generation", String(generation)],
        ["state", `${state}${since === undefined ? "" : ` since ${since}`}${refusal}`],
        ["directions", directions.join(", ")],
        ["pods", pods.join(", ")],
        ["denied", `${denied} packets${lastDenied === undefined ? "" : `, the last ${lastDenied}`}`],
        ...describeLimit(policy),
        ...describeStaging(policy).map((text) => ["staging", text]),
        ...problems.map((problem) => ["problem", problem]),
        ...policy.rules.map((rule) => [placeOf(rule), `${rule.verdict} ${rule.rule}: ${describeHits(rule)}`]),
      ],
    );
  },
  isFailed: ({ state }) => state === "failed",
  missing: "selects no pod of this node, or is not there",
};

export const OVER_ALL_NODES: PolicyText<PolicySummary> = {
  header: ["KIND", "NAME", "REALISED", "SINCE", ...LEGEND],
  row: (policy) => [
    ...[
      policy.kind,
      policy.name,
      `${policy.realised}/${policy.nodes} nodes${policy.isStaged ? ", staged" : ""}`,
      policy.since ?? "-",
    ],
    ...[String(policy.packets), policy.lastHit ?? "never", String(policy.denied)],
    ...[formatRules(policy.neverHit), [...policy.problems, ...describeTrouble(policy)].join("; ") || "-"],
  ],
  describe(policy) {
    const { kind, name, generation, nodes, realised, since, packets, lastHit, denied, neverHit, countedSince } = policy;
    const unused =
      countedSince === undefined ? "not counted yet on all nodes" : `${formatRules(neverHit)} since ${countedSince}`;
    return formatTable(
      [kind, name],
      [
        ["generation", String(generation)],
        ["realised", `on ${realised} of ${nodes} nodes${since === undefined ? "" : ` since ${since}`}`],
        ...describeTrouble(policy).map((trouble) => ["", trouble]),
        ["hits", `${packets} packets${lastHit === undefined ? "" : `, the last ${lastHit}`}`],
        ["denied", `${denied} packets`],
        ["never hit", unused],
        ...policy.problems.map((problem) => ["problem", problem]),
      ],
    );
  },
  isFailed: ({ failed }) => failed.length > 0,
  missing: "is not there",
};

function isNeverHit({ packets, since }: RuleReport): boolean {
  return since !== undefined && packets === 0;
}

function placeOf({ direction, index }: RuleReport): string {
  return `${direction}[${index}]`;
}

function formatRules(rules: readonly string[]): string {
  return rules.join(",") || "-";
}

function describeHits({ packets, bytes, lastHit, since }: RuleReport): string {
  if (since === undefined) return "no flow of it is in the switch";
  if (lastHit === undefined) return `never hit since ${since}`;
  return `${packets} packets, ${bytes} bytes, the last ${lastHit}`;
}

function describeLimit({ limit }: PolicyReport): readonly (readonly string[])[] {
  if (limit === undefined) return [];
  const { perSecond, denied } = limit;
  return [["rate", `${perSecond} new connections a second pass on this node, ${denied} were denied beyond`]];
}

/** What would have become of its pods' connections, of a policy that is staged. */
function describeStaging({ staged }: PolicyReport): readonly string[] {
  if (staged === undefined) return [];
  const { enforcement, wouldAllow, wouldDeny, newlyAllowed, newlyDenied, lastNewlyDenied } = staged;
  const last = lastNewlyDenied === undefined ? "" : `, the last ${lastNewlyDenied}`;
  const what = enforcement === "staged" ? "not in force; with it" : "in force; without it";
  return [
    `${what} ${wouldAllow} new connections would have been let through, of which ${newlyAllowed} were denied,`,
    `and ${wouldDeny} would have been denied, of which ${newlyDenied} were let through${last}`,
  ];
}
