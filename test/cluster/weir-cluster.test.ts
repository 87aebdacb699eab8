import assert from "node:assert/strict";
import type { Kube } from "../rig/kube.ts";
import type { KubeObject } from "../rig/kube-rig-client.ts";
import { CLUSTER_NETWORK_POLICY_CRD as CNP_CRD } from "../support/cluster-network-policy-crd.ts";
import { DEFINITIONS, startWeirCluster, type WeirCluster } from "../support/weir-cluster.ts";
import { until } from "../watch/until.ts";
import { startKubeOrSkip } from "./start.ts";

const LEASE = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/weir-cluster";
const CNPS = "/apis/policy.networking.k8s.io/v1alpha2/clusternetworkpolicies";
const PATIENCE = 40_000;

type Condition = Readonly<Record<string, unknown>>;

const node = (name: string): KubeObject => ({ apiVersion: "v1", kind: "Node", metadata: { name } });
const cnp = (name: string, spec: object = {}): KubeObject => ({
  apiVersion: "policy.networking.k8s.io/v1alpha2",
  kind: "ClusterNetworkPolicy",
  metadata: { name },
  spec: { tier: "Admin", priority: 10, subject: { namespaces: {} }, ...spec },
});
const report = (name: string, policies: readonly object[]): KubeObject => ({
  apiVersion: "weir.dev/v1alpha1",
  kind: "NodePolicyStatus",
  metadata: { name },
  reportedAt: new Date().toISOString(),
  policies,
});
const entry = (name: string, fields: object = {}) => ({
  ...{ kind: "ClusterNetworkPolicy", name, generation: 1, state: "realised", since: "2026-01-02T03:04:05Z" },
  ...fields,
});

