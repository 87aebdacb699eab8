import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { replaceFile, unfinishedPath } from "../system/replace-file.ts";

export interface ConflistOptions {
  readonly directory: string;
  /** "10-weir.conflist" */
  readonly name: string;
  /** The executable's name in the runtime's plugin folder. */
  readonly type?: string;
  /** A runtime refuses a list of a version that it does not know; 1.1.0 needs libcni 1.2 (containerd 2, CRI-O 1.31). */
  readonly cniVersion?: string;
}

/** The last step of a node's start: from here on the runtime calls. A rename, so that it sees all of it or nothing. */
export async function writeConflist(options: ConflistOptions): Promise<void> {
  const { directory, name, type = "weir", cniVersion = "1.1.0" } = options;
  const text = `${JSON.stringify({ cniVersion, name: "weir", plugins: [{ type }] }, undefined, 2)}\n`;
  const path = join(directory, name);
  if ((await readFile(path, "utf8").catch(() => "")) === text) return;
  await mkdir(directory, { recursive: true });
  await replaceFile(path, text, 0o644);
}

/** Runtimes read *.conf, *.conflist and *.json: an unfinished one has another name. */
export async function removeConflist({ directory, name }: ConflistOptions): Promise<void> {
  const path = join(directory, name);
  for (const one of [path, unfinishedPath(path)]) await rm(one, { force: true });
}
