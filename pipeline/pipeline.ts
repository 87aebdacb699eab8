import { createDesired, type Desired } from "./desired.ts";
import { createEngine, type Engine } from "./engine.ts";
import { createFeatures } from "./features/features.ts";
import type { HostState } from "./host-state.ts";
import type { View } from "./model/model.ts";
import { createModelStore } from "./model/store.ts";
import type { Problem } from "./problem.ts";
import type { Settings } from "./settings.ts";
import type { SourceBatch } from "./source.ts";
import { type SwitchDelta, UNCHANGED_SWITCH } from "./switch-state.ts";

/** What a batch comes to, per target. */
export interface Step extends SwitchDelta {
  /** The first step in which every source was complete: the switch is compared with all that is desired. */
  readonly first: boolean;
  /** Present when the host should be otherwise than before. */
  readonly host: HostState | undefined;
}

/** The reducer that the graph runs: batches of changes in, differences of the desired state out. */
export interface Pipeline {
  readonly view: View;
  readonly desired: Desired;
  readonly engine: Engine;
  isSynced(): boolean;
  problems(): readonly Problem[];
  /** Before every expected source is complete the model fills and nothing comes out: nothing is written or swept early. */
  step(batch: SourceBatch): Step;
}

export function createPipeline(settings: Settings, expectedSources: readonly string[]): Pipeline {
  const store = createModelStore(expectedSources);
  const engine = createEngine(createFeatures(settings));
  const desired = createDesired();
  let started = false;
  return {
    view: store.view,
    desired,
    engine,
    isSynced: store.isSynced,
    problems: () => [...[...store.problems.values()].flat(), ...desired.problems.values(), ...desired.conflicts()],
    step(batch) {
      const changes = store.apply(batch);
      if (!store.isSynced()) return { ...UNCHANGED_SWITCH, first: false, host: undefined };
      const revisions = started ? engine.step(changes, store.view) : engine.recompute(store.view);
      const { hostChanged, ...delta } = desired.apply(revisions);
      const first = !started;
      started = true;
      return { ...delta, first, host: hostChanged || first ? desired.host() : undefined };
    },
  };
}
