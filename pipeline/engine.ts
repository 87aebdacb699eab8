import { isEqual } from "#base/equal.ts";
import type { Contribution, Feature } from "./feature.ts";
import type { ModelChange, View } from "./model/model.ts";
import { KINDS } from "./source.ts";

/** Who contributes: "pods/weir0a1b2c3d4e5", a feature and one of its keys. */
export type Contributor = string;

/** What one contributor gave before and gives now. */
export interface Revision {
  readonly contributor: Contributor;
  readonly before: readonly Contribution[];
  readonly after: readonly Contribution[];
}

/**
 * Keyed recompute: each step derives the keys that its changes touch, once, against the model as it is after all of them,
 * and says of each key that differs what it gave before and gives now. The law: after any history of changes, what the engine holds equals what
 * `recompute` finds in the same model.
 */
export interface Engine {
  step(changes: readonly ModelChange[], view: View): readonly Revision[];
  /** Derives every key anew: the start, and the oracle of the law. */
  recompute(view: View): readonly Revision[];
  contributionsOf(contributor: Contributor): readonly Contribution[];
}

const NOTHING: readonly Contribution[] = [];

export function createEngine(features: readonly Feature[]): Engine {
  const held = new Map<Contributor, readonly Contribution[]>();

  /** Nothing comes of a key that gives what it gave before. */
  function derive(feature: Feature, key: string, view: View): readonly Revision[] {
    const contributor = `${feature.name}/${key}`;
    const before = held.get(contributor) ?? NOTHING;
    const after = feature.derive(key, view);
    if (isEqual(before, after)) return [];
    if (after.length > 0) held.set(contributor, after);
    else held.delete(contributor);
    return [{ contributor, before, after }];
  }

  return {
    step(changes, view) {
      return features.flatMap((feature) => {
        const keys = new Set<string>();
        for (const change of changes) for (const key of feature.affected(change, view)) keys.add(key);
        return [...keys].flatMap((key) => derive(feature, key, view));
      });
    },
    recompute(view) {
      const stale = new Set(held.keys());
      const revisions = features.flatMap((feature) => {
        const keys = new Set(feature.always);
        for (const change of everything(view)) for (const key of feature.affected(change, view)) keys.add(key);
        for (const key of keys) stale.delete(`${feature.name}/${key}`);
        return [...keys].flatMap((key) => derive(feature, key, view));
      });
      for (const contributor of stale) {
        revisions.push({ contributor, before: held.get(contributor) ?? NOTHING, after: NOTHING });
        held.delete(contributor);
      }
      return revisions;
    },
    contributionsOf: (contributor) => held.get(contributor) ?? NOTHING,
  };
}

/** The whole model as if it had just appeared. */
function* everything(view: View): Iterable<ModelChange> {
  for (const kind of KINDS)
    for (const [key, after] of view[kind]) yield { kind, key, before: undefined, after } as ModelChange;
  for (const rule of view.rules.all()) yield { kind: "Rule", key: rule.key, before: undefined, after: rule };
  for (const rule of view.staged.all()) yield { kind: "StagedRule", key: rule.key, before: undefined, after: rule };
  for (const key of view.Port.keys()) {
    yield { kind: "Subject", key };
    yield { kind: "StagedSubject", key };
  }
  for (const key of view.Service.keys()) yield { kind: "Backends", key };
}
