import { readdir, readFile, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { describeError } from "#base/errors.ts";
import type { Problem } from "#pipeline/problem.ts";
import { type ExpandWorkload, type ManifestObject, type ParsedManifest, parseManifest } from "./parse.ts";

export const MANIFESTS_SOURCE = "manifests";

const SUFFIXES = [".yaml", ".yml", ".json"];
const MAX_FILE_BYTES = 32 * 1024 * 1024;

export type Directories = ReadonlyMap<string, number>;

interface FileState {
  /** Size, times and inode: a file with the same one is not read again. */
  readonly signature: string;
  readonly problems: readonly Problem[];
  readonly objects: readonly ManifestObject[];
}

export interface FolderContent {
  /** By "Kind key". */
  readonly objects: ReadonlyMap<string, ManifestObject>;
  readonly problems: readonly Problem[];
  /** The folder and its subfolders, each with its inode: what is to be watched. A folder made anew is another one. */
  readonly directories: Directories;
}

/** A folder of manifests, as it was when last read. Only files that changed are read and parsed again. */
export interface ManifestFolder {
  /** Undefined with a problem when the folder cannot be read at all; then nothing of the last reading is lost. */
  read(): Promise<FolderContent | { readonly unreadable: Problem }>;
}

export function createManifestFolder(directory: string, expand?: ExpandWorkload): ManifestFolder {
  let files: ReadonlyMap<string, FileState> = new Map();
  return {
    async read() {
      const directories = new Map<string, number>();
      let paths: readonly string[];
      try {
        paths = await listFiles(directory, directories);
      } catch (error) {
        return {
          unreadable: problemOf(directory, `cannot be read (${describeError(error)}); name a folder of manifests`),
        };
      }
      const next = new Map<string, FileState>();
      for (const path of paths) {
        const state = await readManifestFile(path, relative(directory, path), files.get(path), expand);
        if (state !== undefined) next.set(path, state);
      }
      files = next;
      return mergeFiles(directory, files, directories);
    },
  };
}

/** Sorted, so that of two objects with one name always the same one counts. Hidden names are skipped: "..data", ".git". */
async function listFiles(directory: string, directories: Map<string, number>, depth = 0): Promise<readonly string[]> {
  const found: string[] = [];
  directories.set(directory, (await stat(directory)).ino);
  const entries = (await readdir(directory, { withFileTypes: true })).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    if (entry.name.startsWith(".")) continue;
    const path = join(directory, entry.name);
    if (entry.isDirectory()) {
      // A subfolder that vanishes while we look is simply not there.
      if (depth < 16) found.push(...(await listFiles(path, directories, depth + 1).catch(() => [])));
    } else if (SUFFIXES.some((suffix) => entry.name.endsWith(suffix))) found.push(path);
  }
  return found;
}

async function readManifestFile(
  path: string,
  name: string,
  last: FileState | undefined,
  expand: ExpandWorkload | undefined,
): Promise<FileState | undefined> {
  let signature = "";
  try {
    const { size, mtimeNs, ctimeNs, ino } = await stat(path, { bigint: true });
    signature = [size, mtimeNs, ctimeNs, ino].join(" ");
    if (signature === last?.signature) return last;
    if (size > MAX_FILE_BYTES) throw new Error(`${size} bytes; at most ${MAX_FILE_BYTES} are read`);
    const parsed = parseManifest(await readFile(path, "utf8"), expand);
    return {
      signature,
      objects: keepLastGood(parsed, last),
      problems: parsed.problems.map((one) => locate(name, one)),
    };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    return {
      signature,
      objects: last?.objects ?? [],
      problems: [problemOf(name, `cannot be read: ${describeError(error)}`)],
    };
  }
}

/** While something in a file is wrong, an object that was in it and is not found now may be what is wrong: it stays. */
function keepLastGood(parsed: ParsedManifest, last: FileState | undefined): readonly ManifestObject[] {
  if (parsed.problems.length === 0 || last === undefined) return parsed.objects;
  const present = new Set(parsed.objects.map(identityOf));
  return [...parsed.objects, ...last.objects.filter((object) => !present.has(identityOf(object)))];
}

function mergeFiles(directory: string, files: ReadonlyMap<string, FileState>, directories: Directories): FolderContent {
  const objects = new Map<string, ManifestObject>();
  const homes = new Map<string, string>();
  const problems: Problem[] = [];
  for (const [path, file] of files) {
    problems.push(...file.problems);
    for (const object of file.objects) {
      const identity = identityOf(object);
      const home = homes.get(identity);
      const here = `${relative(directory, path)}:${object.line}`;
      if (home !== undefined)
        problems.push(problemOf(here, `${identity} is already in ${home}, which counts; remove one`));
      else {
        homes.set(identity, here);
        objects.set(identity, object);
      }
    }
  }
  return { objects, problems, directories };
}

export function identityOf(object: ManifestObject): string {
  return `${object.kind} ${object.key}`;
}

function locate(name: string, { line, field, message }: ParsedManifest["problems"][number]): Problem {
  return { source: MANIFESTS_SOURCE, object: `${name}:${line}`, field, message };
}

function problemOf(object: string, message: string): Problem {
  return { source: MANIFESTS_SOURCE, object, field: "", message };
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
