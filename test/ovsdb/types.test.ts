import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compile } from "#test/ovsdb/support/compile.ts";

const EXPECTED = /\/\/ error: (.*)$/;

describe("typed operations", () => {
  it("compile where the schema allows them, and only there", async () => {
    const text = readFileSync(join(import.meta.dirname, "types/operations.ts.txt"), "utf8");
    const lines = text.split("\n");
    const messages = Map.groupBy(await compile({ "operations.ts": text }), ({ line }) => line);
    const surprises: string[] = [];
    lines.forEach((line, index) => {
      const wanted = EXPECTED.exec(line)?.[1];
      const said = (messages.get(index + 1) ?? []).map(({ message }) => message).join("\n");
      if (wanted === undefined ? said !== "" : !said.includes(wanted)) {
        surprises.push(`line ${index + 1}: ${line}\n  the compiler says: ${said || "nothing"}`);
      }
    });
    assert.deepEqual(surprises, []);
  });
});
