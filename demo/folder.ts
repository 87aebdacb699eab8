import { globSync, readFileSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type Document, isMap, isScalar, parseAllDocuments, stringify } from "yaml";
import { isRecord } from "#pipeline/ingest/reader.ts";
import type { KubeObject } from "#test/rig/kube-rig-client.ts";
import { type ControlPlane, nameOf, type PodAddresses, slicesOf, statusOf } from "./control-plane.ts";

const PATTERN = "**/*.{yaml,yml}";
const SLICES = "endpoint-slices-of-services.yaml";

/** The objects of every manifest. A document that does not parse is left to the watcher of the folder to tell of. */
export function readObjects(directory: string): KubeObject[] {
  return listFiles(directory)
    .flatMap((file) => parseAllDocuments(readFileSync(join(directory, file), "utf8")))
    .filter((document) => document.errors.length === 0 && document.contents !== null)
    .map((document): unknown => document.toJS())
    .filter(isObject);
}

function isObject(value: unknown): value is KubeObject {
  return isRecord(value) && typeof value["kind"] === "string" && isRecord(value["metadata"]);
}

function listFiles(directory: string): string[] {
  return globSync(PATTERN, { cwd: directory }).sort();
}

/**
 * A copy of the folder, for the nodes to watch, in which pods have the status that a kubelet would write, and services their
 * endpoints. All else is as it stands in the original, mistakes too.
 */
export function createFolderCopy(directory: string, copy: string): ControlPlane {
  return {
    async publish(addresses) {
      const files = listFiles(directory);
      for (const file of files)
        await put(join(copy, file), addStatuses(await readFile(join(directory, file), "utf8"), addresses));
      const slices = slicesOf(readObjects(directory), addresses);
      await put(join(copy, SLICES), slices.map((slice) => stringify(slice)).join("---\n"));
      const gone = listFiles(copy).filter((file) => file !== SLICES && !files.includes(file));
      await Promise.all(gone.map((file) => rm(join(copy, file))));
      return new Map();
    },
  };
}

/** Whole or not at all: somebody is watching. */
async function put(path: string, text: string): Promise<void> {
  if ((await readFile(path, "utf8").catch(() => undefined)) === text) return;
  await mkdir(dirname(path), { recursive: true });
  const draft = join(dirname(path), `.${basename(path)}`);
  await writeFile(draft, text);
  await rename(draft, path);
}

/** One line more in each pod that runs and has no status. */
export function addStatuses(text: string, addresses: PodAddresses): string {
  const insertions = parseAllDocuments(text).flatMap((document) => {
    const end = endOfKind(document);
    const value: unknown = document.errors.length === 0 ? document.toJS() : undefined;
    if (end === undefined || !isObject(value) || value.kind !== "Pod" || "status" in value) return [];
    const own = addresses.get(nameOf(value));
    return own === undefined ? [] : [{ end, line: `\nstatus: ${JSON.stringify(statusOf(own))}` }];
  });
  return insertions.reduceRight((before, { end, line }) => before.slice(0, end) + line + before.slice(end), text);
}

function endOfKind({ contents }: Document.Parsed): number | undefined {
  if (!isMap(contents) || contents.flow === true) return undefined;
  const pair = contents.items.find(({ key }) => isScalar(key) && key.value === "kind");
  return isScalar(pair?.value) ? pair.value.range?.[1] : undefined;
}
