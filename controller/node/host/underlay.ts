import { Observable } from "rxjs";
import type { Ip } from "#base/address.ts";
import { createBackoff } from "#base/backoff.ts";
import { isEqual } from "#base/equal.ts";
import { describeError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { SourceBatch } from "#pipeline/source.ts";
import { run } from "../system/commands.ts";
import { type FoundUnderlay, findUnderlay, type UnderlayObject } from "./find-underlay.ts";
import { watchAddresses } from "./watch-addresses.ts";

export const UNDERLAY_SOURCE = "underlay";
/** The key of the one object. */
const KEY = "underlay";

export interface UnderlayOptions {
  /** traffic.transportInterface */
  readonly transportInterface?: string | undefined;
  /** This node's InternalIPs as they are known now; asked each time. */
  nodeAddresses(): readonly Ip[];
  readonly log: Log;
  /** Ends the watch. */
  readonly signal: AbortSignal;
}

/**
 * What carries packets between nodes, as a source of the pipeline.
 *
 * The node's addresses that it is found by come from the Node object, so from the same pipeline: the first batch says that
 * the source is complete, mostly without an object, which opens the gate; the pipeline then learns of the node; and whoever
 * sees the node's addresses change calls `refresh`:
 *
 *     const underlay = createUnderlay({ nodeAddresses: () => pipeline.view.Node.get(name)?.addresses ?? [], log, signal });
 *     createGraph(pipeline, { sources: [..., underlay.batches$], ... }, { applyHost(state) { underlay.refresh(); ... } });
 */
export interface Underlay {
  /** Never errors; completes with the signal. For one subscriber. */
  readonly batches$: Observable<SourceBatch>;
  /** Looks again, soon. Does nothing while nobody has subscribed. */
  refresh(): void;
}

export function createUnderlay(options: UnderlayOptions): Underlay {
  const { log, signal } = options;
  let look = () => {};
  const batches$ = new Observable<SourceBatch>((subscriber) => {
    const reader = createReader(options, (object, first) => {
      const changes = first && object === undefined ? [] : [{ kind: "Underlay" as const, key: KEY, object }];
      subscriber.next({ source: UNDERLAY_SOURCE, synced: true, changes });
    });
    const ending = new AbortController();
    const ended = AbortSignal.any([signal, ending.signal]);
    const finish = () => {
      reader.stop();
      subscriber.complete();
    };
    ended.addEventListener("abort", finish, { once: true });
    if (ended.aborted) return finish();
    look = reader.look;
    watchAddresses({ log, signal: ended, onChange: reader.look });
    reader.look();
    return () => ending.abort();
  });
  return { batches$, refresh: () => look() };
}

/** One look at a time; a look asked for meanwhile follows. Tells what differs from the last look, and always of the first. */
function createReader(options: UnderlayOptions, tell: (object: UnderlayObject | undefined, first: boolean) => void) {
  const { log, transportInterface, nodeAddresses } = options;
  const backoff = createBackoff(100, 30_000);
  let last: FoundUnderlay | undefined;
  let running = false;
  let again = false;
  let stopped = false;
  let retry: NodeJS.Timeout | undefined;

  async function read(): Promise<FoundUnderlay> {
    try {
      const text = await run("ip", ["-j", "address", "show"]);
      backoff.reset();
      return findUnderlay(text, { transportInterface, nodeAddresses: nodeAddresses() });
    } catch (error) {
      retry = setTimeout(look, backoff.next());
      // What was found before is as good as anything until the next look.
      return last?.underlay === undefined ? { problem: describeError(error) } : last;
    }
  }

  async function loop(): Promise<void> {
    while (again && !stopped) {
      again = false;
      const found = await read();
      if (stopped || isEqual(found, last)) continue;
      const before = last;
      last = found;
      const { underlay, problem } = found;
      if (problem !== undefined) log.warn("the interface between nodes is not known", { problem });
      if (underlay !== undefined) log.info("found the interface between nodes", { ...underlay });
      if (before === undefined || !isEqual(before.underlay, underlay)) tell(underlay, before === undefined);
    }
  }

  function look(): void {
    clearTimeout(retry);
    again = true;
    if (running || stopped) return;
    running = true;
    // It catches what can fail in it.
    void loop().finally(() => {
      running = false;
    });
  }

  return {
    look,
    stop() {
      stopped = true;
      clearTimeout(retry);
    },
  };
}
