/** The program of one run: fills an index with the cluster that its argument names and prints a Measured. */
import { createSelectionIndex, type SelectionIndex } from "#pipeline/index/selection-index.ts";
import { ingest } from "#pipeline/ingest/ingest.ts";
import type { ObjectChange } from "#pipeline/model/model.ts";
import type { RawChange } from "#pipeline/source.ts";
import { CLUSTERS } from "./clusters.ts";

/** Times in milliseconds. */
export interface Measured {
  readonly ingest: number;
  readonly index: number;
  readonly podChanges: readonly number[];
  readonly policyChanges: readonly number[];
  readonly peakMegabytes: number;
}

const REPEATS = 200;

function read(raw: RawChange): ObjectChange {
  const { kind, key } = raw;
  return { kind, key, before: undefined, after: ingest("bench", raw).value } as ObjectChange;
}

function measure(name: string): Measured {
  const cluster = CLUSTERS.find((one) => one.name === name);
  if (cluster === undefined) throw new Error(`no cluster is called ${name}`);
  const changes: ObjectChange[] = [];
  let ingestTime = 0;
  for (const raw of cluster.objects()) {
    const started = performance.now();
    const change = read(raw);
    ingestTime += performance.now() - started;
    changes.push(change);
  }
  const index = createSelectionIndex();
  const started = performance.now();
  index.apply(changes);
  const indexTime = performance.now() - started;
  const peakMegabytes = process.resourceUsage().maxRSS / 1024;
  return { ingest: ingestTime, index: indexTime, ...measureChanges(index, changes), peakMegabytes };
}

/** A pod gets other labels, goes and returns; a policy comes that selects as none does yet, and goes. */
function measureChanges(
  index: SelectionIndex,
  all: readonly ObjectChange[],
): Pick<Measured, "podChanges" | "policyChanges"> {
  const pod = all.find((change) => change.kind === "Pod")?.after;
  if (pod === undefined) throw new Error("a cluster without pods");
  const key = `${pod.namespace}/${pod.name}`;
  const relabelled = { ...pod, labels: new Map([...pod.labels, ["relabelled", "yes"]]) };
  const states = [pod, relabelled, undefined, pod];
  const podChanges = states.slice(1).map((after, i) => ({ kind: "Pod" as const, key, before: states[i], after }));
  const [label = ""] = pod.labels.keys();
  const added = read(newPolicy(`${pod.namespace}/added`, label));
  const removed = { ...added, before: added.after, after: undefined } as ObjectChange;
  return { podChanges: repeat(index, podChanges), policyChanges: repeat(index, [added, removed]) };
}

/** For and from all pods that have a label, whatever its value. */
function newPolicy(key: string, label: string): RawChange {
  const podSelector = { matchExpressions: [{ key: label, operator: "Exists" }] };
  return { kind: "NetworkPolicy", key, object: { spec: { podSelector, ingress: [{ from: [{ podSelector }] }] } } };
}

function repeat(index: SelectionIndex, changes: readonly ObjectChange[]): readonly number[] {
  return Array.from({ length: REPEATS }).flatMap(() =>
    changes.map((change) => {
      const started = performance.now();
      index.apply([change]);
      return performance.now() - started;
    }),
  );
}

process.stdout.write(JSON.stringify(measure(process.argv[2] ?? "")));
