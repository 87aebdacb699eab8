import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { configurationReference } from "../../scripts/documents/configuration.ts";

const file = new URL("../../docs/configuration.md", import.meta.url);

describe("docs/configuration.md", () => {
  it("says what the schema says (UPDATE=1 writes it)", async () => {
    if (process.env["UPDATE"] === "1") await writeFile(file, configurationReference());
    assert.equal(await readFile(file, "utf8"), configurationReference());
  });

  it("describes every setting", () => {
    for (const line of configurationReference().split("\n")) {
      if (line.startsWith("| `")) assert.match(line, /^\| `[\w.]+` \| \S.* \| .* \| [A-Z`].+\.?.* \|$/, line);
    }
  });
});
