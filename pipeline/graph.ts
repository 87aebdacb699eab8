import { connect, filter, map, merge, type Observable } from "rxjs";
import { type Delta, emptyDelta, isEmptyDelta, squashDeltas } from "#base/delta.ts";
import { sameFlow } from "#openflow/flow.ts";
import type { DesiredFlow } from "./desired.ts";
import type { HostState } from "./host-state.ts";
import type { Pipeline } from "./pipeline.ts";
import type { SourceBatch } from "./source.ts";
import { squashWhileBusy } from "./squash-while-busy.ts";

/** What the switch is asked for at once. `compare`: read back what it holds and mend every difference, not only `flows`. */
export interface SwitchWork {
  readonly flows: Delta<string, DesiredFlow>;
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
    map((): SwitchWork => ({ flows: emptyDelta(), compare: true })),
  );
  const hostCompare$ = inputs.compareHost$.pipe(
    filter(() => pipeline.isSynced()),
    map(() => pipeline.desired.host()),
  );
  return merge(...inputs.sources).pipe(
    map((batch) => pipeline.step(batch)),
    connect((steps$) => {
      const flowWork$ = steps$.pipe(
        filter((step) => step.first || !isEmptyDelta(step.flows)),
        map((step): SwitchWork => ({ flows: step.flows, compare: step.first })),
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
  return {
    flows: squashDeltas(waiting.flows, next.flows, (a, b) => sameFlow(a.flow, b.flow)),
    compare: waiting.compare || next.compare,
  };
}
