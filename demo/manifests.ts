import { silentLog } from "#base/log.ts";
import { MANIFESTS_SOURCE, manifestsSource } from "#controller/node/watch/manifests.ts";
import type { ModelChange, Node, Objects, Pod } from "#pipeline/model/model.ts";
import { createModelStore } from "#pipeline/model/store.ts";
import type { Problem } from "#pipeline/problem.ts";

/** What the folder of manifests asks for now. */
export interface Intent {
  readonly nodes: ReadonlyMap<string, Node>;
  /** Pods that run: bound to a node, not completed, in a network of their own. */
  readonly pods: ReadonlyMap<string, Pod>;
  /** All that the folder holds: policies too. */
  readonly objects: Objects;
  /** Who may reach whom may be another than before. */
  readonly concernsPolicies: boolean;
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
  const store = createModelStore([MANIFESTS_SOURCE]);
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
    const changes = store.apply(batch);
    for (const problems of store.problems.values()) problems.forEach(tell);
    const { view } = store;
    const pods = new Map([...view.Pod].filter(([, pod]) => isRunning(pod)));
    const concernsPolicies = changes.some(mayChangeVerdicts);
    const intent: Intent = { nodes: new Map(view.Node), pods, objects: view, concernsPolicies };
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

function isRunning(pod: Pod): boolean {
  return pod.nodeName !== undefined && !pod.hostNetwork && !pod.completed;
}

const CONCERNS_VERDICTS: readonly ModelChange["kind"][] = [
  "NetworkPolicy",
  "ClusterNetworkPolicy",
  "Namespace",
  "Selection",
  "Service",
];

/** A policy, the labels that policies ask for, or a service. */
function mayChangeVerdicts({ kind }: ModelChange): boolean {
  return CONCERNS_VERDICTS.includes(kind);
}
