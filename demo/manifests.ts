import { silentLog } from "#base/log.ts";
import { manifestsSource } from "#controller/node/watch/manifests.ts";
import { ingest } from "#pipeline/ingest/ingest.ts";
import type { Node, Pod } from "#pipeline/model/model.ts";
import type { Problem } from "#pipeline/problem.ts";

/** What the folder of manifests asks for now. */
export interface Intent {
  readonly nodes: ReadonlyMap<string, Node>;
  /** Pods that run: bound to a node, not completed, in a network of their own. */
  readonly pods: ReadonlyMap<string, Pod>;
}

export interface Follower {
  close(): void;
}

/** Reads a folder as a node process does, and again whenever it changes. Calls never overlap: the next waits for the last. */
export function followManifests(
  directory: string,
  onIntent: (intent: Intent) => Promise<void>,
  onProblem: (problem: Problem) => void,
): Follower {
  const nodes = new Map<string, Node>();
  const pods = new Map<string, Pod>();
  const told = new Set<string>();
  const tell = (problem: Problem) => {
    const text = JSON.stringify(problem);
    if (!told.has(text)) onProblem(problem);
    told.add(text);
  };
  let queue = Promise.resolve();
  const subscription = manifestsSource({
    directory,
    log: silentLog,
    onProblems: (problems) => problems.forEach(tell),
  }).subscribe((batch) => {
    for (const change of batch.changes) {
      const { value, problems } = ingest(batch.source, change);
      problems.forEach(tell);
      if (change.kind === "Node") put(nodes, change.key, value && "podCidrs" in value ? value : undefined);
      if (change.kind === "Pod") put(pods, change.key, value && "hostNetwork" in value ? runningPod(value) : undefined);
    }
    const intent = { nodes: new Map(nodes), pods: new Map(pods) };
    queue = queue.then(() => onIntent(intent));
  });
  return { close: () => subscription.unsubscribe() };
}

/** What a folder asks for, read once. Rejects with the first thing that is wrong in it. */
export function readIntent(directory: string): Promise<Intent> {
  return new Promise((resolve, reject) => {
    const follower = followManifests(
      directory,
      async (intent) => {
        resolve(intent);
        queueMicrotask(() => follower.close());
      },
      ({ object, field, message }) => reject(new Error(`${object} ${field} ${message}`)),
    );
  });
}

function runningPod(pod: Pod): Pod | undefined {
  return pod.nodeName === undefined || pod.hostNetwork || pod.completed ? undefined : pod;
}

function put<V>(map: Map<string, V>, key: string, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
