import type { Ip } from "#base/address.ts";
import { differenceOf } from "#base/lists.ts";
import { formatHost } from "../../index/expand-policy.ts";
import { formatRulePort, type Rule, type Rules } from "../../index/rules.ts";
import type { Domain } from "../../model/domain.ts";
import type { View } from "../../model/model.ts";
import { countClauses } from "./conjunctions.ts";
import type { PolicyKey } from "./keys.ts";

/** The keys in which a rule stood or stands, less those in which it stands as before. */
export function* differingParts(
  before: Rule | undefined,
  after: Rule | undefined,
  view: View,
  rules: Rules,
): Iterable<PolicyKey> {
  if (before !== undefined && after !== undefined && isSameConjunction(before, after)) {
    yield* parts(before, after, view);
    return;
  }
  for (const rule of [before, after])
    if (rule !== undefined) {
      yield* parts(undefined, rule, view);
      for (const port of subjectPorts(rule, rules)) yield { type: "subject", port };
    }
}

/** What its parts say of it is the same: they differ at most in being there. */
function isSameConjunction(a: Rule, b: Rule): boolean {
  return (
    a.id === b.id &&
    a.limit?.meterId === b.limit?.meterId &&
    countClauses(a) === countClauses(b) &&
    a.subject === b.subject &&
    a.direction === b.direction &&
    a.tier === b.tier &&
    a.level === b.level &&
    a.named?.of === b.named?.of &&
    (a.peers === undefined) === (b.peers === undefined)
  );
}

/** The peers and ports of which one rule has others than the other. */
function* parts(before: Rule | undefined, after: Rule | undefined, view: View): Iterable<PolicyKey> {
  for (const selection of differing(before?.peers?.selections, after?.peers?.selections))
    for (const podKey of view.selections.membersOf(selection))
      for (const ip of addressesOf(podKey, view)) yield peerKey(ip);
  for (const network of differing(before?.peers?.networks, after?.peers?.networks)) yield { type: "peer", network };
  for (const pattern of differing(before?.peers?.domains, after?.peers?.domains))
    for (const ip of view.domains.addressesOf(pattern)) yield peerKey(ip);
  for (const port of differing(before?.ports?.map(formatRulePort), after?.ports?.map(formatRulePort)))
    yield { type: "port", port };
}

function* differing(before: readonly string[] = [], after: readonly string[] = []): Iterable<string> {
  const { added, removed } = differenceOf(before, after);
  yield* added;
  yield* removed;
}

function* subjectPorts({ subject }: Rule, rules: Rules): Iterable<string> {
  for (const podKey of rules.subjectsHere(subject)) yield* rules.portsOf(podKey);
}

/** What a name has or had, and has in another way than before. */
export function differingAddresses(before: Domain | undefined, after: Domain | undefined): Iterable<Ip> {
  const current = new Set(before?.addresses).symmetricDifference(new Set(after?.addresses));
  const lapsed = new Set(before?.lapsed).symmetricDifference(new Set(after?.lapsed));
  return current.union(lapsed);
}

export function peerKey(ip: Ip): PolicyKey {
  return { type: "peer", network: formatHost(ip) };
}

/** Those that a pod says it has, and those that its ports here have. */
export function* addressesOf(podKey: string, view: View): Iterable<Ip> {
  yield* view.Pod.get(podKey)?.ips ?? [];
  for (const port of view.rules.portsOf(podKey)) yield* view.Port.get(port)?.ips ?? [];
}
