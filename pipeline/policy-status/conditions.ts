import type { PolicySummary } from "./aggregate.ts";

/** A condition of an object's status, as metav1.Condition has it, without its times. */
export interface PolicyCondition {
  readonly type: "Accepted" | "Realized";
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
}

const MOST_NAMES = 5;
const LONGEST_MESSAGE = 1024;

/** What a policy's status is to say: whether it can be honoured as it is written, and where it is in force. */
export function conditionsOf(summary: PolicySummary): readonly PolicyCondition[] {
  return [acceptedOf(summary), realizedOf(summary)].map((condition) => ({
    ...condition,
    message: condition.message.slice(0, LONGEST_MESSAGE),
    observedGeneration: summary.generation,
  }));
}

type Said = Omit<PolicyCondition, "observedGeneration">;

function acceptedOf({ problems }: PolicySummary): Said {
  if (problems.length === 0)
    return { type: "Accepted", status: "True", reason: "Valid", message: "nothing is wrong with it" };
  const message = `${problems.join("; ")}; what is wrong fails closed`;
  return { type: "Accepted", status: "False", reason: "Malformed", message };
}

function realizedOf(summary: PolicySummary): Said {
  const { nodes, realised, pending, failed, silent } = summary;
  const type = "Realized";
  if (nodes === 0)
    return { type, status: "Unknown", reason: "NoNodes", message: "no node has told of a pod that it selects" };
  const count = `${realised} of ${nodes} ${nodes === 1 ? "node" : "nodes"}`;
  const staged = summary.isStaged ? ["staged: judged there, and not in force"] : [];
  const told = [count, ...staged, ...describeTrouble(summary)].join("; ");
  if (failed.length > 0) return { type, status: "False", reason: "Refused", message: told };
  if (silent.length > 0) return { type, status: "Unknown", reason: "NodesSilent", message: told };
  if (pending.length > 0) return { type, status: "False", reason: "Pending", message: told };
  return { type, status: "True", reason: "AllNodes", message: told };
}

/** Nothing when all is well: "not yet on n2, n3", "refused on n1: OFPBAC_BAD_TYPE", "nothing heard for long from n4". */
export function describeTrouble({ pending, failed, silent }: PolicySummary): readonly string[] {
  const byReason = Map.groupBy(failed, ({ reason }) => reason);
  return [
    ...[...byReason].map(([reason, of]) => `refused on ${nameSome(of.map(({ node }) => node))}: ${reason}`),
    ...(pending.length === 0 ? [] : [`not yet on ${nameSome(pending)}`]),
    ...(silent.length === 0 ? [] : [`nothing heard for long from ${nameSome(silent)}`]),
  ];
}

function nameSome(nodes: readonly string[]): string {
  const named = nodes.slice(0, MOST_NAMES).join(", ");
  return nodes.length > MOST_NAMES ? `${named} and ${nodes.length - MOST_NAMES} more` : named;
}
