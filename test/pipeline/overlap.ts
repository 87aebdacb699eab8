import { isEqual } from "#base/equal.ts";
import type { Flow } from "#openflow/flow.ts";
import { allOnes, type FieldMatch, type Match, type MatchTerm } from "#openflow/match.ts";

/**
 * Two flows of one table and priority that both match some packet and treat it differently: which of them has its way, nobody
 * can say (OpenFlow 1.5.1, 5.2). Undefined when there are none.
 */
export function findAmbiguity(flows: readonly Flow[]): readonly [Flow, Flow] | undefined {
  for (const [i, one] of flows.entries())
    for (const other of flows.slice(i + 1))
      if (
        one.table === other.table &&
        one.priority === other.priority &&
        overlap(one.match, other.match) &&
        !isEqual(one.actions, other.actions) &&
        !(isPartOfRules(one) && isPartOfRules(other)) &&
        !isTakenAlike(one, other, flows) &&
        !isTakenAlike(other, one, flows)
      )
        return [one, other];
  return undefined;
}

/** What conjunctive flows say adds up. */
function isPartOfRules({ actions, match }: Flow): boolean {
  return actions.some(({ type }) => type === "conjunction") || match.some(({ field }) => field === "conj_id");
}

/** Every rule that a conjunctive flow is a part of leads a packet where the other flow does, whichever of them is noted. */
function isTakenAlike(soft: Flow, other: Flow, flows: readonly Flow[]): boolean {
  const ids = soft.actions.flatMap((action) => (action.type === "conjunction" ? [action.id] : []));
  return ids.length > 0 && ids.every((id) => isEqual(outcomeOf(id, soft, flows)?.at(-1), other.actions.at(-1)));
}

function outcomeOf(id: number, { table, priority }: Flow, flows: readonly Flow[]): Flow["actions"] | undefined {
  return flows.find(
    (flow) =>
      flow.table === table &&
      flow.priority === priority &&
      flow.match.some((term) => term.field === "conj_id" && Number(term.value) === id),
  )?.actions;
}

function overlap(a: Match, b: Match): boolean {
  return a.every((term) => b.every((other) => !contradict(term, other)));
}

function contradict(a: MatchTerm, b: MatchTerm): boolean {
  if (a.field === "unknown" || b.field === "unknown" || a.field !== b.field) return false;
  return ((BigInt(a.value) ^ BigInt(b.value)) & maskOf(a) & maskOf(b)) !== 0n;
}

function maskOf({ mask }: FieldMatch): bigint {
  return mask === undefined ? allOnes(128) : BigInt(mask);
}
