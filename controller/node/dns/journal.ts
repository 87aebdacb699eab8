import { type FileHandle, mkdir, open, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatIp, parseIp } from "#base/address.ts";
import { describeError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { unfinishedPath } from "../system/replace-file.ts";
import type { NameEntry } from "./name-table.ts";

/** An address of a name until a time, or no more. */
export type JournalEntry = Pick<NameEntry, "name" | "ip"> & { readonly until: number | undefined };

/**
 * What is known of names, on disk: the process that starts next knows what this one knew when it ended, however it did. A
 * line is added for each thing learnt; where the machine ends as well, what the lines say is of no use, so none is synced.
 */
export interface Journal {
  /** The last word on each address of each name; nothing where there is no journal, or another node's. */
  recall(): Promise<readonly JournalEntry[]>;
  /** Resolves when it is written, or cannot be. What is written meanwhile goes together. */
  write(entries: readonly JournalEntry[]): Promise<void>;
  /** Writes what is not written yet. */
  close(): Promise<void>;
}

export interface JournalOptions {
  /** The state directory. */
  readonly directory: string;
  /** What another node has learnt is of no use: a disk may have been copied. */
  readonly nodeName: string;
  readonly log: Log;
  /** All that is known; with it the journal begins anew when it has grown. */
  entries(): Iterable<NameEntry>;
}

const FORMAT = 1;
/** So many lines, beside four for each address that is known. */
const MOST_LINES = 1000;

export function journalPath(directory: string): string {
  return join(directory, "names.jsonl");
}

export function createJournal({ directory, nodeName, log, entries }: JournalOptions): Journal {
  const path = journalPath(directory);
  const head = JSON.stringify({ format: FORMAT, nodeName });
  let file: FileHandle | undefined;
  let lines = 0;
  let limit = 0;
  let waiting: JournalEntry[] = [];
  let writing = Promise.resolve();

  async function beginAnew(): Promise<void> {
    await file?.close();
    file = undefined;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const all = [...entries()].map(formatEntry);
    await writeFile(unfinishedPath(path), [head, ...all, ""].join("\n"), { mode: 0o600 });
    await rename(unfinishedPath(path), path);
    file = await open(path, "a");
    lines = all.length;
    limit = MOST_LINES + 4 * all.length;
  }

  async function flush(): Promise<void> {
    const due = waiting;
    if (due.length === 0) return;
    waiting = [];
    lines += due.length;
    try {
      if (file === undefined || lines > limit) await beginAnew();
      else await file.write(`${due.map(formatEntry).join("\n")}\n`);
    } catch (error) {
      // The next one begins anew.
      await file?.close().catch(() => undefined);
      file = undefined;
      log.warn("what pods were told of names was not saved", { path, error: describeError(error) });
    }
  }

  return {
    async recall() {
      try {
        return decode(await readFile(path, "utf8"), head);
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "ENOENT"))
          log.warn("what pods were told of names cannot be read", { path, error: describeError(error) });
        return [];
      }
    },
    write(added) {
      waiting.push(...added);
      writing = writing.then(flush);
      return writing;
    },
    async close() {
      await writing;
      await file?.close();
      file = undefined;
    },
  };
}

function formatEntry({ name, ip, until }: JournalEntry): string {
  return JSON.stringify([name, formatIp(ip), ...(until === undefined ? [] : [until])]);
}

/** A line that was not written to its end is the last one. */
function decode(text: string, head: string): readonly JournalEntry[] {
  const [first, ...lines] = text.split("\n");
  if (first !== head) return [];
  const last = new Map<string, JournalEntry>();
  for (const line of lines) {
    const entry = decodeLine(line);
    if (entry !== undefined) last.set(`${entry.name} ${entry.ip}`, entry);
  }
  return [...last.values()].filter(({ until }) => until !== undefined);
}

function decodeLine(line: string): JournalEntry | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (!Array.isArray(value)) return undefined;
    const [name, address, until]: unknown[] = value;
    const ip = typeof address === "string" ? parseIp(address) : undefined;
    if (typeof name !== "string" || ip === undefined) return undefined;
    return { name, ip, until: typeof until === "number" ? until : undefined };
  } catch {
    return undefined;
  }
}
