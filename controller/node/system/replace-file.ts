import { open, rename } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Either the old content or the new is there, whenever the power goes, and whoever reads sees one of the two. */
export async function replaceFile(path: string, text: string, mode = 0o600): Promise<void> {
  const fresh = unfinishedPath(path);
  const file = await open(fresh, "w", mode);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(fresh, path);
}

/** Where the new content stands before it is whole; a process that was killed may leave it. */
export function unfinishedPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.new`);
}
