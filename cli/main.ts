import { readFileSync } from "node:fs";
import { createIo } from "./io.ts";
import { runWeirctl } from "./program.ts";

declare const WEIR_VERSION: string | undefined;

/** A bundle has the version built in; a checkout reads it. */
function version(): string {
  if (typeof WEIR_VERSION === "string") return WEIR_VERSION;
  try {
    const { version }: { version: string } = JSON.parse(
      readFileSync(new URL("../package.json", import.meta.url), "utf8"),
    );
    return version;
  } catch {
    return "unknown";
  }
}

const { stdin, stdout, stderr, env } = process;
// It rejects only for a bug, which then ends the process loudly.
void runWeirctl(process.argv.slice(2), createIo({ stdin, stdout, stderr, env }), version()).then((exitCode) => {
  process.exitCode = exitCode;
});
