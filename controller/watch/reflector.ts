import { setTimeout as delay } from "node:timers/promises";
import { Observable } from "rxjs";
import { createBackoff } from "#base/backoff.ts";
import { isEqual } from "#base/equal.ts";
import { describeError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { RawChange, SourceBatch } from "#pipeline/source.ts";
import { runExchange } from "./exchange.ts";
import { type Failure, FailureSignal } from "./failure.ts";
import type { WatchedKind } from "./kinds.ts";
import type { KubeClient } from "./kube-client.ts";
import { createReflection, type Pause, type Reflection } from "./protocol.ts";

/** How a source stands with the API server. */
export interface SourceStatus {
  readonly source: string;
  /** The last exchange succeeded or is open. */
  readonly connected: boolean;
  /** What was given out is complete, be it from the API server or remembered. */
  readonly synced: boolean;
  /** What was given out is what an earlier process saw. */
  readonly remembered: boolean;
  /** Why it is not connected. */
  readonly failure: string | undefined;
  /** The API server does not know the kind, and so there are no such objects: it is asked now and then. */
  readonly absent: boolean;
}

export interface ReflectorOptions {
  readonly client: KubeClient;
  readonly nodeName: string;
  readonly log: Log;
  /** What an earlier process saw, given out when the API server does not answer at first. */
  readonly recall?: () => Promise<ReadonlyMap<string, unknown> | undefined>;
  /** Called with all objects when they are complete, and after each change of them. */
  readonly remember?: (objects: ReadonlyMap<string, unknown>) => void;
  readonly onStatus?: (status: SourceStatus) => void;
  /** A stream on which no line ends for so long is dead. The API server sends a bookmark every minute. */
  readonly silence?: number;
  readonly random?: () => number;
  readonly sleep?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

const SILENCE = 150_000;
const FIRST_PAUSE = 200;
const LONGEST_PAUSE = 30_000;
/** A server asks for a second or so; whatever it says, nobody stays blind for hours. */
const LONGEST_RETRY_AFTER = 120_000;

export function sourceName(kind: Pick<WatchedKind, "plural">): string {
  return `kubernetes/${kind.plural}`;
}

/**
 * One kind of Kubernetes objects as a source: a complete batch first, then what changed, whatever happens in between. The
 * stream neither errors nor ends.
 */
export function reflect<K extends string>(kind: WatchedKind<K>, options: ReflectorOptions): Observable<SourceBatch<K>> {
  return new Observable((subscriber) => {
    const ending = new AbortController();
    const source = sourceName(kind);
    const emit = (batch: SourceBatch<K>) => subscriber.next(batch);
    run(source, kind, options, emit, ending.signal).catch((error: unknown) => {
      // Only a bug comes here: it must be as loud as any other.
      if (!ending.signal.aborted) subscriber.error(error);
    });
    return () => ending.abort();
  });
}

type Emit<K extends string> = (batch: SourceBatch<K>) => void;

async function run<K extends string>(
  source: string,
  kind: WatchedKind<K>,
  options: ReflectorOptions,
  emit: Emit<K>,
  signal: AbortSignal,
): Promise<void> {
  const { random = Math.random, sleep = sleepFor, silence = SILENCE } = options;
  const reflection = createReflection(kind, options.nodeName, random);
  const backoff = createBackoff(FIRST_PAUSE, LONGEST_PAUSE, random);
  const reporter = createReporter(source, reflection, options, emit);
  while (!signal.aborted) {
    let pause: Pause;
    try {
      pause = await runExchange(reflection, options.client, silence, reporter.received, signal);
    } catch (error) {
      if (signal.aborted) return;
      const failure = toFailure(error);
      pause = reflection.fail(failure);
      // What is answered by asking differently, at once, is no trouble: a version too old, a list that does not stream.
      if (pause.wait === "none") options.log.debug("the list is asked for anew", { source, why: failure.message });
      else if (isAbsence(kind, failure)) reporter.vanished(reflection.vanish());
      else await reporter.failed(failure);
    }
    if (signal.aborted) return;
    if (pause.afterProgress) backoff.reset();
    if (pause.wait === "none") continue;
    const least = pause.wait === "backoff" ? 0 : Math.min(pause.wait, LONGEST_RETRY_AFTER) * (1 + random() / 4);
    await sleep(Math.max(backoff.next(), least), signal);
  }
}

/** Gives out batches, and says how the source stands. */
interface Reporter<K extends string> {
  /** An exchange is under way; `changes` undefined: nothing to give out yet. */
  received(changes: readonly RawChange<K>[] | undefined): void;
  failed(failure: Failure): Promise<void>;
  vanished(changes: readonly RawChange<K>[]): void;
}

function createReporter<K extends string>(
  source: string,
  reflection: Reflection<K>,
  options: ReflectorOptions,
  emit: Emit<K>,
): Reporter<K> {
  const { log, recall, remember, onStatus } = options;
  let status: SourceStatus = {
    source,
    connected: false,
    synced: false,
    remembered: false,
    failure: undefined,
    absent: false,
  };
  let mayRecall = recall !== undefined;
  const update = (next: Partial<SourceStatus>) => {
    const merged = { ...status, ...next };
    if (isEqual(merged, status)) return;
    status = merged;
    onStatus?.(status);
  };
  const give = (changes: readonly RawChange<K>[]) => {
    if (status.synced && !status.remembered && changes.length === 0) return;
    emit({ source, synced: true, changes });
    // That there is nothing has to be remembered too: the next process waits for every kind.
    remember?.(reflection.objects);
  };
  return {
    received(changes) {
      if (status.failure !== undefined) log.info("watch goes on", { source });
      if (status.absent) log.info("the API server knows the kind now", { source });
      // After a failure the first thing that comes may still be half a list.
      const complete = reflection.isSynced && changes !== undefined;
      if (complete) give(changes);
      const known = complete && { synced: true, remembered: false };
      update({ connected: true, failure: undefined, absent: false, ...known });
    },
    vanished(changes) {
      if (!status.absent)
        log.info("the API server does not know the kind: there are none, and it is asked now and then", { source });
      give(changes);
      update({ connected: true, synced: true, remembered: false, failure: undefined, absent: true });
    },
    async failed(failure) {
      // Told again only when it is something else: refused, after the server was away.
      if (failure.message !== status.failure) log.warn("watch interrupted", { source, why: failure.message });
      if (mayRecall && !reflection.isSynced) {
        mayRecall = false;
        const objects = await recall?.();
        if (objects !== undefined) {
          log.warn("the API server does not answer: the last intent seen is used", { source, objects: objects.size });
          emit({ source, synced: true, changes: reflection.recall(objects) });
          update({ synced: true, remembered: true });
        }
      }
      update({ connected: false, failure: failure.message });
    },
  };
}

function isAbsence({ optional }: Pick<WatchedKind, "optional">, failure: Failure): boolean {
  return optional === true && failure.type === "refused" && failure.status === 404;
}

function toFailure(error: unknown): Failure {
  return error instanceof FailureSignal ? error.failure : { type: "lost", message: describeError(error) };
}

async function sleepFor(milliseconds: number, signal: AbortSignal): Promise<void> {
  // Rejects only when the source is unsubscribed from, and then nobody waits for it.
  await delay(milliseconds, undefined, { signal }).catch(() => {});
}
