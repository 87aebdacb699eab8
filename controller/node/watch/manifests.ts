import { type FSWatcher, watch } from "node:fs";
import { Observable } from "rxjs";
import { isEqual } from "#base/equal.ts";
import { describeError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { Problem } from "#pipeline/problem.ts";
import type { RawChange, SourceBatch } from "#pipeline/source.ts";
import { createManifestFolder, type Directories, identityOf, MANIFESTS_SOURCE } from "./manifests/folder.ts";
import { type ExpandWorkload, type ManifestObject, toChange } from "./manifests/parse.ts";

export { MANIFESTS_SOURCE } from "./manifests/folder.ts";

export interface ManifestsOptions {
  readonly directory: string;
  readonly log: Log;
  /** All problems of the folder, whenever they differ from those of last time. */
  readonly onProblems?: (problems: readonly Problem[]) => void;
  /** Quiet time after a change before the folder is read: an editor writes, renames and deletes in a row. */
  readonly settle?: number;
  /** The folder is looked at this often without being told: some file systems tell nothing. */
  readonly rescan?: number;
}

/** One reading of a folder, for weirctl. A folder that cannot be read is a problem too. */
export async function readManifests(
  directory: string,
  expand?: ExpandWorkload,
): Promise<{ readonly changes: readonly RawChange[]; readonly problems: readonly Problem[] }> {
  const content = await createManifestFolder(directory, expand).read();
  if ("unreadable" in content) return { changes: [], problems: [content.unreadable] };
  return { changes: [...content.objects.values()].map(toChange), problems: content.problems };
}

/**
 * A folder of YAML manifests as a source: the first batch is the whole of it, each later one the difference that a change on
 * disk made. What is wrong in a file becomes a problem and leaves the last good objects of that file standing. The stream
 * neither errors nor ends.
 */
export function manifestsSource(options: ManifestsOptions): Observable<SourceBatch> {
  return new Observable((subscriber) => {
    const folder = createManifestFolder(options.directory);
    const known = new Map<string, ManifestObject>();
    let problems: readonly Problem[] = [];
    let synced = false;

    const report = (next: readonly Problem[]) => {
      if (isEqual(problems, next)) return;
      problems = next;
      options.onProblems?.(next);
    };
    const scan = async (): Promise<Directories> => {
      const content = await folder.read();
      if (subscriber.closed) return new Map();
      if ("unreadable" in content) {
        report([content.unreadable]);
        return new Map();
      }
      report(content.problems);
      const changes = moveTo(known, content.objects);
      if (changes.length > 0 || !synced) {
        synced = true;
        subscriber.next({ source: MANIFESTS_SOURCE, synced: true, changes });
      }
      return content.directories;
    };
    return watchFolder(options, scan);
  });
}

/** Makes `known` equal to `wanted` and says what had to change. */
function moveTo(known: Map<string, ManifestObject>, wanted: ReadonlyMap<string, ManifestObject>): readonly RawChange[] {
  const changes: RawChange[] = [];
  for (const [identity, { kind, key }] of known) {
    if (wanted.has(identity)) continue;
    known.delete(identity);
    changes.push({ kind, key, object: undefined });
  }
  for (const object of wanted.values()) {
    const before = known.get(identityOf(object));
    if (before !== undefined && isEqual(before.object, object.object)) continue;
    known.set(identityOf(object), object);
    changes.push(toChange(object));
  }
  return changes;
}

/** Calls `scan` at once, after every change on disk, and now and then; never twice at a time. Returns what ends it. */
function watchFolder(options: ManifestsOptions, scan: () => Promise<Directories>): () => void {
  const { settle = 30, rescan = 5000, log, directory } = options;
  let timer: NodeJS.Timeout | undefined;
  let running = false;
  let again = false;
  let ended = false;

  const plan = (wait: number) => {
    clearTimeout(timer);
    if (!ended) timer = setTimeout(run, wait);
  };
  const noteChange = () => {
    again = true;
    if (!running) plan(settle);
  };
  const watches = createWatches(noteChange, log);
  const run = () => {
    running = true;
    again = false;
    scan()
      .then((directories) => {
        // What changed between the reading of a folder and the first watch of it was told to nobody: read once more.
        if (!ended && watches.follow(directories)) again = true;
      })
      .catch((error: unknown) => log.error("manifests were not read", { directory, error: describeError(error) }))
      .finally(() => {
        running = false;
        plan(again ? settle : rescan);
      });
  };
  run();
  return () => {
    ended = true;
    clearTimeout(timer);
    watches.follow(new Map());
  };
}

interface Watches {
  /** Watches exactly these folders; true when one of them was not watched before. */
  follow(directories: Directories): boolean;
}

function createWatches(noteChange: () => void, log: Log): Watches {
  const watches = new Map<string, { readonly inode: number; readonly watcher: FSWatcher }>();
  const drop = (path: string) => {
    watches.get(path)?.watcher.close();
    watches.delete(path);
  };
  const start = (path: string, inode: number): boolean => {
    try {
      const watcher = watch(path, noteChange);
      watcher.on("error", () => drop(path));
      watches.set(path, { inode, watcher });
      return true;
    } catch (error) {
      // Gone already, or the system's limit of watches: the next reading tells.
      log.debug("folder is not watched", { path, error: describeError(error) });
      return false;
    }
  };
  return {
    follow(directories) {
      for (const [path, { inode }] of watches) if (directories.get(path) !== inode) drop(path);
      const missing = [...directories].filter(([path]) => !watches.has(path));
      return missing.filter(([path, inode]) => start(path, inode)).length > 0;
    },
  };
}
