import { resolve } from "node:path";
import { type ExpandWorkload, parseManifest, toChange } from "#controller/node/watch/manifests/parse.ts";
import { readManifests } from "#controller/node/watch/manifests.ts";
import { type Cluster, readCluster } from "#pipeline/explain/cluster.ts";
import { keyOfMade, podOfWorkload, withoutReplaced } from "#pipeline/explain/workload-pods.ts";
import type { Problem } from "#pipeline/problem.ts";
import type { RawChange } from "#pipeline/source.ts";
import type { ClusterSource } from "./cluster-option.ts";
import { formatProblem } from "./format-problem.ts";
import type { Io } from "./io.ts";

/** Manifests as a command was given them. */
export interface Manifests {
  readonly changes: readonly RawChange[];
  readonly cluster: Cluster;
  /** Of the files, and of the objects in them. */
  readonly problems: readonly Problem[];
}

type Reading = Pick<Manifests, "changes" | "problems">;

/**
 * Reads them, and says to the person what was wrong and what had to be assumed. Where there is "-" instead of a folder, what
 * `kubectl get -o yaml` writes is read from stdin; where there is a cluster, its API server is asked. Files in the folder that are `ignored` are no manifests.
 */
export async function openManifests(
  io: Io,
  source: string | ClusterSource,
  ignored: ReadonlySet<string> = new Set(),
): Promise<Manifests> {
  if (typeof source !== "string") return open(io, { changes: await readLive(io, source), problems: [] });
  return open(io, await readFolder(io, source, ignored));
}

/** A cluster as it would be if these manifests were applied to it. */
export async function openApplied(io: Io, source: ClusterSource, folder: string): Promise<Manifests> {
  const [there, { changes, ...rest }] = [await readLive(io, source), await readFolder(io, folder, new Set())];
  const replaced = new Set(changes.map(({ kind, key }) => `${kind} ${key}`));
  const kept = there.filter(({ kind, key }) => !replaced.has(`${kind} ${key}`));
  return open(io, { ...rest, changes: [...kept, ...changes] });
}

interface Read extends Reading {
  /** Pods that were made of workloads. */
  readonly made?: ReadonlySet<string>;
}

function open(io: Io, { changes, made = new Set(), ...read }: Read): Manifests {
  const cluster = readCluster(changes);
  const problems = [...read.problems, ...cluster.problems];
  for (const problem of problems) io.say(formatProblem(problem));
  sayAssumptions(io, [
    ...changes
      .filter(({ kind, key }) => kind === "Pod" && made.has(key))
      .map(({ key }) => `pod ${key}: of its workload`),
    ...cluster.assumptions,
  ]);
  return { changes, cluster, problems };
}

/** Loaded when needed: whoever asks about files speaks with nobody. */
async function readLive(io: Io, source: ClusterSource): Promise<readonly RawChange[]> {
  const { readLiveObjects } = await import("./live-cluster.ts");
  return readLiveObjects(source, io);
}

async function readFolder(io: Io, folder: string, ignored: ReadonlySet<string>): Promise<Read> {
  const made = new Set<string>();
  const expand: ExpandWorkload = (workload) => {
    const pod = podOfWorkload(workload);
    if (pod === undefined) return [];
    made.add(keyOfMade(pod));
    return [pod];
  };
  const read = folder === "-" ? await readStdin(io, expand) : await readManifests(folder, expand);
  const isMeant = ({ object }: Problem) => !ignored.has(resolve(folder, object.replace(/:\d+$/, "")));
  return { changes: withoutReplaced(read.changes, made), problems: read.problems.filter(isMeant), made };
}

function sayAssumptions(io: Io, [first, ...others]: readonly string[]): void {
  if (first === undefined) return;
  io.say(`assumed: ${first}${others.length > 0 ? `, and ${others.length} more, such as ${others.at(-1)}` : ""}`);
}

async function readStdin(io: Io, expand: ExpandWorkload): Promise<Reading> {
  const lines: string[] = [];
  for await (const line of io.lines()) lines.push(line);
  const { objects, problems } = parseManifest(lines.join("\n"), expand);
  return {
    changes: objects.map(toChange),
    problems: problems.map(({ line, ...one }) => ({ source: "manifests", object: `stdin:${line}`, ...one })),
  };
}
