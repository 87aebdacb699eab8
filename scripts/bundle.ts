/** `make bundle`: the programs as single files in dist/, for the image; prints their size, start time and memory. */
import { spawnSync } from "node:child_process";
import { existsSync, globSync, statSync } from "node:fs";
import { basename } from "node:path";
import { build } from "esbuild";

const ENTRIES = [
  { entry: "controller/node/main.ts", output: "dist/weir-node.mjs" },
  { entry: "cli/main.ts", output: "dist/weirctl.mjs" },
];

/** CommonJS packages inside an ES module still call require for Node's own modules. */
const REQUIRE = [
  'import { createRequire as createRequireOfBundle } from "node:module";',
  "const require = createRequireOfBundle(import.meta.url);",
].join("\n");

for (const { entry, output } of ENTRIES) {
  if (!existsSync(entry)) {
    process.stdout.write(`${output}: left out, ${entry} is not there\n`);
    continue;
  }
  await build({
    entryPoints: [entry],
    outfile: output,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node26",
    banner: { js: REQUIRE },
    // Names and layout stay, so that a stack trace from the field can be read without the map.
    minifySyntax: true,
    sourcemap: "external",
    legalComments: "linked",
    logLevel: "warning",
  });
  const { milliseconds, megabytes } = measure(output);
  const size = (statSync(output).size / 1e6).toFixed(1);
  process.stdout.write(
    `${output}: ${size} MB, --help in ${milliseconds.toFixed(0)} ms, ${megabytes.toFixed(0)} MB resident\n`,
  );
}
for (const source of globSync("cni/*.c").sort()) {
  const program = `dist/${basename(source, ".c")}`;
  process.stdout.write(`${program}: ${(statSync(program).size / 1e3).toFixed(0)} kB, static\n`);
}

/** The fastest of five `--help`s: what loading costs, before any work. */
function measure(program: string): { milliseconds: number; megabytes: number } {
  const tail = `process.on("exit",()=>process.stderr.write("rss="+process.memoryUsage().rss+"\\n"))`;
  const runs = Array.from({ length: 5 }, () => {
    const started = performance.now();
    const result = spawnSync(
      process.execPath,
      ["--import", `data:text/javascript,${encodeURIComponent(tail)}`, program, "--help"],
      {
        encoding: "utf8",
      },
    );
    if (result.status !== 0) throw new Error(`${program} --help ended with ${result.status}: ${result.stderr}`);
    return { milliseconds: performance.now() - started, megabytes: Number(/rss=(\d+)/.exec(result.stderr)?.[1]) / 1e6 };
  });
  return runs.reduce((best, run) => (run.milliseconds < best.milliseconds ? run : best));
}
