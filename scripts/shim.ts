/** Builds each program of cni/ (one C file each) into dist/, static, and only when its source is newer. */
import { execFileSync } from "node:child_process";
import { globSync, mkdirSync, statSync } from "node:fs";
import { basename } from "node:path";

const FLAGS = ["-static", "-Os", "-s", "-std=gnu11", "-Wall", "-Wextra", "-Werror"];

mkdirSync("dist", { recursive: true });
for (const source of globSync("cni/*.c").sort()) {
  const target = `dist/${basename(source, ".c")}`;
  if (isNewer(target, [source, ...globSync("cni/*.h")])) continue;
  const compiler = process.env["CC"] || "gcc";
  process.stderr.write(`weir: ${compiler} ${source} -> ${target} (static)\n`);
  execFileSync(compiler, [...FLAGS, "-o", target, source], { stdio: "inherit" });
}

function isNewer(target: string, sources: readonly string[]): boolean {
  const built = statSync(target, { throwIfNoEntry: false });
  return built !== undefined && sources.every((source) => statSync(source).mtimeMs <= built.mtimeMs);
}
