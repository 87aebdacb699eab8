/** The compiler over texts that are no part of the project: what it says of which line. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Diagnostic {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

const ROOT = join(import.meta.dirname, "../../..");
const DIAGNOSTIC = /^(\S.*?)\((\d+),\d+\): error (TS\d+: .*)$/;

/** Files by name, in a folder of their own, with the project's settings. */
export async function compile(files: Readonly<Record<string, string>>): Promise<Diagnostic[]> {
  const directory = mkdtempSync(join(tmpdir(), "weir-t-types-"));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
    writeFileSync(join(directory, "package.json"), '{"type":"module"}');
    writeFileSync(join(directory, "tsconfig.json"), JSON.stringify(settings(Object.keys(files))));
    return parse(await runCompiler(directory));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function settings(files: readonly string[]): object {
  return {
    extends: join(ROOT, "tsconfig.json"),
    compilerOptions: {
      ...{ noUnusedLocals: false, types: ["node"], typeRoots: [join(ROOT, "node_modules/@types")] },
      paths: {
        "#*": [join(ROOT, "*")],
        "weir/ovsdb": [join(ROOT, "ovsdb/index.ts")],
        "weir/ovsdb/open-vswitch": [join(ROOT, "ovsdb/generated/open-vswitch.ts")],
      },
    },
    files,
    include: [],
  };
}

/** Its exit code says only that there are diagnostics. */
function runCompiler(directory: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const argv = ["-p", directory, "--pretty", "false"];
  execFile(join(ROOT, "node_modules/.bin/tsc"), argv, { cwd: directory }, (error, stdout, stderr) => {
    if (error !== null && typeof error.code !== "number") reject(error);
    else resolve(stdout + stderr);
  });
  return promise;
}

/** Lines that are indented go on with the message before them. */
function parse(output: string): Diagnostic[] {
  const diagnostics: { file: string; line: number; message: string }[] = [];
  for (const line of output.split("\n")) {
    const [, file, number, message] = DIAGNOSTIC.exec(line) ?? [];
    if (file !== undefined) diagnostics.push({ file, line: Number(number), message: message ?? "" });
    else if (line.startsWith(" ") && diagnostics.length > 0) diagnostics.at(-1)!.message += `\n${line}`;
    else if (line.trim() !== "") throw new Error(`the compiler says: ${output}`);
  }
  return diagnostics;
}
