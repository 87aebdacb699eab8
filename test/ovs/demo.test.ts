import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sweepFabric } from "../../demo/fabric.ts";
import { shell } from "../../demo/shell.ts";

const NAME = "weir-t-demo";
const CHECKOUT = join(import.meta.dirname, "..", "..");
const PROGRAM = join(CHECKOUT, "demo", "demo.ts");

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

function runOnce(env: Record<string, string>): Promise<Ended> {
  const options = { cwd: CHECKOUT, env: { ...process.env, NAME, ONCE: "1", ...env } };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [PROGRAM], options, (_error, output, errors) =>
      resolve({ code: child.exitCode, output: output + errors }),
    );
  });
}

async function assertNoTrace(): Promise<void> {
  assert.doesNotMatch(await shell("ip", "netns", "list"), new RegExp(`^${NAME}-`, "m"));
  await assert.rejects(readFile(`/run/${NAME}/owner`));
}

describe("the demonstration", () => {
  afterEach(() => sweepFabric(NAME));

  for (const env of [{ TUNNEL: "geneve" }, { TUNNEL: "vxlan" }, { ENCAP: "never" }, { ENCAP: "hybrid" }] as const)
    it(`ends with 0 after a matrix without a fault, and leaves nothing: ${Object.entries(env).join(" ")}`, async function () {
      this.timeout(60_000);
      const { code, output } = await runOnce(env);
      assert.equal(code, 0, output);
      assert.match(output, /144 of 144 as they should be/);
      await assertNoTrace();
    });

  it("plugs a pod whose manifest is added, unplugs one whose manifest goes, and ends on SIGINT without a trace", async function () {
    this.timeout(90_000);
    const directory = await mkdtemp(join(tmpdir(), "weir-t-demo-"));
    await cp(join(CHECKOUT, "examples"), directory, { recursive: true });
    const child = spawn(process.execPath, [PROGRAM], {
      cwd: CHECKOUT,
      env: { ...process.env, NAME, DIR: directory },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    const said = async (pattern: RegExp) => {
      while (!pattern.test(output)) {
        assert.equal(child.exitCode, null, output);
        await new Promise((resolve) => child.stdout.once("data", resolve));
      }
    };
    try {
      await said(/Ctrl-C removes everything/);
      const tools = await readFile(join(directory, "tools.yaml"), "utf8");
      const extra = tools.split("---")[0]!.replace("probe-alpha", "extra");
      await writeFile(join(directory, "extra.yaml"), extra);
      await said(/pod tools\/extra on alpha: CNI ADD, 10\.10\.1\./);
      await said(/ 180 of 180 as they should be/);
      await rm(join(directory, "extra.yaml"));
      await said(/pod tools\/extra on alpha: CNI DEL/);
      child.kill("SIGINT");
      assert.equal(await ended, 0, output);
      await assertNoTrace();
    } finally {
      child.kill("SIGKILL");
      await rm(directory, { recursive: true, force: true });
    }
  });
});
