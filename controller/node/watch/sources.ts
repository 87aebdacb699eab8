import { type Observable, tap } from "rxjs";
import type { Log } from "#base/log.ts";
import { findAccess } from "#controller/watch/access/find.ts";
import { WATCHED_KINDS } from "#controller/watch/kinds.ts";
import { createKubeClient, type KubeClient } from "#controller/watch/kube-client.ts";
import { sourceName } from "#controller/watch/reflector.ts";
import type { Problem } from "#pipeline/problem.ts";
import type { SourceBatch } from "#pipeline/source.ts";
import type { SourceConfig } from "../config.ts";
import { createIntentCache } from "./cache.ts";
import { KUBERNETES_SOURCES, kubernetesSource, type SourceStatus } from "./kubernetes.ts";
import { MANIFESTS_SOURCE, manifestsSource } from "./manifests.ts";

/** Where this node's intent comes from, and how that stands. */
export interface IntentSource {
  /** For a person: "Kubernetes API https://10.96.0.1:443", "manifests /etc/weir/manifests". */
  readonly description: string;
  /** The sources that must be complete before anything is written. */
  readonly names: readonly string[];
  readonly batches$: Observable<SourceBatch>;
  /** The API server, for what the node tells of itself; absent when there is none. */
  readonly kube: KubeClient | undefined;
  readonly connected: boolean;
  /** Why intent is not complete; undefined when it is. */
  incomplete(): string | undefined;
  /** What the API server does not know, such as "clusternetworkpolicies": of these there are none. */
  absent(): readonly string[];
  /** What is wrong with the source itself, such as a file that cannot be read. */
  problems(): readonly Problem[];
  close(): Promise<void>;
}

export interface IntentSourceOptions {
  readonly nodeName: string;
  readonly stateDirectory: string;
  readonly log: Log;
  /** The source's own problems, or its connection, are not what they were. */
  onChange(): void;
}

/** As the configuration chooses. Rejects when there is no way to an API server at all, such as without any credentials. */
export function createIntentSource(source: SourceConfig, options: IntentSourceOptions): Promise<IntentSource> {
  return "manifests" in source
    ? Promise.resolve(createManifestsIntent(source.manifests, options))
    : createKubernetesIntent(source.kubernetes.kubeconfig, options);
}

function createManifestsIntent(directory: string, options: IntentSourceOptions): IntentSource {
  let problems: readonly Problem[] = [];
  let complete = false;
  const { log, onChange } = options;
  const onProblems = (next: readonly Problem[]): void => {
    problems = next;
    for (const { object, field, message } of next)
      log.warn("problem in a manifest", { object, field, problem: message });
    onChange();
  };
  return {
    description: `manifests ${directory}`,
    names: [MANIFESTS_SOURCE],
    batches$: manifestsSource({ directory, log, onProblems }).pipe(
      tap(() => {
        complete = true;
      }),
    ),
    kube: undefined,
    connected: true,
    incomplete() {
      if (complete) return undefined;
      const why = problems[0] === undefined ? "" : `: ${problems[0].message}`;
      return `manifests ${directory} not read yet${why}`;
    },
    absent: () => [],
    problems: () => problems,
    close: async () => {},
  };
}

async function createKubernetesIntent(
  kubeconfig: string | undefined,
  options: IntentSourceOptions,
): Promise<IntentSource> {
  const { nodeName, stateDirectory, log, onChange } = options;
  const client = createKubeClient(await findAccess(kubeconfig));
  const cache = createIntentCache({ directory: stateDirectory, nodeName, log });
  const statuses = new Map<string, SourceStatus>();
  const onStatus = (status: SourceStatus): void => {
    statuses.set(status.source, status);
    onChange();
  };
  return {
    description: `Kubernetes API ${client.server}`,
    names: KUBERNETES_SOURCES,
    batches$: kubernetesSource({ client, nodeName, log, cache, onStatus }),
    kube: client,
    get connected() {
      return KUBERNETES_SOURCES.every((name) => statuses.get(name)?.connected === true);
    },
    incomplete() {
      const missing = KUBERNETES_SOURCES.filter((name) => statuses.get(name)?.synced !== true);
      if (missing.length === 0) return undefined;
      const why = missing.map((name) => statuses.get(name)?.failure).find((failure) => failure !== undefined);
      return `${missing.join(", ")} not complete${why === undefined ? "" : `: ${why}`}`;
    },
    absent: () => WATCHED_KINDS.filter((kind) => statuses.get(sourceName(kind))?.absent).map(({ plural }) => plural),
    problems: () => [],
    close: cache.close,
  };
}
