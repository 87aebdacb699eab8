import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { compile } from "#test/ovsdb/support/compile.ts";
import { type OvsdbProcess, startOvsdb } from "#test/ovsdb/support/ovsdb-process.ts";

const ROOT = join(import.meta.dirname, "../..");

describe("The README of ovsdb", () => {
  const text = readFileSync(join(ROOT, "ovsdb/README.md"), "utf8");
  const [, code = "", printed = ""] = /```ts\n(.*?)```.*?```\n(.*?)```/s.exec(text) ?? [];
  let server: OvsdbProcess;
  before(async () => {
    server = await startOvsdb();
    execFileSync("ovs-vsctl", [`--db=${server.remote}`, "--no-wait", "init"]);
  });
  after(() => server.close());

  it("has an example that prints what it says", async () => {
    const here = code.replace("unix:/var/run/openvswitch/db.sock", server.remote);
    assert.notEqual(here, code);
    const argv = ["--input-type=module-typescript", "-e", here];
    const { stdout } = await promisify(execFile)(process.execPath, argv, { cwd: ROOT });
    assert.equal(stdout, printed);
  });

  it("has an example that compiles", async () => {
    assert.deepEqual(await compile({ "example.ts": code }), []);
  });
});
