import { type Document, isAlias, isMap, isPair, isScalar, LineCounter, type Pair, parseAllDocuments } from "yaml";
import { isRecord, keyOf, readPath, WATCHED_KINDS, type WatchedKind } from "#controller/watch/kinds.ts";
import type { Kind, RawChange } from "#pipeline/source.ts";

/** One object of a file, pruned as the API's are. */
export interface ManifestObject {
  readonly kind: Kind;
  readonly key: string;
  readonly object: unknown;
  readonly line: number;
}

export interface ManifestProblem {
  readonly line: number;
  readonly field: string;
  readonly message: string;
}

export interface ParsedManifest {
  readonly objects: readonly ManifestObject[];
  readonly problems: readonly ManifestProblem[];
}

/** What would run pods in a cluster; in a folder there is nobody to do it, and silence would puzzle. */
const WORKLOADS = "Deployment ReplicaSet StatefulSet DaemonSet Job CronJob ReplicationController".split(" ");
/** What nobody enforces any more, though it was meant to close something. */
const FORMER = ["AdminNetworkPolicy", "BaselineAdminNetworkPolicy"];
const NAME = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const MAX_DEPTH = 100;

/** The Pods that somebody would make of a workload, where there is somebody: a Deployment, a Job. */
export type ExpandWorkload = (workload: Readonly<Record<string, unknown>>) => readonly unknown[];

/** What was read so far, and how. */
interface Reading {
  readonly objects: ManifestObject[];
  readonly problems: ManifestProblem[];
  readonly expand: ExpandWorkload | undefined;
}

/** Reads one file: several documents, and lists of objects. It never throws; each problem has its line. */
export function parseManifest(text: string, expand?: ExpandWorkload): ParsedManifest {
  const reading: Reading = { objects: [], problems: [], expand };
  const { objects, problems } = reading;
  const lines = new LineCounter();
  const lineOf = (offset: number | undefined) => Math.max(1, lines.linePos(offset ?? 0).line);
  for (const document of parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, logLevel: "error" })) {
    for (const { message, pos } of document.errors)
      problems.push({ line: lineOf(pos[0]), field: "", message: `is not YAML: ${message}` });
    if (document.errors.length > 0 || document.contents === null) continue;
    const where = (path: readonly string[]) => lineOf(offsetOf(document, path));
    const value = toPlain(document);
    if (value instanceof Error) problems.push({ line: where([]), field: "", message: value.message });
    else if (value !== null) read(value, [], where, reading);
  }
  return { objects, problems };
}

/** Aliases may multiply without bound ("billion laughs"); the library throws at its own limit. */
function toPlain(document: Document.Parsed): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_DEPTH });
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function read(
  value: unknown,
  path: readonly string[],
  where: (path: readonly string[]) => number,
  reading: Reading,
): void {
  const { objects, problems, expand } = reading;
  const report = (steps: readonly string[], message: string) =>
    problems.push({ line: where([...path, ...steps]), field: spell([...path, ...steps]), message });
  if (!isRecord(value)) return void report([], "is no object; a Kubernetes object has apiVersion, kind and metadata");
  const { kind, apiVersion, items } = value;
  if (typeof kind !== "string" || kind === "") return void report(["kind"], "is missing; write for example kind: Pod");
  if (typeof apiVersion !== "string")
    return void report(["apiVersion"], `is missing; write for example apiVersion: v1`);
  if (kind.endsWith("List")) {
    if (!Array.isArray(items)) return void report(["items"], `is no list; a ${kind} has items: [...]`);
    items.forEach((item, i) => {
      read(typedItem(item, kind, apiVersion), [...path, "items", String(i)], where, reading);
    });
    return;
  }
  if (WORKLOADS.includes(kind) && expand !== undefined) {
    for (const pod of expand(value)) read(pod, path, where, reading);
    return;
  }
  if (WORKLOADS.includes(kind))
    return void report(["kind"], `is ${kind}, of which nobody makes pods here; write the Pods themselves`);
  if (FORMER.includes(kind))
    return void report(
      ["kind"],
      `is ${kind}, which is not read; weirctl policy convert makes a ClusterNetworkPolicy of it`,
    );
  const watched = WATCHED_KINDS.find((one) => one.kind === kind);
  if (watched === undefined) return;
  if (apiVersion !== watched.apiVersion)
    return void report(["apiVersion"], `is ${apiVersion}; a ${kind} has apiVersion: ${watched.apiVersion}`);
  const complaint = nameComplaint(value, watched);
  if (complaint !== undefined) return void report(complaint.path, complaint.message);
  objects.push(toObject(withNamespace(value, watched), watched, where(path)));
}

/** A member of a PodList may leave out its own kind: the API does so too. */
function typedItem(item: unknown, listKind: string, apiVersion: string): unknown {
  if (!isRecord(item) || listKind === "List") return item;
  return { apiVersion, kind: listKind.slice(0, -"List".length), ...item };
}

function nameComplaint(value: unknown, watched: WatchedKind): { path: string[]; message: string } | undefined {
  const name = readPath(value, ["metadata", "name"]);
  if (typeof name !== "string" || !NAME.test(name)) {
    const found = name === undefined ? "is missing" : `is ${JSON.stringify(name)}`;
    return { path: ["metadata", "name"], message: `${found}; a name has lower case letters, digits, '-' and '.'` };
  }
  const namespace = readPath(value, ["metadata", "namespace"]);
  if (!watched.namespaced || namespace === undefined || namespace === null) return undefined;
  if (typeof namespace === "string" && NAME.test(namespace)) return undefined;
  return { path: ["metadata", "namespace"], message: `is ${JSON.stringify(namespace)}; write a namespace's name` };
}

/** As the API server does: a namespaced object without a namespace is in "default", others have none. */
function withNamespace(value: Record<string, unknown>, watched: WatchedKind): Record<string, unknown> {
  const metadata = isRecord(value["metadata"]) ? { ...value["metadata"] } : {};
  if (watched.namespaced) metadata["namespace"] ??= "default";
  else delete metadata["namespace"];
  return { ...value, metadata };
}

function toObject(value: Record<string, unknown>, watched: WatchedKind, line: number): ManifestObject {
  return {
    kind: watched.kind,
    key: keyOf(value) ?? "",
    object: watched.prune(value),
    line,
  };
}

/** Where the key at the end of `path` stands, or else the innermost thing around it that stands somewhere. */
function offsetOf(document: Document.Parsed, path: readonly string[]): number | undefined {
  let node: unknown = document.contents;
  let offset = document.contents?.range?.[0];
  for (const step of path) {
    if (isAlias(node)) return offset;
    if (isMap(node)) {
      const pair: Pair | undefined = node.items.find(
        (item) => isPair(item) && isScalar(item.key) && item.key.value === step,
      );
      if (pair === undefined) return offset;
      offset = isScalar(pair.key) ? (pair.key.range?.[0] ?? offset) : offset;
      node = pair.value;
    } else {
      const item: unknown = Reflect.get(Object(Reflect.get(Object(node), "items") ?? []), step);
      const range: unknown = Reflect.get(Object(item), "range");
      if (Array.isArray(range) && typeof range[0] === "number") offset = range[0];
      node = item;
    }
  }
  return offset;
}

function spell(path: readonly string[]): string {
  return path.map((step, i) => (/^\d+$/.test(step) ? `[${step}]` : i === 0 ? step : `.${step}`)).join("");
}

/** The change that brings an object. */
export function toChange(found: ManifestObject): RawChange {
  return { kind: found.kind, key: found.key, object: found.object };
}
