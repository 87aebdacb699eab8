import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");

describe("The README of openflow", () => {
  it("has an example that prints what it says", () => {
    const text = readFileSync(join(root, "openflow/README.md"), "utf8");
    const [, code, printed] = /```ts\n(.*?)```.*?```\n(.*?)```/s.exec(text) ?? [];
    assert.ok(code !== undefined && printed !== undefined);
    const output = execFileSync(process.execPath, ["--input-type=module-typescript", "-e", code], {
      cwd: root,
      encoding: "utf8",
    });
    assert.equal(output.trimEnd(), printed.trimEnd());
  });
});
