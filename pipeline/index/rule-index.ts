import type { ModelChange, Objects, Pod } from "../model/model.ts";
import type { WorldName } from "../model/policy-extras.ts";
import { type ConjunctionIds, createConjunctionIds } from "./conjunction-ids.ts";
import { expandPolicy, type PortNumbers, policyKey, type RuleWithoutId, type Surroundings } from "./expand-policy.ts";
import { createLocalPods } from "./local-pods.ts";
import { createMeterIds } from "./meter-ids.ts";
import { createPartIndex } from "./part-index.ts";
import { createPolicyTable, type Place } from "./policy-table.ts";
import { createReach } from "./reach.ts";
import type { Rule, RuleChange, Rules, SubjectChange } from "./rules.ts";
import type { Selections } from "./selections.ts";
import { seenIn } from "./worlds.ts";

/** Keeps the rules that count on this node and in a world: those of policies that select a pod with a port here. */
export interface RuleIndex extends Rules {
  /** After the selections have taken in the same changes; theirs are among `changes`. */
  apply(changes: readonly ModelChange[]): readonly (RuleChange | SubjectChange)[];
}

export function createRuleIndex(
  objects: Objects,
  selections: Selections,
  world: WorldName = "enforced",
  ids: ConjunctionIds = createConjunctionIds(),
): RuleIndex {
  const policies = createPolicyTable();
  const locals = createLocalPods();
  const rules = new Map<string, Rule>();
  const parts = createPartIndex(rules);
  const rulesById = new Map<number, Rule>();
  const rulesByPolicy = new Map<string, readonly RuleWithoutId[]>();
  const meters = createMeterIds();

  const numbers: PortNumbers = {
    *ofSubject(selectionKey, name) {
      for (const pod of locals.membersOf(selectionKey)) yield* numberOf(objects.Pod.get(pod), name);
    },
    *ofPeers(selectionKeys, name) {
      for (const selection of selectionKeys)
        for (const pod of selections.membersOf(selection)) yield* numberOf(objects.Pod.get(pod), name);
    },
  };

  const around: Surroundings = { numbers, nodes: () => objects.Node.values() };

  /** What the policies mean now, and the keys of rules of which the number changed. */
  function expand(dirty: ReadonlySet<string>): Map<string, RuleWithoutId | undefined> {
    const next = new Map<string, RuleWithoutId | undefined>();
    const moved = new Set<string>();
    for (const policyKey of dirty) {
      const policy = policies.get(policyKey);
      const active = policy !== undefined && locals.membersOf(policy.subject.key).size > 0;
      const after = active ? expandPolicy(policy, around) : [];
      for (const { key } of rulesByPolicy.get(policyKey) ?? []) next.set(key, undefined);
      for (const rule of after) next.set(rule.key, rule);
      if (after.length > 0) rulesByPolicy.set(policyKey, after);
      else rulesByPolicy.delete(policyKey);
      const isLimited = after.some(({ rate }) => rate !== undefined);
      for (const other of meters.set(policyKey, isLimited)) moved.add(other);
    }
    for (const policyKey of moved)
      for (const rule of rulesByPolicy.get(policyKey) ?? []) if (!next.has(rule.key)) next.set(rule.key, rule);
    return next;
  }

  function settle(next: ReadonlyMap<string, RuleWithoutId | undefined>): readonly RuleChange[] {
    const renumbered = new Set<string>();
    for (const [key, rule] of next) {
      if (rule === undefined && rules.has(key)) for (const other of ids.remove(key)) renumbered.add(other);
      if (rule !== undefined && !rules.has(key)) for (const other of ids.add(key)) renumbered.add(other);
    }
    const changes: RuleChange[] = [];
    for (const key of new Set([...next.keys(), ...renumbered])) {
      const before = rules.get(key);
      const id = ids.idOf(key);
      const wanted = next.has(key) ? next.get(key) : before && wantedBefore(before);
      const after = wanted === undefined || id === undefined ? undefined : numbered(wanted, id);
      // What a rule says follows from its key and its policy, which is another object only when it says something else.
      if (
        before?.policy === after?.policy &&
        before?.id === after?.id &&
        before?.limit?.meterId === after?.limit?.meterId
      )
        continue;
      parts.move(before, after);
      // One that took another's number may have come before that one's turn.
      if (before !== undefined && rulesById.get(before.id) === before) rulesById.delete(before.id);
      if (after !== undefined) rulesById.set(after.id, after);
      if (after === undefined) rules.delete(key);
      else rules.set(key, after);
      changes.push({ kind: "Rule", key, before, after });
    }
    return changes;
  }

  /** One for which there is no number allows nothing, as a rule without one of its own. */
  function numbered({ rate, ...rule }: RuleWithoutId, id: number): Rule | undefined {
    if (rate === undefined) return { ...rule, id, limit: undefined };
    const meterId = meters.idOf(policyKey(rule.policy));
    return meterId === undefined ? undefined : { ...rule, id, limit: { perSecond: rate, meterId } };
  }

  return {
    all: () => rules.values(),
    rule: (key) => rules.get(key),
    withId: (id) => rulesById.get(id),
    ofSubject: parts.ofSubject,
    ofPeer: parts.ofPeer,
    ofNetwork: parts.ofNetwork,
    ofDomain: parts.ofDomain,
    ofPort: parts.ofPort,
    portKeys: parts.portKeys,
    isolating: policies.isolating,
    anyRefuses: policies.anyRefuses,
    anyLogged: policies.anyLogged,
    unclear: (podKey, pod, direction) => policies.unclear(placeOfPod(objects, podKey, pod), direction),
    subjectsHere: locals.membersOf,
    portsOf: locals.portsOf,
    apply(changes) {
      const reach = createReach(objects, selections, policies, locals);
      for (const change of changes) reach.take(seenIn(world, change));
      const ruleChanges = settle(expand(reach.policies));
      return [...ruleChanges, ...[...reach.ports].map((key): SubjectChange => ({ kind: "Subject", key }))];
    },
  };
}

function wantedBefore({ id: _id, limit, ...rule }: Rule): RuleWithoutId {
  return { ...rule, rate: limit?.perSecond };
}

export function placeOfPod(
  { Namespace: namespaces }: Pick<Objects, "Namespace">,
  podKey: string,
  pod: Pod | undefined,
): Place {
  const namespace = podKey.slice(0, podKey.indexOf("/"));
  return { namespace, namespaceLabels: namespaces.get(namespace)?.labels, podLabels: pod?.labels };
}

function* numberOf(pod: Pod | undefined, name: string): Iterable<number> {
  const number = pod?.ports.get(name);
  if (number !== undefined) yield number;
}
