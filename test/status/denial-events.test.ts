import assert from "node:assert/strict";
import { silentLog } from "#base/log.ts";
import { createDenialEvents } from "#controller/node/status/denial-events.ts";
import type { KubeResponse } from "#controller/watch/kube-request.ts";
import type { Denial } from "#pipeline/denials/denial.ts";
import { type Call, fakeServer, manualWait, settle } from "./fake-server.ts";

const MINUTE = 60_000;

function denial(changes: Partial<Denial> = {}): Denial {
  return {
    ...{ direction: "ingress", reason: "isolation", connection: "new", pod: "shop/db", podAddress: "10.10.1.5" },
    ...{ peer: "pod shop/web", peerAddress: "10.10.1.2", protocol: "TCP", destinationPort: 5432, policies: ["shop/p"] },
    ...changes,
  };
}

function setUp(answer: (call: Call) => KubeResponse | Error = () => ({ status: 201, body: {} })) {
  const server = fakeServer(answer);
  const clock = manualWait();
  let time = Date.parse("2026-01-02T03:04:05.678Z");
  const events = createDenialEvents({
    ...{
      component: "weir-node",
      instance: "n1",
      request: server.request,
      log: silentLog,
      signal: new AbortController().signal,
    },
    uidOf: (kind, key) => `uid of ${kind} ${key}`,
    now: () => new Date(time),
    wait: clock.wait,
  });
  const pass = (milliseconds: number): void => {
    time += milliseconds;
    clock.pass();
  };
  return { ...server, events, pass };
}

const bodies = (calls: readonly Call[]) => calls.map(({ body }) => body as { message: string; count: number });

describe("Events of denials", () => {
  it("are told on the pod whose policies deny, with the peer, the port and the policies", async () => {
    const { calls, events } = setUp();
    events.add(denial());
    await settle();
    assert.equal(calls[0]?.path, "/api/v1/namespaces/shop/events");
    const { involvedObject, reason, message } = Object(calls[0]?.body);
    assert.deepEqual(involvedObject, {
      apiVersion: "v1",
      kind: "Pod",
      namespace: "shop",
      name: "db",
      uid: "uid of Pod shop/db",
    });
    const words = "denied ingress from pod shop/web (10.10.1.2) at 5432/TCP: isolated by shop/p, and no rule allows it";
    assert.deepEqual([reason, message], ["PolicyDenied", words]);
  });

  it("are one for a pod, its peer and the policies, told again after a minute with a count that has risen", async () => {
    const names = new Set<string>();
    const { calls, events, pass } = setUp(({ method, body }) => {
      if (method !== "POST") return { status: 200, body: {} };
      const { name } = (body as { metadata: { name: string } }).metadata;
      const status = names.has(name) ? 409 : 201;
      names.add(name);
      return { status, body: {} };
    });
    for (let i = 0; i < 500; i++) events.add(denial({ destinationPort: 1000 + i }));
    await settle();
    const first = bodies(calls).at(-1)?.count ?? 0;
    assert.ok(calls.length <= 2 && first >= 1);
    events.add(denial());
    await settle();
    assert.equal(bodies(calls).at(-1)?.count, first);
    pass(MINUTE);
    events.add(denial());
    await settle();
    assert.deepEqual([calls.at(-1)?.method, bodies(calls).at(-1)?.count], ["PATCH", 502]);
    assert.equal(names.size, 1);
    events.add(denial({ peer: "node n2" }));
    events.add(denial({ policies: ["shop/p", "shop/q"] }));
    events.add(denial({ direction: "egress" }));
    await settle();
    assert.equal(names.size, 4);
  });

  it("are limited to a burst, whoever sends to how many", async () => {
    const { calls, events } = setUp();
    for (let i = 0; i < 2000; i++) events.add(denial({ peer: `10.0.${i >> 8}.${i & 255}` }));
    await settle();
    assert.equal(calls.length, 25);
  });
});
