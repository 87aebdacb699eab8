import { merge, type Observable } from "rxjs";
import type { Log } from "#base/log.ts";
import { WATCHED_KINDS, type WatchedKind } from "#controller/watch/kinds.ts";
import type { KubeClient } from "#controller/watch/kube-client.ts";
import { type ReflectorOptions, reflect, type SourceStatus, sourceName } from "#controller/watch/reflector.ts";
import type { SourceBatch } from "#pipeline/source.ts";
import type { IntentCache } from "./cache.ts";

export type { SourceStatus } from "#controller/watch/reflector.ts";

export interface KubernetesOptions {
  readonly client: KubeClient;
  readonly nodeName: string;
  readonly log: Log;
  readonly cache?: IntentCache;
  readonly kinds?: readonly WatchedKind[];
  readonly onStatus?: (status: SourceStatus) => void;
  /** For tests: deadlines, chance and time. */
  readonly timing?: Pick<ReflectorOptions, "silence" | "random" | "sleep">;
}

/** The sources that must be complete before anything is written: "kubernetes/pods" ... */
export const KUBERNETES_SOURCES: readonly string[] = WATCHED_KINDS.map(sourceName);

/**
 * The Kubernetes API as a source of batches, one watch a kind.
 *
 *     const client = createKubeClient(await findAccess(config.kubeconfig));
 *     kubernetesSource({ client, nodeName, log }).subscribe((batch) => ...)
 */
export function kubernetesSource(options: KubernetesOptions): Observable<SourceBatch> {
  const { client, nodeName, log, cache, onStatus, timing = {}, kinds = WATCHED_KINDS } = options;
  return merge(
    ...kinds.map((kind) => {
      const source = sourceName(kind);
      return reflect(kind, {
        ...{ client, nodeName, log, ...timing },
        ...(onStatus && { onStatus }),
        ...(cache && {
          recall: () => cache.recall(source),
          remember: (objects: ReadonlyMap<string, unknown>) => cache.remember(source, objects),
        }),
      });
    }),
  );
}
