import assert from "node:assert/strict";
import { silentLog } from "#base/log.ts";
import { createEventRecorder } from "#controller/node/status/events.ts";
import type { KubeResponse } from "#controller/watch/kube-request.ts";
import type { Problem } from "#pipeline/problem.ts";
import { type Call, fakeServer, manualWait, settle } from "./fake-server.ts";

function problem(object: string, message = "is not an address"): Problem {
  return { source: "kubernetes/pods", object, field: "status.podIPs[0].ip", message };
}

function setUp(answer: (call: Call) => KubeResponse | Error = () => ({ status: 201, body: {} })) {
  const server = fakeServer(answer);
  const clock = manualWait();
  const end = new AbortController();
  let time = Date.parse("2026-01-02T03:04:05.678Z");
  const recorder = createEventRecorder({
    component: "weir-node",
    instance: "n1",
    request: server.request,
    isOurs: (_, key) => key !== "n2" && key !== "default/elsewhere",
    uidOf: (kind, key) => (key === "default/web" ? `uid-of-${kind}` : undefined),
    log: silentLog,
    signal: end.signal,
    now: () => new Date(time),
    wait: clock.wait,
  });
  const pass = (milliseconds: number): void => {
    time += milliseconds;
    clock.pass();
  };
  return { ...server, recorder, end, pass };
}

describe("Events", () => {
  it("tell a problem on its object, once", async () => {
    const { calls, recorder } = setUp();
    recorder.sync([problem("Pod default/web")]);
    await settle();
    recorder.sync([problem("Pod default/web")]);
    await settle();
    assert.equal(calls.length, 1);
    assert.equal(calls[0]?.path, "/api/v1/namespaces/default/events");
    const body = JSON.stringify(calls[0]?.body);
    assert.match(
      body,
      /"involvedObject":\{"apiVersion":"v1","kind":"Pod","namespace":"default","name":"web","uid":"uid-of-Pod"\}/,
    );
    assert.match(body, /"message":"status.podIPs\[0\].ip is not an address"/);
    assert.match(body, /"name":"web\.[0-9a-f]{16}"/);
  });

  it("are told by one node: the pod's own, and the node itself", async () => {
    const { calls, recorder } = setUp();
    const others = ["Node n2", "Pod default/elsewhere", "Namespace a", "file x.yaml"];
    recorder.sync(["Node n1", ...others].map((object) => problem(object)));
    await settle();
    assert.deepEqual(
      calls.map((call) => call.path),
      ["/api/v1/namespaces/default/events"],
    );
  });

  it("come again when the problem does, as the same Event", async () => {
    let created = false;
    const { calls, recorder } = setUp((call) => {
      if (call.method !== "POST") return { status: 200, body: {} };
      const status = created ? 409 : 201;
      created = true;
      return { status, body: {} };
    });
    for (const problems of [[problem("Pod default/web")], [], [problem("Pod default/web")]]) {
      recorder.sync(problems);
      await settle();
    }
    assert.deepEqual(
      calls.map((call) => call.method),
      ["POST", "POST", "PATCH"],
    );
    assert.match(calls[2]?.path ?? "", /^\/api\/v1\/namespaces\/default\/events\/web\.[0-9a-f]{16}$/);
  });

  it("are limited to a burst and then a trickle", async () => {
    const { calls, recorder, pass } = setUp();
    recorder.sync(Array.from({ length: 40 }, (_, i) => problem(`Pod default/p${i}`)));
    await settle();
    assert.equal(calls.length, 25);
    pass(10_000);
    await settle();
    assert.equal(calls.length, 26);
  });

  it("wait for a busy server, and let go of what is refused", async () => {
    const answers: KubeResponse[] = [
      { status: 429, body: {} },
      { status: 404, body: { message: "namespaces not found" } },
      { status: 201, body: {} },
    ];
    const { calls, recorder, pass } = setUp(() => answers.shift() ?? new Error("unexpected"));
    recorder.sync([problem("Pod gone/a"), problem("Pod default/web")]);
    await settle();
    pass(1000);
    await settle();
    assert.deepEqual(
      calls.map((call) => call.path.split("/")[4]),
      ["gone", "gone", "default"],
    );
  });

  it("that have become untrue before they were sent are not sent", async () => {
    const { calls, recorder, pass } = setUp(() => new Error("away"));
    recorder.sync([problem("Pod default/a"), problem("Pod default/b")]);
    await settle();
    recorder.sync([problem("Pod default/a")]);
    pass(1000);
    await settle();
    assert.ok(calls.every((call) => JSON.stringify(call.body).includes('"name":"a"')));
  });
});
