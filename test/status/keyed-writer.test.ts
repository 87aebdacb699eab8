import assert from "node:assert/strict";
import { silentLog } from "#base/log.ts";
import { createKeyedWriter } from "#controller/status/keyed-writer.ts";
import { manualWait, settle } from "./fake-server.ts";

function setUp(write: (key: string) => Promise<void> = async () => {}) {
  const clock = manualWait();
  const end = new AbortController();
  const written: string[] = [];
  const state = { now: 0 };
  const writer = createKeyedWriter({
    ...{ what: "it", settle: 1_000, log: silentLog, signal: end.signal, wait: clock.wait },
    now: () => state.now,
    backoff: { next: () => 500, reset() {} },
    async write(key) {
      written.push(key);
      await write(key);
    },
  });
  const pass = async (milliseconds: number): Promise<void> => {
    state.now += milliseconds;
    clock.pass();
    await settle();
  };
  return { writer, written, pass, end, asked: clock.asked };
}

describe("A writer of many keys", () => {
  it("writes each once, however often it was touched meanwhile, and again when it is touched later", async () => {
    const { writer, written, pass } = setUp();
    for (const key of ["a", "b", "a", "a"]) writer.touch(key);
    await pass(0);
    await pass(1_000);
    await pass(0);
    assert.deepEqual(written, ["a", "b"]);
    writer.touch("a");
    await pass(1_000);
    assert.deepEqual(written, ["a", "b", "a"]);
  });

  it("writes again what was touched while it was written", async () => {
    const held = Promise.withResolvers<void>();
    const { writer, written, pass } = setUp(() => held.promise);
    writer.touch("a");
    await pass(1_000);
    writer.touch("a");
    held.resolve();
    await pass(0);
    await pass(1_000);
    assert.deepEqual(written, ["a", "a"]);
  });

  it("tries again what could not be written, behind all others", async () => {
    let broken = true;
    const { writer, written, pass, asked } = setUp(async (key) => {
      if (broken && key === "a") throw new Error("no");
    });
    writer.touch("a");
    writer.touch("b");
    await pass(1_000);
    await pass(500);
    broken = false;
    await pass(1_000);
    await pass(1_000);
    assert.deepEqual(written, ["a", "b", "a"]);
    assert.ok(asked.includes(500));
  });

  it("ends with its signal, and takes nothing after it", async () => {
    const { writer, written, pass, end } = setUp();
    writer.touch("a");
    end.abort();
    await pass(1_000);
    writer.touch("b");
    await pass(1_000);
    assert.deepEqual(written, []);
  });
});
