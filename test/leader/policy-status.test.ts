import assert from "node:assert/strict";
import type { Log } from "#base/log.ts";
import { silentLog } from "#base/log.ts";
import { policyStatus } from "#controller/cluster/duties/policy-status.ts";
import { CLUSTER_NETWORK_POLICIES, NODE_POLICY_STATUSES, NODES } from "#controller/cluster/kinds.ts";
import type { WatchedKind } from "#controller/watch/kinds.ts";
import type { KubeResponse } from "#controller/watch/kube-request.ts";
import type { RawChange } from "#pipeline/source.ts";
import { type Call, fakeServer, manualWait, settle } from "../status/fake-server.ts";

const MINUTE = 60_000;

const change = (kind: WatchedKind<string>, key: string, object: object): RawChange<string> => ({
  ...{ kind: kind.kind, key },
  object: kind.prune({ metadata: { name: key, uid: `uid ${key}`, generation: 1 }, ...object }),
});
const node = (name: string) => change(NODES, name, {});
const policy = (status: object = {}) =>
  change(CLUSTER_NETWORK_POLICIES, "a", { spec: { tier: "Admin", priority: 1, subject: { namespaces: {} } }, status });
const report = (name: string, at: number, state = "realised") =>
  change(NODE_POLICY_STATUSES, name, {
    reportedAt: String(at),
    policies: [{ kind: "ClusterNetworkPolicy", name: "a", generation: 1, state }],
  });

function setUp(answer: (call: Call) => KubeResponse = () => ({ status: 200, body: {} })) {
  const server = fakeServer(answer);
  const clock = manualWait();
  const end = new AbortController();
  const state = { now: 0 };
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (message, fields) => warnings.push(`${message} ${JSON.stringify(fields)}`) };
  const duty = policyStatus.start({
    ...{ request: server.request, instance: "one", log, signal: end.signal, wait: clock.wait },
    now: () => state.now,
  });
  const pass = async (milliseconds: number): Promise<void> => {
    await settle();
    state.now += milliseconds;
    clock.pass();
    await settle();
  };
  const realized = () => {
    const conditions: unknown = Reflect.get(
      Object(Reflect.get(Object(server.calls.at(-1)?.body), "status")),
      "conditions",
    );
    const found = (Array.isArray(conditions) ? conditions : []).find(({ type }) => type === "Realized");
    return found === undefined ? undefined : `${found.status} ${found.message}`;
  };
  return { ...server, duty, pass, realized, end, warnings };
}

describe("The duty of policies' statuses", () => {
  it("says nothing before everything is listed: a policy would seem to be in force nowhere", async () => {
    const { duty, pass, calls, realized } = setUp();
    duty.receive([policy(), node("n1")], false);
    await pass(5_000);
    assert.deepEqual(calls, []);
    duty.receive([report("n1", 1)], true);
    await pass(5_000);
    assert.equal(realized(), "True 1 of 1 node");
    const { method, path, contentType } = calls[0]!;
    assert.deepEqual(
      [method, path, contentType],
      [
        "PATCH",
        "/apis/policy.networking.k8s.io/v1alpha2/clusternetworkpolicies/a/status?fieldManager=weir-cluster&force=true",
        "application/apply-patch+yaml",
      ],
    );
  });

  it("writes what is new alone, and keeps the time of a transition while only the words change", async () => {
    const { duty, pass, calls, realized } = setUp();
    duty.receive([policy(), node("n1"), node("n2"), report("n1", 1)], true);
    await pass(5_000);
    const status = Reflect.get(Object(calls[0]?.body), "status");
    const before = JSON.parse(JSON.stringify(status));
    for (const condition of before.conditions) condition.lastTransitionTime = "2026-01-01T00:00:00Z";
    duty.receive([policy(before)], true);
    await pass(5_000);
    assert.equal(calls.length, 1, "it says so already");
    duty.receive([report("n2", 1)], true);
    await pass(5_000);
    assert.equal(realized(), "True 2 of 2 nodes");
    assert.equal(JSON.stringify(calls[1]?.body).split("2026-01-01T00:00:00Z").length, 3);
  });

  it("does not know of a node from which nothing came for long, until something does", async () => {
    const { duty, pass, realized } = setUp();
    duty.receive([policy(), node("n1"), node("n2"), report("n1", 1), report("n2", 1)], true);
    await pass(5_000);
    await pass(20 * MINUTE);
    duty.receive([report("n1", 2)], true);
    await pass(6 * MINUTE);
    await pass(5_000);
    assert.equal(realized(), "Unknown 2 of 2 nodes; nothing heard for long from n2");
    duty.receive([report("n2", 2)], true);
    await pass(5_000);
    assert.equal(realized(), "True 2 of 2 nodes");
  });

  it("makes few Events of many reasons", async () => {
    const { duty, pass, calls } = setUp();
    const failed = (name: string) =>
      change(NODE_POLICY_STATUSES, name, {
        policies: [{ kind: "ClusterNetworkPolicy", name: "a", generation: 1, state: "failed", reason: `of ${name}` }],
      });
    const names = Array.from({ length: 20 }, (_, i) => `n${i}`);
    duty.receive([policy(), ...names.map(node), ...names.map(failed)], true);
    await pass(5_000);
    const events = calls.filter(({ path }) => path.endsWith("/events"));
    assert.equal(events.length, 3);
    const { involvedObject, message } = events[0]!.body as Record<string, unknown>;
    assert.deepEqual(involvedObject, {
      ...{ apiVersion: "policy.networking.k8s.io/v1alpha2", kind: "ClusterNetworkPolicy", name: "a", uid: "uid a" },
    });
    assert.match(String(message), /^refused on n0: of n0; refused on n1: of n1/);
  });

  it("lets go of what is refused, and tries again what the server is too busy for", async () => {
    let status = 422;
    const { duty, pass, calls, warnings, end } = setUp(() => ({ status, body: { message: "no" } }));
    duty.receive([policy(), node("n1"), report("n1", 1)], true);
    await pass(5_000);
    await pass(5_000);
    assert.equal(calls.length, 1);
    assert.match(warnings[0] ?? "", /a policy's status was refused .*"422 no"/);
    status = 503;
    duty.receive([report("n1", 2, "pending")], true);
    await pass(5_000);
    status = 200;
    await pass(60_000);
    await pass(5_000);
    assert.equal(calls.length, 3);
    end.abort();
    duty.receive([report("n1", 3)], true);
    await pass(5_000);
    assert.equal(calls.length, 3, "a term that is over writes nothing");
  });
});
