import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { ERROR_CHAPTERS } from "../../scripts/documents/error-meanings.ts";
import { errorDocument, findErrorCodes } from "../../scripts/documents/errors.ts";

const file = new URL("../../docs/errors.md", import.meta.url);

describe("docs/errors.md", () => {
  it("explains every code that the sources throw, and no other", () => {
    const explained = Object.values(ERROR_CHAPTERS).flatMap((chapter) => Object.keys(chapter));
    assert.deepEqual(explained.toSorted(), [...findErrorCodes()].sort(), "scripts/documents/error-meanings.ts");
  });

  it("says what the meanings say (UPDATE=1 writes it)", () => {
    if (process.env["UPDATE"] === "1") writeFileSync(file, errorDocument());
    assert.equal(readFileSync(file, "utf8"), errorDocument());
  });
});
