import { execFile } from "node:child_process";
import { WeirError } from "#base/errors.ts";

/** A program ended badly; `complaint` is what it wrote to stderr, on one line. */
export class CommandError extends WeirError {
  readonly exitCode: number;
  readonly complaint: string;

  constructor(command: string, exitCode: number, complaint: string) {
    const text = complaint.trim().replaceAll("\n", "; ");
    super("E_COMMAND", `${command}: ${text || `exit code ${exitCode}`}`, { command, exitCode });
    this.exitCode = exitCode;
    this.complaint = text;
  }
}

/** A kernel that holds its locks for so long is in trouble; waiting on would hide that. */
const LIMIT = 20_000;

/** Runs one program of the system to its end, with `input` on its stdin, and returns what it wrote to stdout. */
export function run(file: string, argv: readonly string[], input = ""): Promise<string> {
  const options = { timeout: LIMIT, maxBuffer: 64 << 20, env: { ...process.env, LC_ALL: "C" } };
  return new Promise((resolve, reject) => {
    const child = execFile(file, argv, options, (error, output, complaint) => {
      if (error === null) return resolve(output);
      const code = typeof error.code === "number" ? error.code : -1;
      reject(new CommandError([file, ...argv].join(" "), code, complaint || error.message));
    });
    // A program that ends before it has read all of it says why by itself.
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
  });
}

export type Listed = Readonly<Record<string, unknown>>;

/** What `ip -j` prints: a list of objects, or nothing at all for an empty one. */
export function readList(text: string): readonly Listed[] {
  const list: unknown = JSON.parse(text.trim() === "" ? "[]" : text);
  return Array.isArray(list) ? list.filter(isListed) : [];
}

export function isListed(value: unknown): value is Listed {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
