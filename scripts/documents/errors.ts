import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { EXIT } from "../../cli/exit-codes.ts";
import { CNI_CODES } from "../../controller/node/cni-server/cni-error.ts";
import { ERROR_CHAPTERS } from "./error-meanings.ts";
import { markdownTable } from "./markdown.ts";

const ROOT = join(import.meta.dirname, "../..");
const ROOMS = ["base", "ovsdb", "openflow", "pipeline", "controller", "cli"];

/** Codes that are put together of a word and something else, by how they begin. */
const FAMILIES: Readonly<Record<string, readonly string[]>> = {
  E_CNI_: Object.keys(CNI_CODES).map((name) => `E_CNI_${name.replace(/[A-Z]/g, "_$&").toUpperCase()}`),
  E_CLI_: [EXIT.wrong, EXIT.usage, EXIT.unreachable].map((code) => `E_CLI_${code}`),
};

/** Every code that the sources can throw. */
export function findErrorCodes(): ReadonlySet<string> {
  const codes = new Set<string>();
  for (const file of globSync(`{${ROOMS.join()}}/**/*.ts`, { cwd: ROOT })) {
    const source = readFileSync(join(ROOT, file), "utf8");
    for (const [, code] of source.matchAll(/"(E_[A-Z0-9_]+)"/g)) codes.add(code!);
    for (const [, family] of source.matchAll(/`(E_[A-Z0-9_]*)\$\{/g)) {
      const members = FAMILIES[family!];
      if (members === undefined)
        throw new Error(`${file} makes codes ${family}...: name them in scripts/documents/errors.ts`);
      for (const code of members) codes.add(code);
    }
  }
  return codes;
}

/** docs/errors.md: a test fails when the file differs, or when a code is missing in error-meanings.ts. */
export function errorDocument(): string {
  const chapters = Object.entries(ERROR_CHAPTERS).flatMap(([title, codes]) => [
    "",
    `## ${title}`,
    "",
    ...markdownTable(
      ["Code", "Meaning", "What to do"],
      Object.entries(codes).map(([code, [meaning, cure]]) => [`\`${code}\``, meaning, cure]),
    ),
  ]);
  return `${[...PREAMBLE, ...chapters].join("\n")}\n`;
}

const PREAMBLE = [
  "# Errors",
  "",
  "<!-- Generated from scripts/documents/error-meanings.ts by `UPDATE=1 npx mocha test/base/error-document.test.ts`. -->",
  "",
  "Every error that Weir's processes log, answer or end with has one of these codes, in `error.code` of a log line and of a",
  "JSON answer. A code never changes its meaning. What is wrong with an object of the cluster is no error but a problem:",
  "`weirctl get problems` lists them, each with its object, field and what would be right.",
];
