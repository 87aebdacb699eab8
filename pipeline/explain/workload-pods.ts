import { isRecord } from "../ingest/reader.ts";
import type { RawChange } from "../source.ts";

/**
 * A pod as a workload's controller would make it, under the workload's own name: policies see labels and ports, and those are
 * in the template. Nothing for a workload without one.
 */
export function podOfWorkload(workload: Readonly<Record<string, unknown>>): object | undefined {
  const { kind, metadata, spec } = workload;
  const template = at(kind === "CronJob" ? at(spec, "jobTemplate", "spec") : spec, "template");
  if (!isRecord(metadata) || !isRecord(template)) return undefined;
  const { name, namespace } = metadata;
  const labels = at(template, "metadata", "labels");
  return { apiVersion: "v1", kind: "Pod", metadata: { name, namespace, labels }, spec: template["spec"] };
}

function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce((inner, step) => (isRecord(inner) ? inner[step] : undefined), value);
}

/** The key of a pod that podOfWorkload made. */
export function keyOfMade(pod: object): string {
  const of = (field: string) => at(pod, "metadata", field);
  return `${of("namespace") ?? "default"}/${of("name")}`;
}

/** Where a workload's real pods are there, the one that was made for it is too many. */
export function withoutReplaced(changes: readonly RawChange[], made: ReadonlySet<string>): readonly RawChange[] {
  const pods = changes.filter(({ kind }) => kind === "Pod");
  const real = Map.groupBy(
    pods.filter(({ key }) => !made.has(key)),
    ({ key }) => namespaceOf(key),
  );
  const isReplaced = ({ kind, key, object }: RawChange) =>
    kind === "Pod" &&
    made.has(key) &&
    (real.get(namespaceOf(key)) ?? []).some((pod) => hasLabels(pod.object, at(object, "metadata", "labels")));
  return changes.filter((change) => !isReplaced(change));
}

function namespaceOf(key: string): string {
  return key.slice(0, key.indexOf("/"));
}

function hasLabels(pod: unknown, labels: unknown): boolean {
  const own = at(pod, "metadata", "labels");
  const asked = Object.entries(isRecord(labels) ? labels : {});
  return asked.length > 0 && isRecord(own) && asked.every(([key, value]) => own[key] === value);
}
