import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");

/** Runs a program whose command is `body`, with `fail` in its hands and a server that nobody closes. */
function run(body: string, ...argv: readonly string[]) {
  const program = `
    import { createServer } from "node:http";
    import { liveUntilStopped, runProgram } from "${ROOT}/controller/process/program.ts";
    createServer().listen(0, "127.0.0.1");
    process.exit(await runProgram({
      name: "weir-test", usage: "Usage: weir-test", version: "1.2.3", commands: ["run"],
      load: async () => ({ log: { level: "info" } }),
      run: (command, config, log) => liveUntilStopped(log, "stopping", async (fail) => { ${body}; return { async stop() {} }; }),
    }, process.argv.slice(1)));`;
  const options = { encoding: "utf8", timeout: 20_000 } as const;
  return spawnSync(process.execPath, ["--input-type=module-typescript", "-e", program, "--", ...argv], options);
}

describe("A long-running program", () => {
  it("ends with 1 and the reason in its log when something fails that must not, whatever still listens", () => {
    for (const body of ['fail(new Error("a bug"))', 'setTimeout(() => { throw new Error("a bug") })']) {
      const { status, stdout } = run(body);
      assert.equal(status, 1, stdout);
      assert.match(stdout, /"level":"error","message":"weir-test ends".*a bug/);
    }
  });

  it("ends with 0 after a signal", () => {
    const { status, stdout } = run('setTimeout(() => process.kill(process.pid, "SIGTERM"))');
    assert.equal(status, 0, stdout);
    assert.match(stdout, /"message":"stopping","signal":"SIGTERM"/);
  });

  it("tells its usage and version, and ends with 2 on a command line that it does not know", () => {
    assert.deepEqual([run("", "--help").stdout, run("", "--version").stdout], ["Usage: weir-test\n", "1.2.3\n"]);
    const { status, stderr } = run("", "walk");
    assert.equal(status, 2);
    assert.match(stderr, /^weir-test: command line: 1 problem\n.*found walk, expected run, --config FILE or --help/s);
  });
});
