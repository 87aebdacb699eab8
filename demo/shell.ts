import { execFile } from "node:child_process";
import { promisify } from "node:util";

const exec = promisify(execFile);

/** Runs a program; its complaint becomes the error's text. */
export async function shell(...argv: readonly string[]): Promise<string> {
  const [file, ...rest] = argv;
  try {
    return (await exec(file!, rest, { maxBuffer: 64 << 20 })).stdout;
  } catch (error) {
    const output = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : String(error);
    throw new Error(`${argv.join(" ")}: ${output}`, { cause: error });
  }
}

/** Many steps of `ip` in one process. */
export function ipBatch(netns: string | undefined, lines: readonly string[]): Promise<void> {
  return feed(["ip", ...(netns === undefined ? [] : ["-n", netns]), "-batch", "-"], lines.join("\n"));
}

export function feed(argv: readonly string[], input: string): Promise<void> {
  const [file, ...rest] = argv;
  return new Promise((resolve, reject) => {
    const child = execFile(file!, rest, (error, _output, complaint) =>
      error === null ? resolve() : reject(new Error(`${argv.join(" ")}: ${complaint.trim()}\n${input}`)),
    );
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
  });
}
