import { connect, filter, map, merge, type Observable } from "rxjs";
import type { HostState } from "./host-state.ts";
import type { Pipeline } from "./pipeline.ts";
import type { SourceBatch } from "./source.ts";
import { squashWhileBusy } from "./squash-while-busy.ts";
import { isSwitchUnchanged, type SwitchDelta, squashSwitchDeltas, UNCHANGED_SWITCH } from "./switch-state.ts";

/** What the switch is asked for at once. `compare`: read back what it holds and mend every difference, not only these. */
export interface SwitchWork extends SwitchDelta {
  readonly compare: boolean;
}

export interface Targets {
  applySwitch(work: SwitchWork): Promise<void>;
  applyHost(state: HostState): Promise<void>;
}

export interface GraphInputs {
  readonly sources: readonly Observable<SourceBatch>[];
  /** The switch has (re)connected, or a periodic check is due. */
  readonly compareSwitch$: Observable<unknown>;
  readonly compareHost$: Observable<unknown>;
}

/**
 * The whole program:
 *
 *     source ─┐                    ┌─ flows ──┐
 *     source ─┼─ merge ─ step ─────┤          ├─ merge ─ squash while busy ─▶ applySwitch
 *     source ─┘  (ingest, gate,    │   compareSwitch$
 *                 derive, diff)    └─ host ───┬─ merge ─ squash while busy ─▶ applyHost
 *                                      compareHost$
 *
 * One ordered stream of batches in, one reducer, two targets that do not wait for each other. Nothing comes out of `step`
 * before every source is complete. Emits once for each work done.
 */
export function createGraph(pipeline: Pipeline, inputs: GraphInputs, targets: Targets): Observable<void> {
  const compareWork$ = inputs.compareSwitch$.pipe(
    filter(() => pipeline.isSynced()),
    map((): SwitchWork => ({ ...UNCHANGED_SWITCH, compare: true })),
  );
  const hostCompare$ = inputs.compareHost$.pipe(
    filter(() => pipeline.isSynced()),
    map(() => pipeline.desired.host()),
  );
  return merge(...inputs.sources).pipe(
    map((batch) => pipeline.step(batch)),
    connect((steps$) => {
      const flowWork$ = steps$.pipe(
        filter((step) => step.first || !isSwitchUnchanged(step)),
        map(({ flows, groups, meters, first }): SwitchWork => ({ flows, groups, meters, compare: first })),
      );
      const hostWork$ = steps$.pipe(
        map((step) => step.host),
        filter((host) => host !== undefined),
      );
      return merge(
        merge(flowWork$, compareWork$).pipe(squashWhileBusy(squashWork, targets.applySwitch)),
        merge(hostWork$, hostCompare$).pipe(squashWhileBusy((_waiting, next) => next, targets.applyHost)),
      );
    }),
  );
}

function squashWork(waiting: SwitchWork, next: SwitchWork): SwitchWork {
  return { ...squashSwitchDeltas(waiting, next), compare: waiting.compare || next.compare };
}
