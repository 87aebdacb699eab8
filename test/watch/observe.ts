import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "#base/log.ts";
import { silentLog } from "#base/log.ts";
import type { Access } from "#controller/watch/access/access.ts";
import { WATCHED_KINDS, type WatchedKind } from "#controller/watch/kinds.ts";
import { createKubeClient, type KubeClient } from "#controller/watch/kube-client.ts";
import { type ReflectorOptions, reflect, type SourceStatus } from "#controller/watch/reflector.ts";
import type { SourceBatch } from "#pipeline/source.ts";

/** Of one node only, so that each test has pods of its own on a server that many share. */
export const POD: WatchedKind = { ...kindOf("Pod"), nodeField: "spec.nodeName" };

export interface Observed {
  readonly batches: readonly SourceBatch[];
  /** All batches, applied one after another. */
  readonly objects: ReadonlyMap<string, unknown>;
  /** The last batch as "+Pod default/a", "-Pod default/b". */
  readonly last: readonly string[];
  readonly statuses: readonly SourceStatus[];
  readonly status: SourceStatus | undefined;
  /** The pauses that were asked for, in milliseconds. */
  readonly pauses: readonly number[];
  /** What was logged as a warning. */
  readonly warnings: readonly string[];
  /** From now on pauses last until `release`. */
  hold(): void;
  release(): void;
  stop(): void;
}

export interface ObserveOptions extends Partial<ReflectorOptions> {
  readonly kind?: WatchedKind;
  readonly answerDeadline?: number;
  /** Stands between the reflector and the client. */
  readonly wrap?: (client: KubeClient) => KubeClient;
}

/** A reflector at work, whose pauses are short or held. */
export function observe(access: Access, options: ObserveOptions = {}): Observed {
  const { kind = POD, answerDeadline, wrap = (client: KubeClient) => client, ...rest } = options;
  const batches: SourceBatch[] = [];
  const objects = new Map<string, unknown>();
  const statuses: SourceStatus[] = [];
  const pauses: number[] = [];
  const warnings: string[] = [];
  let gate: PromiseWithResolvers<void> | undefined;
  const log: Log = { ...silentLog, warn: (message, fields) => warnings.push(`${message} ${JSON.stringify(fields)}`) };
  const client = wrap(createKubeClient(access, answerDeadline === undefined ? {} : { answerDeadline }));
  const subscription = reflect(kind, {
    client,
    log,
    nodeName: "n1",
    random: () => 0.5,
    onStatus: (status) => statuses.push(status),
    sleep: async (milliseconds, signal) => {
      pauses.push(milliseconds);
      await (gate?.promise ?? delay(2, undefined, { signal }).catch(() => {}));
    },
    ...rest,
  }).subscribe((batch) => {
    batches.push(batch);
    for (const { key, object } of batch.changes) {
      if (object === undefined) objects.delete(key);
      else objects.set(key, object);
    }
  });
  return {
    ...{ batches, objects, statuses, pauses, warnings },
    get status() {
      return statuses.at(-1);
    },
    get last() {
      return (batches.at(-1)?.changes ?? []).map(({ kind, key, object }) => `${object ? "+" : "-"}${kind} ${key}`);
    },
    hold() {
      gate = Promise.withResolvers();
    },
    release() {
      gate?.resolve();
      gate = undefined;
    },
    stop() {
      gate?.resolve();
      subscription.unsubscribe();
    },
  };
}

function kindOf(name: string): WatchedKind {
  const kind = WATCHED_KINDS.find(({ kind }) => kind === name);
  if (kind === undefined) throw new Error(`nobody watches ${name}`);
  return kind;
}
