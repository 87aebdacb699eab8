import assert from "node:assert/strict";
import { silentLog } from "#base/log.ts";
import { createNodeStatusWriter } from "#controller/node/status/node-status.ts";
import type { KubeResponse } from "#controller/watch/kube-request.ts";
import { type Call, fakeServer, manualWait, settle } from "./fake-server.ts";

const START = Date.parse("2026-01-02T03:04:05.678Z");
const time = "2026-01-02T03:04:05Z";

function setUp(answer: (call: Call) => KubeResponse | Error, held: () => Promise<void> = async () => {}) {
  const server = fakeServer(answer, held);
  const clock = manualWait();
  const end = new AbortController();
  let now = START;
  const writer = createNodeStatusWriter({
    node: "n1",
    request: server.request,
    log: silentLog,
    signal: end.signal,
    now: () => new Date(now),
    wait: clock.wait,
  });
  const pass = (milliseconds: number): void => {
    now += milliseconds;
    clock.pass();
  };
  return { ...server, clock, writer, end, pass };
}

const empty = (): KubeResponse => ({ status: 200, body: { items: [{ metadata: { name: "n1" } }] } });

function withCondition(condition: object, annotations = {}): () => KubeResponse {
  return () => ({ status: 200, body: { items: [{ metadata: { annotations }, status: { conditions: [condition] } }] } });
}

describe("The node's status", () => {
  it("says WeirReady and the MTU in one patch of the status", async () => {
    const { calls, writer } = setUp(empty);
    writer.report({ ready: true, podMtu: 1450 });
    await settle();
    assert.equal(calls[0]?.path, "/api/v1/nodes?fieldSelector=metadata.name%3Dn1");
    assert.deepEqual(calls[1], {
      method: "PATCH",
      path: "/api/v1/nodes/n1/status",
      contentType: "application/strategic-merge-patch+json",
      body: {
        metadata: { annotations: { "weir.dev/pod-mtu": "1450" } },
        status: {
          conditions: [
            {
              type: "NetworkUnavailable",
              status: "False",
              reason: "WeirReady",
              message: "Weir connects this node's pods",
              lastHeartbeatTime: time,
              lastTransitionTime: time,
            },
          ],
        },
      },
    });
  });

  it("writes nothing when the object says it already, as after a restart", async () => {
    const condition = {
      type: "NetworkUnavailable",
      status: "False",
      reason: "WeirReady",
      message: "Weir connects this node's pods",
    };
    const { calls, writer } = setUp(withCondition(condition, { "weir.dev/pod-mtu": "1450" }));
    writer.report({ ready: true, podMtu: 1450 });
    writer.report({ ready: true, podMtu: 1450 });
    await settle();
    assert.deepEqual(
      calls.map((call) => call.method),
      ["GET"],
    );
  });

  it("keeps the time of the transition while only the words change", async () => {
    const { calls, writer } = setUp(
      withCondition({ type: "NetworkUnavailable", status: "False", reason: "Other", message: "" }),
    );
    writer.report({ ready: true });
    await settle();
    assert.doesNotMatch(JSON.stringify(calls[1]?.body), /lastTransitionTime|annotations/);
  });

  it("does not say that the node is unready before it has been so for a while", async () => {
    const { calls, clock, writer } = setUp(empty);
    writer.report({ ready: false, message: "the switch is away" });
    await settle();
    assert.deepEqual([calls.length, clock.asked], [0, [10_000]]);
    writer.report({ ready: true });
    await settle();
    assert.match(JSON.stringify(calls.at(-1)?.body), /WeirReady/);
    writer.report({ ready: false, message: "the switch is away" });
    await settle();
    clock.pass();
    await settle();
    assert.match(JSON.stringify(calls.at(-1)?.body), /"True","reason":"WeirNotReady","message":"the switch is away"/);
  });

  it("tries again with back-off when the server does not answer, and gives up on what is refused", async () => {
    const answers: (KubeResponse | Error)[] = [
      new Error("connection refused"),
      { status: 503, body: { message: "starting" } },
    ];
    const { calls, clock, writer } = setUp(
      (call) => answers.shift() ?? (call.method === "GET" ? empty() : { status: 422, body: {} }),
    );
    writer.report({ ready: true });
    for (let i = 0; i < 4; i++) {
      await settle();
      clock.pass();
    }
    await settle();
    assert.deepEqual(
      calls.map((call) => call.method),
      ["GET", "GET", "GET", "PATCH"],
    );
    assert.equal(clock.asked.length, 2);
  });

  it("ends with its signal", async () => {
    const { calls, clock, writer, end } = setUp(() => new Error("away"));
    writer.report({ ready: true });
    await settle();
    end.abort();
    await settle();
    clock.pass();
    await settle();
    writer.report({ ready: false });
    await settle();
    assert.equal(calls.length, 1);
  });

  describe("that somebody has changed", () => {
    const ready = { ready: true, podMtu: 1450 };
    const asWritten = { status: "False", reason: "WeirReady", message: "Weir connects this node's pods" };
    const written = { networkUnavailable: asWritten, podMtu: 1450 };
    const changed = { networkUnavailable: { ...asWritten, status: "True", reason: "Somebody" }, podMtu: 1450 };
    const methods = (calls: readonly Call[]) => calls.map((call) => call.method);

    it("is put back, whichever part of it was changed", async () => {
      for (const seen of [changed, { ...written, podMtu: 9000 }, { ...written, networkUnavailable: undefined }]) {
        const { calls, writer } = setUp(empty);
        for (const one of [written, seen]) {
          writer.report(ready, one);
          await settle();
        }
        assert.deepEqual(methods(calls), ["GET", "PATCH", "GET", "PATCH"]);
      }
    });

    it("is put back once for each change, however often the same is told", async () => {
      const { calls, writer } = setUp(empty);
      for (const seen of [undefined, changed, changed, written, written]) {
        writer.report(ready, seen);
        await settle();
      }
      assert.deepEqual(methods(calls), ["GET", "PATCH", "GET", "PATCH"]);
    });

    it("and is changed again at once is put back after a pause, which no further change prolongs", async () => {
      const { calls, clock, writer, pass } = setUp(empty);
      for (const seen of [written, changed, written, changed, written, changed]) {
        writer.report(ready, seen);
        await settle();
      }
      assert.equal(methods(calls).length, 4);
      assert.deepEqual(clock.asked, [10_000]);
      pass(10_000);
      await settle();
      assert.equal(methods(calls).length, 6);
    });

    it("while our own is being written is looked at once more", async () => {
      const answers: (() => void)[] = [];
      const { calls, writer } = setUp(empty, () => new Promise<void>((resolve) => answers.push(resolve)));
      writer.report(ready);
      await settle();
      answers.shift()?.();
      await settle();
      writer.report(ready, changed);
      await settle();
      assert.deepEqual(methods(calls), ["GET", "PATCH"]);
      for (let i = 0; i < 3; i++) {
        answers.shift()?.();
        await settle();
      }
      assert.deepEqual(methods(calls), ["GET", "PATCH", "GET", "PATCH"]);
    });

    it("is left to the report that is due anyway", async () => {
      const { calls, clock, writer, pass } = setUp(empty);
      writer.report({ ready: false, message: "the switch is away" });
      await settle();
      writer.report({ ready: false, message: "the switch is away" }, changed);
      await settle();
      assert.deepEqual([calls.length, clock.asked], [0, [10_000]]);
      pass(10_000);
      await settle();
      assert.deepEqual(methods(calls), ["GET", "PATCH"]);
    });
  });
});
