import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describeError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { isRecord } from "#controller/watch/kinds.ts";
import { replaceFile } from "../system/replace-file.ts";

/**
 * The last intent seen, on disk: used only until the API server answers after a restart. A file a source, each replaced as
 * a whole; one that cannot be read is as good as none.
 */
export interface IntentCache {
  /** Undefined when nothing usable is there. */
  recall(source: string): Promise<ReadonlyMap<string, unknown> | undefined>;
  /** Writes all objects, soon: many calls in a row are one writing, of what the map holds by then. */
  remember(source: string, objects: ReadonlyMap<string, unknown>): void;
  /** Writes what is not written yet and stops. */
  close(): Promise<void>;
}

export interface IntentCacheOptions {
  /** The state directory; the files are in its subfolder "intent". */
  readonly directory: string;
  /** Objects of another node are of no use: a disk may have been copied. */
  readonly nodeName: string;
  readonly log: Log;
  /** From a change to its writing, in milliseconds. */
  readonly delay?: number;
}

const FORMAT = 1;

export function createIntentCache({ directory, nodeName, log, delay = 5000 }: IntentCacheOptions): IntentCache {
  const folder = join(directory, "intent");
  const waiting = new Map<string, ReadonlyMap<string, unknown>>();
  let timer: NodeJS.Timeout | undefined;
  let writing = Promise.resolve();

  const flush = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    const due = [...waiting];
    waiting.clear();
    writing = writing.then(async () => {
      for (const [source, objects] of due) {
        try {
          await mkdir(folder, { recursive: true, mode: 0o700 });
          const text = JSON.stringify({ format: FORMAT, nodeName, objects: [...objects] });
          await replaceFile(pathOf(folder, source), text);
        } catch (error) {
          log.warn("the last intent was not saved", { source, folder, error: describeError(error) });
        }
      }
    });
    return writing;
  };
  return {
    async recall(source) {
      const path = pathOf(folder, source);
      try {
        return decode(JSON.parse(await readFile(path, "utf8")), nodeName);
      } catch (error) {
        if (!isNotFound(error)) log.warn("the last intent cannot be read", { path, error: describeError(error) });
        return undefined;
      }
    },
    remember(source, objects) {
      waiting.set(source, objects);
      timer ??= setTimeout(() => void flush(), delay).unref();
    },
    close: flush,
  };
}

function pathOf(folder: string, source: string): string {
  return join(folder, `${source.replaceAll("/", "-")}.json`);
}

function decode(value: unknown, nodeName: string): ReadonlyMap<string, unknown> | undefined {
  if (!isRecord(value) || value["format"] !== FORMAT || value["nodeName"] !== nodeName) return undefined;
  const objects = new Map<string, unknown>();
  for (const entry of Array.isArray(value["objects"]) ? value["objects"] : []) {
    if (Array.isArray(entry) && typeof entry[0] === "string" && isRecord(entry[1])) objects.set(entry[0], entry[1]);
  }
  return objects;
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
