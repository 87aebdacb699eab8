import type { Explanation } from "#pipeline/explain/explain.ts";
import type { ServiceExplanation } from "#pipeline/explain/services.ts";
import { formatExplanations } from "./format-explanations.ts";

/** As text; `flowsOf` has lines about what in the switch decides about an endpoint. */
export function* formatServiceExplanations(
  explanations: readonly ServiceExplanation[],
  flowsOf?: (explanation: Explanation) => readonly string[],
): Generator<string> {
  for (const [i, one] of explanations.entries()) {
    if (i > 0) yield "\n";
    const { service, address, port, unchosen, endpoints } = one;
    yield `${formatSenders(one.from)} -> service ${service}, ${port} at ${address}: ${describeOutcome(one)}\n`;
    for (const { address: place, reason } of unchosen) yield `  not ${place}: ${reason}\n`;
    yield* formatExplanations(endpoints, flowsOf);
  }
}

const MOST_SENDERS = 3;

function formatSenders(from: readonly string[]): string {
  const others = from.length - MOST_SENDERS;
  return `${from.slice(0, MOST_SENDERS).join(", ")}${others > 0 ? ` and ${others} more` : ""}`;
}

function describeOutcome({ outcome, reason, chosen }: ServiceExplanation): string {
  if (outcome === "refused") return "refused, for it has no endpoint";
  if (outcome === "dropped") return `dropped: ${reason}`;
  const [first] = chosen;
  return chosen.length === 1 ? `to ${first}` : `to one of ${chosen.length} endpoints`;
}
