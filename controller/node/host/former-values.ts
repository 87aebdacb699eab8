import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { WeirError } from "#base/errors.ts";
import { isListed } from "../system/commands.ts";
import { replaceFile, unfinishedPath } from "../system/replace-file.ts";

/** What sysctls were before Weir's first change of each, on disk, so that any later process can write them back. */
export interface FormerValues {
  /** Values of keys that are known already are not taken: those would be ours. On disk when this resolves. */
  remember(values: ReadonlyMap<string, string>): Promise<void>;
  /** In the order in which they were remembered. */
  recall(): Promise<ReadonlyMap<string, string>>;
  forget(): Promise<void>;
}

export class FormerValuesError extends WeirError {}

const FORMAT = 1;

/** The file is `host.json` in the state directory. */
export function createFormerValues(stateDirectory: string): FormerValues {
  const path = join(stateDirectory, "host.json");
  let known: Map<string, string> | undefined;

  async function load(): Promise<Map<string, string>> {
    known ??= await readValues(path);
    return known;
  }

  return {
    async remember(values) {
      const next = new Map(await load());
      for (const [key, value] of values) if (!next.has(key)) next.set(key, value);
      if (next.size === known?.size) return;
      await mkdir(stateDirectory, { recursive: true, mode: 0o700 });
      await replaceFile(path, `${JSON.stringify({ format: FORMAT, sysctls: [...next] })}\n`);
      known = next;
    },
    recall: load,
    async forget() {
      await rm(path, { force: true });
      await rm(unfinishedPath(path), { force: true });
      known = new Map();
    },
  };
}

/** A file that cannot be read is no reason to forget what is in it: somebody has to look. */
async function readValues(path: string): Promise<Map<string, string>> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return new Map();
    throw unreadable(path, error);
  }
  try {
    const content: unknown = JSON.parse(text);
    const entries: unknown = isListed(content) && content["format"] === FORMAT ? content["sysctls"] : undefined;
    if (!Array.isArray(entries)) throw new Error(`{"format": ${FORMAT}, "sysctls": [...]} is expected`);
    return new Map(entries.map((entry) => readEntry(entry)));
  } catch (error) {
    throw unreadable(path, error);
  }
}

function readEntry(entry: unknown): [string, string] {
  // A key is a path to write to: nothing outside of the network's sysctls was ever ours.
  if (Array.isArray(entry) && typeof entry[1] === "string" && /^net\/(?!.*\.\.(\/|$))/.test(String(entry[0])))
    return [String(entry[0]), entry[1]];
  throw new Error(`["net/...", "value"] is expected instead of ${JSON.stringify(entry)}`);
}

function unreadable(path: string, cause: unknown): FormerValuesError {
  const message = `${path}, which says what sysctls were before Weir, cannot be read; mend it, or remove it to take the values of now for the former ones`;
  return new FormerValuesError("E_FORMER_VALUES", message, { path }, cause);
}
