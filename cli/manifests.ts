import { resolve } from "node:path";
import { type ExpandWorkload, parseManifest, toChange } from "#controller/node/watch/manifests/parse.ts";
import { readManifests } from "#controller/node/watch/manifests.ts";
import { type Cluster, readCluster } from "#pipeline/explain/cluster.ts";
import { keyOfMade, podOfWorkload, withoutReplaced } from "#pipeline/explain/workload-pods.ts";
import type { Problem } from "#pipeline/problem.ts";
import type { RawChange } from "#pipeline/source.ts";
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
 * `kubectl get -o yaml` writes is read from stdin. Files in the folder that are `ignored` are no manifests.
 */
export async function openManifests(
  io: Io,
  folder: string,
  ignored: ReadonlySet<string> = new Set(),
): Promise<Manifests> {
  const made = new Set<string>();
  const expand: ExpandWorkload = (workload) => {
    const pod = podOfWorkload(workload);
    if (pod === undefined) return [];
    made.add(keyOfMade(pod));
    return [pod];
  };
  const read = folder === "-" ? await readStdin(io, expand) : await readManifests(folder, expand);
  const changes = withoutReplaced(read.changes, made);
  const cluster = readCluster(changes);
  const isMeant = ({ object }: Problem) => !ignored.has(resolve(folder, object.replace(/:\d+$/, "")));
  const problems = [...read.problems.filter(isMeant), ...cluster.problems];
  for (const problem of problems) io.say(formatProblem(problem));
  sayAssumptions(io, [
    ...changes
      .filter(({ kind, key }) => kind === "Pod" && made.has(key))
      .map(({ key }) => `pod ${key}: of its workload`),
    ...cluster.assumptions,
  ]);
  return { changes, cluster, problems };
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
