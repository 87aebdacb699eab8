import { resolve } from "node:path";
import { parseManifest, toChange } from "#controller/node/watch/manifests/parse.ts";
import { readManifests } from "#controller/node/watch/manifests.ts";
import { type Cluster, readCluster } from "#pipeline/explain/cluster.ts";
import type { Problem } from "#pipeline/problem.ts";
import type { RawChange } from "#pipeline/source.ts";
import type { Io } from "./io.ts";

/** Manifests as a command was given them. */
export interface Manifests {
  readonly changes: readonly RawChange[];
  readonly cluster: Cluster;
  /** Of the files, and of the objects in them. */
  readonly problems: readonly Problem[];
}

/**
 * Reads them, and says to the person what was wrong and what had to be assumed. Where there is "-" instead of a folder, what
 * `kubectl get -o yaml` writes is read from stdin. Files in the folder that are `ignored` are no manifests.
 */
export async function openManifests(
  io: Io,
  folder: string,
  ignored: ReadonlySet<string> = new Set(),
): Promise<Manifests> {
  const { changes, problems } = folder === "-" ? await readStdin(io) : await readManifests(folder);
  const cluster = readCluster(changes);
  const isMeant = ({ object }: Problem) => !ignored.has(resolve(folder, object.replace(/:\d+$/, "")));
  const all = [...problems.filter(isMeant), ...cluster.problems];
  for (const problem of all) io.say(formatProblem(problem));
  const [first] = cluster.assumptions;
  const others = cluster.assumptions.length - 1;
  if (first !== undefined)
    io.say(`assumed: ${first}${others > 0 ? `, and so for ${others} more without an address` : ""}`);
  return { changes, cluster, problems: all };
}

async function readStdin(io: Io): Promise<Pick<Manifests, "changes" | "problems">> {
  const lines: string[] = [];
  for await (const line of io.lines()) lines.push(line);
  const { objects, problems } = parseManifest(lines.join("\n"));
  return {
    changes: objects.map(toChange),
    problems: problems.map(({ line, ...one }) => ({ source: "manifests", object: `stdin:${line}`, ...one })),
  };
}

export function formatProblem({ object, field, message }: Problem): string {
  return field === "" ? `${object}: ${message}` : `${object}: ${field}: ${message}`;
}