describe("weir-cluster on a real API server", function () {
  this.timeout(90_000);
  let kube: Kube;
  let one: WeirCluster;
  let two: WeirCluster;

  before(async function () {
    kube = await startKubeOrSkip(this);
    await kube.apply([node("n1"), node("n2"), node("n3")]);
    one = await startWeirCluster(kube, "one");
    await until(() => one.leads(), PATIENCE);
  });
  after(async () => {
    await one?.stop();
    await two?.stop();
    await kube?.stop();
  });

  const holder = async (): Promise<string> =>
    String(Reflect.get(Object(Reflect.get(Object((await kube.request("GET", LEASE)).body), "spec")), "holderIdentity"));
  const conditions = async (name: string): Promise<readonly Condition[]> => {
    const { body } = await kube.request("GET", `${CNPS}/${name}`);
    const list: unknown = Reflect.get(Object(Reflect.get(Object(body), "status")), "conditions");
    return Array.isArray(list) ? list : [];
  };
  const realized = async (name: string) => (await conditions(name)).find(({ type }) => type === "Realized");
  const says = (name: string, wanted: Condition) =>
    until(async () => {
      const found = await realized(name);
      return Object.entries(wanted).every(([field, value]) => found?.[field] === value);
    }, PATIENCE);

  it("leads and is ready while no definition of a custom kind is installed, which is said once", async () => {
    await until(async () => (await one.readyz()) === "ok\n", PATIENCE);
    const told = one
      .log()
      .split("\n")
      .filter((line) => line.includes("does not know the kind"));
    assert.equal(told.length, 3, told.join("\n"));
    assert.ok(!one.log().includes('"level":"error"'), one.log());
  });

  it("says on a ClusterNetworkPolicy where it is in force, and leaves what others say of it", async () => {
    await kube.apply([CNP_CRD, ...DEFINITIONS]);
    for (const path of [CNPS, "/apis/weir.dev/v1alpha1/nodepolicystatuses"])
      await until(async () => (await kube.request("GET", path)).status === 200, PATIENCE);
    await kube.apply([
      {
        ...cnp("guardrails"),
        status: {
          conditions: [
            {
              type: "Other",
              status: "True",
              reason: "Because",
              message: "",
              lastTransitionTime: "2026-01-01T00:00:00Z",
            },
          ],
        },
      },
    ]);
    await kube.apply([report("n1", [entry("guardrails")]), report("n2", [entry("guardrails", { state: "pending" })])]);
    await says("guardrails", { status: "False", reason: "Pending", message: "1 of 2 nodes; not yet on n2" });
    await kube.apply([report("n2", [entry("guardrails")])]);
    await says("guardrails", { status: "True", message: "2 of 2 nodes", observedGeneration: 1 });
    assert.deepEqual((await conditions("guardrails")).map(({ type, status }) => [type, status]).sort(), [
      ["Accepted", "True"],
      ["Other", "True"],
      ["Realized", "True"],
    ]);
  });

  it("counts a node as behind that has an older generation, and tells why one refuses, as an Event too", async () => {
    await kube.apply([cnp("guardrails", { priority: 20 })]);
    await says("guardrails", { status: "False", message: "0 of 2 nodes; not yet on n1, n2", observedGeneration: 2 });
    const refused = entry("guardrails", { generation: 2, state: "failed", reason: "OFPBRC_EPERM" });
    await kube.apply([
      report("n1", [entry("guardrails", { generation: 2 })]),
      report("n2", [refused]),
      report("n3", [refused]),
    ]);
    await says("guardrails", { reason: "Refused", message: "1 of 3 nodes; refused on n2, n3: OFPBRC_EPERM" });
    const selector = encodeURIComponent("involvedObject.name=guardrails,reason=WeirProblem");
    const events = async () =>
      JSON.stringify((await kube.request("GET", `/api/v1/events?fieldSelector=${selector}`)).body);
    await until(async () => (await events()).includes("OFPBRC_EPERM"), PATIENCE);
    assert.match(await events(), /"reportingComponent":"weir-cluster"/);
  });

  it("counts no node that is not there any more, though its object still is", async () => {
    await kube.remove([node("n2"), node("n3")]);
    await says("guardrails", { status: "True", message: "1 of 1 node" });
  });

  it("puts back what somebody else writes in its place", async () => {
    const patch = {
      status: {
        conditions: [
          { type: "Realized", status: "False", reason: "X", message: "y", lastTransitionTime: "2026-01-01T00:00:00Z" },
        ],
      },
    };
    const answer = await kube.request("PATCH", `${CNPS}/guardrails/status`, patch, {
      contentType: "application/merge-patch+json",
    });
    assert.equal(answer.status, 200);
    await says("guardrails", { status: "True", message: "1 of 1 node" });
  });

  it("puts what is wrong with a NetworkPolicy, which has no status, on it as an Event", async () => {
    const policy = {
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name: "odd", namespace: "default" },
      spec: { podSelector: {} },
    };
    await kube.apply([policy, { ...policy, metadata: { name: "right", namespace: "default" } }]);
    const of = (name: string, fields: object) => entry(name, { kind: "NetworkPolicy", ...fields });
    const failed = of("default/odd", { state: "failed", reason: "OFPMMFC_OUT_OF_METERS" });
    await kube.apply([
      report("n1", [entry("guardrails", { generation: 2 }), failed, of("default/right", { state: "pending" })]),
    ]);
    const list = async () => JSON.stringify((await kube.request("GET", "/api/v1/namespaces/default/events")).body);
    await until(async () => (await list()).includes('"kind":"NetworkPolicy"'), PATIENCE);
    assert.doesNotMatch(await list(), /"name":"right"/);
  });

  it("waits while another one leads, and takes over when that one is killed", async () => {
    two = await startWeirCluster(kube, "two");
    await until(async () => (await two.readyz()) === "ok\n", PATIENCE);
    await until(() => two.log().includes("another one leads"), PATIENCE);
    const before = await holder();
    assert.equal(await two.leads(), false);
    await one.stop("SIGKILL");
    await until(() => two.leads(), PATIENCE);
    assert.notEqual(await holder(), before);
    await kube.apply([report("n1", [entry("guardrails", { generation: 2, state: "pending" })])]);
    await says("guardrails", { status: "False", message: "0 of 1 node; not yet on n1" });
  });

  it("gives the lease back when it is told to stop: the next one need not wait until it runs out", async () => {
    await two.stop();
    assert.equal(await holder(), "");
    one = await startWeirCluster(kube, "three");
    await until(() => one.leads(), PATIENCE);
  });

  it("leads no more when it cannot renew the lease, and again when the API server is back", async () => {
    await kube.kill();
    await until(async () => !(await one.leads()), PATIENCE);
    assert.match((await one.readyz()) ?? "", /lease/);
    await kube.restart();
    await until(() => one.leads(), PATIENCE);
    await kube.apply([report("n1", [entry("guardrails", { generation: 2 })])]);
    await says("guardrails", { status: "True", message: "1 of 1 node" });
  });
});
