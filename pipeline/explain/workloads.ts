import type { Pod } from "../model/model.ts";
import { describeLabels, podName } from "./words.ts";

/** What controllers write on each pod or each revision, and nobody means when they name a workload. */
const OF_CONTROLLERS = new Set([
  "pod-template-hash",
  "controller-revision-hash",
  "pod-template-generation",
  "statefulset.kubernetes.io/pod-name",
  "apps.kubernetes.io/pod-index",
  "batch.kubernetes.io/job-completion-index",
  "batch.kubernetes.io/controller-uid",
  "controller-uid",
]);

/** "shop/app=web": the pods of a namespace with equal labels. One without any labels is a workload of its own. */
export function workloadOf(pod: Pod): string {
  const labels = [...pod.labels].filter(([key]) => !OF_CONTROLLERS.has(key)).sort(([a], [b]) => (a < b ? -1 : 1));
  return labels.length === 0 ? podName(pod) : `${pod.namespace}/${describeLabels(new Map(labels))}`;
}

/** A row: pods that are one to whoever looks. */
export interface Row {
  readonly name: string;
  readonly pods: readonly [Pod, ...Pod[]];
}

/** The workloads of the pods. One whose pods policies tell apart is several, named after the first pod of each. */
export function workloadsOf(pods: readonly Pod[], classOf: (pod: Pod) => unknown): readonly Row[] {
  const workloads = new Map<string, Map<unknown, [Pod, ...Pod[]]>>();
  for (const pod of pods) {
    const name = workloadOf(pod);
    const classes = workloads.get(name) ?? new Map<unknown, [Pod, ...Pod[]]>();
    workloads.set(name, classes);
    const known = classes.get(classOf(pod));
    if (known === undefined) classes.set(classOf(pod), [pod]);
    else known.push(pod);
  }
  return [...workloads].flatMap(([name, classes]) =>
    [...classes.values()].map((members) => ({
      name: classes.size === 1 ? name : `${name} (as ${members[0].name})`,
      pods: members,
    })),
  );
}
