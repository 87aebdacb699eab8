/** `make bundle`, or with names only those programs: dist/ as the image has it; prints sizes, start time and memory. */
import { spawnSync } from "node:child_process";
import { globSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "esbuild";
import { BUILTINS, SLIM_PACKAGES, UNUSED } from "./bundle-modules.ts";

interface Program {
  readonly entry: string;
  /** V8's, set before anything else is loaded. */
  readonly flags: readonly string[];
}

/**
 * 10 MB less of an idle process, and 100,000 flows are written as fast: a young generation that stays small, and no optimising
 * compiler paged in for what a start does in few and long calls. What is called often is optimised as ever, if later: of a start
 * with a thousand services that takes 8 MB, and ten thousand start as quickly.
 */
const FRUGAL = [
  "--semi-space-growth-factor=1",
  "--no-use-osr",
  "--minimum-invocations-before-optimization=500",
  "--invocation-count-for-maglev=10000",
  "--invocation-count-for-turbofan=200000",
];

const PROGRAMS: Readonly<Record<string, Program>> = {
  "weir-node": { entry: "./controller/node/main.ts", flags: FRUGAL },
  "weir-cluster": { entry: "./controller/cluster/main.ts", flags: FRUGAL },
  weirctl: { entry: "./cli/main.ts", flags: [] },
};
/** V8's compiled code, filled by the runs below, so that a start compiles nothing. It is valid for this very Node and code only. */
const CACHE = "compile-cache";
const ROOT = join(import.meta.dirname, "..");
const DIST = join(ROOT, "dist");

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(PROGRAMS);
rmSync(join(DIST, CACHE), { recursive: true, force: true });
for (const name of names) {
  const program = PROGRAMS[name];
  if (program === undefined)
    throw new Error(`no program is called ${name}; there are ${Object.keys(PROGRAMS).join(", ")}`);
  for (const old of globSync(`${DIST}/${name}*.mjs*`)) rmSync(old);
  await build({
    stdin: { contents: launcherOf(program), resolveDir: ROOT, sourcefile: `${name}.ts`, loader: "ts" },
    outdir: DIST,
    entryNames: name,
    chunkNames: `${name}-[hash]`,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    // What only some configurations need is a file of its own, loaded by those.
    splitting: true,
    platform: "node",
    format: "esm",
    target: "node26",
    plugins: [BUILTINS, UNUSED],
    alias: SLIM_PACKAGES,
    // CommonJS packages inside an ES module still call require for what is decided at run time.
    banner: { js: 'const require = process.getBuiltinModule("node:module").createRequire(import.meta.url);' },
    // Names and layout stay, so that a stack trace from the field can be read without the map.
    minifySyntax: true,
    sourcemap: "external",
    legalComments: "linked",
    logLevel: "warning",
  });
  const files = globSync(`${DIST}/${name}*.mjs`);
  for (const file of files) keepOneByte(file);
  const size = files.reduce((sum, file) => sum + statSync(file).size, 0) / 1e6;
  const { milliseconds, megabytes } = measure(join(DIST, `${name}.mjs`));
  process.stdout.write(
    `dist/${name}.mjs: ${size.toFixed(1)} MB in ${files.length} files, --help in ${milliseconds.toFixed(0)} ms, ${megabytes.toFixed(0)} MB resident\n`,
  );
}
for (const source of globSync("cni/*.c", { cwd: ROOT }).sort()) {
  const program = `dist/${basename(source, ".c")}`;
  process.stdout.write(`${program}: ${(statSync(join(ROOT, program)).size / 1e3).toFixed(0)} kB, static\n`);
}

/** A single character beyond ASCII, and V8 keeps the whole text in two bytes a character. What esbuild leaves stands in comments. */
function keepOneByte(file: string): void {
  writeFileSync(file, readFileSync(file, "utf8").replace(/[^\p{ASCII}]/gu, "?"));
}

/** The folder need not be writable: then the cache is only read, and without one the start takes a little longer. */
function launcherOf({ entry, flags }: Program): string {
  return [
    'import { enableCompileCache } from "node:module";',
    'import { setFlagsFromString } from "node:v8";',
    ...flags.map((flag) => `setFlagsFromString(${JSON.stringify(flag)});`),
    `enableCompileCache({ directory: import.meta.dirname + "/${CACHE}", portable: true });`,
    `await import(${JSON.stringify(entry)});`,
  ].join("\n");
}

/** The fastest of five `--help`s: what loading costs, before any work. */
function measure(program: string): { milliseconds: number; megabytes: number } {
  const tail = `process.on("exit",()=>process.stderr.write("rss="+process.memoryUsage().rss+"\\n"))`;
  const preload = ["--import", `data:text/javascript,${encodeURIComponent(tail)}`];
  const runs = Array.from({ length: 5 }, () => {
    const started = performance.now();
    const result = spawnSync(process.execPath, [...preload, program, "--help"], { encoding: "utf8" });
    if (result.status !== 0) throw new Error(`${program} --help ended with ${result.status}: ${result.stderr}`);
    return { milliseconds: performance.now() - started, megabytes: Number(/rss=(\d+)/.exec(result.stderr)?.[1]) / 1e6 };
  });
  return runs.reduce((best, run) => (run.milliseconds < best.milliseconds ? run : best));
}
