import assert from "node:assert/strict";
import type { Log } from "#base/log.ts";
import { silentLog } from "#base/log.ts";
import { createPolicyReporter } from "#controller/node/status/policy-report.ts";
import type { KubeResponse } from "#controller/watch/kube-request.ts";
import type { PolicyEntry } from "#pipeline/policy-status/node-report.ts";
import { type Call, fakeServer, manualWait, settle } from "./fake-server.ts";

const START = Date.parse("2026-01-02T03:04:05.678Z");
const PATH = "/apis/weir.dev/v1alpha1/nodepolicystatuses/n1";

const ENTRY: PolicyEntry = {
  ...{ kind: "NetworkPolicy", name: "shop/db", generation: 3, state: "realised" },
  ...{ since: "2026-01-02T03:00:00.000Z", packets: 7, denied: 0, neverHit: ["ingress[1]"] },
};

const absent: KubeResponse = { status: 404, body: { message: "not there" } };
const taken = ({ method }: Call): KubeResponse => (method === "GET" ? absent : { status: 200, body: {} });

function setUp(answer: (call: Call) => KubeResponse | Error = taken) {
  const server = fakeServer(answer);
  const clock = manualWait();
  const end = new AbortController();
  const state = { entries: [ENTRY] as readonly PolicyEntry[], uid: "u1" as string | undefined, counted: 0, now: START };
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (message, fields) => warnings.push(`${message} ${JSON.stringify(fields)}`) };
  const reporter = createPolicyReporter({
    ...{ node: "n1", request: server.request, log, signal: end.signal, random: () => 0.5 },
    nodeUid: () => state.uid,
    nodeCount: () => 1000,
    entries: async () => state.entries,
    async count() {
      state.counted++;
    },
    now: () => new Date(state.now),
    wait: clock.wait,
  });
  const touch = async (): Promise<void> => {
    reporter.touch();
    await settle();
    state.now += 5_000;
    clock.pass();
    await settle();
  };
  const bodies = () => server.calls.filter(({ method }) => method === "PATCH").map(({ body }) => body as object);
  return { ...server, state, warnings, asked: clock.asked, touch, bodies, end };
}

describe("What a node tells of policies", () => {
  it("is one object of its name, which goes with the node: states, and what was counted", async () => {
    const { calls, touch, state, end } = setUp();
    await touch();
    assert.deepEqual(
      calls.map(({ method, path }) => `${method} ${path}`),
      [`GET ${PATH}`, `PATCH ${PATH}?fieldManager=weir-node&force=true`],
    );
    assert.deepEqual(calls[1]?.body, {
      apiVersion: "weir.dev/v1alpha1",
      kind: "NodePolicyStatus",
      metadata: { name: "n1", ownerReferences: [{ apiVersion: "v1", kind: "Node", name: "n1", uid: "u1" }] },
      reportedAt: "2026-01-02T03:04:10.678Z",
      counts: { realised: 1, pending: 0, failed: 0 },
      policies: [ENTRY],
      omitted: 0,
    });
    assert.equal(state.counted, 1);
    end.abort();
  });

  it("is written when it changes, and only then; many changes at once are one", async () => {
    const { touch, bodies, state, end } = setUp();
    await touch();
    await touch();
    assert.equal(bodies().length, 1);
    state.entries = [{ ...ENTRY, generation: 4, state: "pending" }];
    await Promise.all([touch(), touch(), touch()]);
    assert.equal(bodies().length, 2);
    assert.equal(state.counted, 1);
    end.abort();
  });

  it("waits for the Node object, with which it is to go", async () => {
    const { touch, calls, state, end } = setUp();
    state.uid = undefined;
    await touch();
    assert.deepEqual(calls, []);
    state.uid = "u1";
    await touch();
    assert.deepEqual([calls.length, state.counted], [2, 1]);
    end.abort();
  });

  it("keeps since when a generation is in force over a restart, for the flows were there", async () => {
    const since = "2026-01-01T00:00:00.000Z";
    const before = {
      policies: [
        { ...ENTRY, since },
        { ...ENTRY, name: "shop/web", generation: 1, since },
      ],
    };
    const { touch, bodies, state, end } = setUp(({ method }) => ({
      status: 200,
      body: method === "GET" ? before : {},
    }));
    state.entries = [ENTRY, { ...ENTRY, name: "shop/web" }];
    await touch();
    assert.deepEqual(Reflect.get(bodies()[0]!, "policies"), [
      { ...ENTRY, since },
      // Of another generation nobody has told.
      { ...ENTRY, name: "shop/web" },
    ]);
    end.abort();
  });

  it("tells those in trouble first, and how many it has no room for", async () => {
    const { touch, bodies, state, end } = setUp();
    const many = Array.from({ length: 2010 }, (_, i) => ({ ...ENTRY, name: `shop/p${i}` }));
    const failed: PolicyEntry = { ...ENTRY, name: "shop/zz", state: "failed", reason: "x".repeat(500) };
    state.entries = [...many, failed];
    await touch();
    const { policies, omitted } = bodies()[0] as { policies: readonly PolicyEntry[]; omitted: number };
    assert.deepEqual(
      [policies.length, omitted, policies[0]?.name, policies[0]?.reason?.length],
      [2000, 11, "shop/zz", 200],
    );
    end.abort();
  });

  it("is said once to be impossible where its kind is not installed or may not be written, and asked no more for long", async () => {
    for (const status of [404, 403]) {
      const { touch, calls, warnings, state, end } = setUp(() => ({ status, body: { message: "no" } }));
      await touch();
      const asked = calls.length;
      state.entries = [];
      await touch();
      await touch();
      assert.equal(calls.length, asked);
      assert.equal(warnings.length, 1);
      assert.match(warnings[0] ?? "", /cannot tell of policies .*"refusal":"\d+ no".*deploy\/weir\.yaml/);
      end.abort();
    }
  });

  it("is written by a thousand nodes one after another, though all see a change at once", async () => {
    const { asked, end, touch } = setUp();
    await touch();
    // By chance, half of all the nodes are before this one.
    assert.equal(asked[0], 1_000 + 2_500);
    end.abort();
  });

  it("is tried again while the server is away", async () => {
    let away = true;
    const { touch, bodies, end } = setUp((call) => (away ? new Error("ECONNREFUSED") : taken(call)));
    await touch();
    away = false;
    await touch();
    assert.equal(bodies().length, 1);
    end.abort();
  });
});
