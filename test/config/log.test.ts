import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { PassThrough } from "node:stream";
import { WeirError } from "#base/errors.ts";
import { createLog, type LogLevel } from "#controller/process/log.ts";

class SampleError extends WeirError {}

async function linesOf(level: LogLevel, use: (log: ReturnType<typeof createLog>) => void): Promise<unknown[]> {
  const destination = new PassThrough();
  const chunks: string[] = [];
  destination.setEncoding("utf8").on("data", (chunk: string) => chunks.push(chunk));
  const log = createLog({ level, destination, now: () => new Date(0) });
  use(log);
  await log.flush();
  return chunks
    .join("")
    .split("\n")
    .filter((line) => line !== "")
    .map((line): unknown => JSON.parse(line));
}

describe("The log", () => {
  it("writes one JSON object a line, from its level up", async () => {
    const lines = await linesOf("info", (log) => {
      log.debug("not this");
      log.info("started", { node: "n1", ports: 3n, peers: new Set(["n2"]) });
      log.error("two\nlines");
    });
    assert.deepEqual(lines, [
      { time: "1970-01-01T00:00:00.000Z", level: "info", message: "started", node: "n1", ports: "3", peers: ["n2"] },
      { time: "1970-01-01T00:00:00.000Z", level: "error", message: "two\nlines" },
    ]);
  });

  it("tells an error with its code and causes, and keeps fields from hiding the message", async () => {
    const error = new SampleError("E_SAMPLE", "it broke", { port: 7 }, new Error("because"));
    const circular: Record<string, unknown> = {};
    circular["self"] = circular;
    const lines = await linesOf("debug", (log) => {
      log.warn("failed", { error, message: "mine" });
      log.warn("round", { circular });
    });
    assert.deepEqual(lines[0], {
      time: "1970-01-01T00:00:00.000Z",
      level: "warn",
      message: "failed",
      error: { code: "E_SAMPLE", error: "it broke: because", details: { port: 7 } },
      "field.message": "mine",
    });
    assert.match(JSON.stringify(lines[1]), /"message":"round","unprintable":".*circular/);
  });

  it("loses no line when the process exits right after the flush", () => {
    const program = `
      import { createLog } from "#controller/process/log.ts";
      const log = createLog({ level: "info" });
      for (let i = 0; i < 5000; i++) log.info("line", { i });
      await log.flush();
      log.info("after the end");
      process.exit(0);`;
    const child = spawnSync(process.execPath, ["--input-type=module-typescript", "--eval", program], {
      maxBuffer: 1 << 24,
      encoding: "utf8",
    });
    assert.equal(child.stderr, "");
    const lines = child.stdout.trimEnd().split("\n");
    assert.equal(lines.length, 5000);
    assert.match(lines.at(-1)!, /"i":4999/);
  });
});
