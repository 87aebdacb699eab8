import type { ModelChange, Objects, Port } from "../model/model.ts";
import { podKeyOf } from "../model/pod-of-port.ts";
import { hasSay, type Policy } from "../model/policy.ts";
import { isStaged } from "../model/policy-extras.ts";
import { createRuleIndex, type RuleIndex } from "./rule-index.ts";
import type { Rules, StagedRuleChange, StagedRules, StagedSubjectChange } from "./rules.ts";
import type { Selections } from "./selections.ts";
import { isOfPolicy, type PolicyChange } from "./worlds.ts";

export interface StagedRuleIndex extends StagedRules {
  /** After the selections have taken in the same changes; theirs are among `changes`. */
  apply(changes: readonly ModelChange[]): readonly (StagedRuleChange | StagedSubjectChange)[];
}

/**
 * An index like that of what is in force, which knows the ports of those pods alone. Without a staged policy it holds nothing, and
 * costs nothing.
 */
export function createStagedRuleIndex(objects: Objects, selections: Selections): StagedRuleIndex {
  const createIndex = () => createRuleIndex(objects, selections, "staged");
  /** By kind and key. */
  const staged = new Map<string, Policy>();
  let index: RuleIndex = createIndex();
  let ports = new Map<string, Port>();
  let wasUsed = false;

  function note({ kind, key, after }: PolicyChange): void {
    if (after !== undefined && isStaged(after)) staged.set(`${kind} ${key}`, after);
    else staged.delete(`${kind} ${key}`);
  }

  /** The ports of the pods that any staged policy selects. */
  function portsNow(): Map<string, Port> {
    const subjects = new Set([...staged.values()].map(({ subject }) => subject.key));
    const isUnder = (port: Port) => {
      for (const selection of selections.selectionsOf(podKeyOf(port))) if (subjects.has(selection)) return true;
      return false;
    };
    return subjects.size === 0 ? new Map() : new Map([...objects.Port].filter(([, port]) => isUnder(port)));
  }

  function portChanges(before: ReadonlyMap<string, Port>, after: ReadonlyMap<string, Port>): readonly ModelChange[] {
    const keys = [...before.keys(), ...[...after.keys()].filter((key) => !before.has(key))];
    return keys
      .filter((key) => before.get(key) !== after.get(key))
      .map((key) => ({ kind: "Port", key, before: before.get(key), after: after.get(key) }));
  }

  /** As though all were said for the first time. */
  function* allPolicies(): Iterable<ModelChange> {
    for (const [key, after] of objects.NetworkPolicy) yield { kind: "NetworkPolicy", key, before: undefined, after };
    for (const [key, after] of objects.ClusterNetworkPolicy)
      yield { kind: "ClusterNetworkPolicy", key, before: undefined, after };
  }

  /** What the index knows of others ages while it is of no use: the next time it begins anew. */
  function end(): readonly (StagedRuleChange | StagedSubjectChange)[] {
    const gone = [
      ...[...index.all()].map(
        (rule) => ({ kind: "StagedRule", key: rule.key, before: rule, after: undefined }) as const,
      ),
      ...[...ports.keys()].map((key) => ({ kind: "StagedSubject", key }) as const),
    ];
    index = createIndex();
    ports = new Map();
    return gone;
  }

  return {
    ...forward(() => index),
    isAny: () => staged.size > 0,
    *stagingOf(podKey, direction) {
      const selected = selections.selectionsOf(podKey);
      for (const policy of staged.values())
        if (hasSay(policy, direction) && selected.has(policy.subject.key)) yield policy;
    },
    isUsed: () => wasUsed || staged.size > 0,
    apply(changes) {
      wasUsed = staged.size > 0;
      for (const change of changes) if (isOfPolicy(change)) note(change);
      if (staged.size === 0) return wasUsed ? end() : [];
      const now = portsNow();
      const others = wasUsed ? changes.filter(({ kind }) => kind !== "Port") : allPolicies();
      const found = index.apply([...others, ...portChanges(ports, now)]);
      ports = now;
      // Who stages is told at the pod itself, whether it counts in this world or not.
      const told = changes.some((change) => isOfPolicy(change) && touchesStaging(change)) ? [...now.keys()] : [];
      return [
        ...found.map((change) =>
          change.kind === "Rule"
            ? ({ ...change, kind: "StagedRule" } as const)
            : ({ ...change, kind: "StagedSubject" } as const),
        ),
        ...told.map((key) => ({ kind: "StagedSubject", key }) as const),
      ];
    },
  };
}

function touchesStaging({ before, after }: PolicyChange): boolean {
  return [before, after].some((policy) => policy !== undefined && isStaged(policy));
}

/** Asks the index that is there now. */
function forward(index: () => Rules): Rules {
  return {
    all: () => index().all(),
    rule: (key) => index().rule(key),
    withId: (id) => index().withId(id),
    ofSubject: (key) => index().ofSubject(key),
    ofPeer: (key) => index().ofPeer(key),
    ofNetwork: (network) => index().ofNetwork(network),
    ofDomain: (pattern) => index().ofDomain(pattern),
    ofPort: (port) => index().ofPort(port),
    portKeys: () => index().portKeys(),
    isolating: (key, direction) => index().isolating(key, direction),
    anyRefuses: () => index().anyRefuses(),
    anyLogged: () => index().anyLogged(),
    unclear: (podKey, pod, direction) => index().unclear(podKey, pod, direction),
    subjectsHere: (key) => index().subjectsHere(key),
    portsOf: (podKey) => index().portsOf(podKey),
  };
}
