import assert from "node:assert/strict";
import type { Access } from "#controller/watch/access/access.ts";
import { kubeconfigAccess } from "#controller/watch/access/kubeconfig.ts";
import { WATCHED_KINDS } from "#controller/watch/kinds.ts";
import { ingest } from "#pipeline/ingest/ingest.ts";
import type { Kube } from "../rig/kube.ts";
import { CLUSTER_NETWORK_POLICY_CRD as CRD } from "../support/cluster-network-policy-crd.ts";
import { type Observed, observe } from "../watch/observe.ts";
import { until } from "../watch/until.ts";
import { startKubeOrSkip } from "./start.ts";

const kind = WATCHED_KINDS.find((one) => one.kind === "ClusterNetworkPolicy")!;
const POLICIES = "/apis/policy.networking.k8s.io/v1alpha2/clusternetworkpolicies";

const POLICY = {
  apiVersion: "policy.networking.k8s.io/v1alpha2",
  kind: "ClusterNetworkPolicy",
  metadata: { name: "guardrails" },
  spec: {
    tier: "Admin",
    priority: 10,
    subject: { namespaces: {} },
    ingress: [
      { action: "Deny", from: [{ pods: { namespaceSelector: {}, podSelector: { matchLabels: { a: "b" } } } }] },
    ],
    egress: [
      {
        action: "Accept",
        to: [{ nodes: {} }, { networks: ["10.0.0.0/8"] }],
        protocols: [
          { tcp: { destinationPort: { range: { start: 80, end: 90 } } } },
          { udp: { destinationPort: { number: 53 } } },
        ],
      },
    ],
  },
};

describe("ClusterNetworkPolicies on a real API server", function () {
  this.timeout(60_000);
  let kube: Kube;
  let access: Access;
  let seen: Observed;

  before(async function () {
    kube = await startKubeOrSkip(this);
    access = await kubeconfigAccess(kube.kubeconfig);
    seen = observe(access, { kind });
  });
  after(async () => {
    seen?.stop();
    await kube?.stop();
  });
  const eventually = (condition: () => boolean | Promise<boolean>) => until(condition, 30_000);

  it("are none while their definition is not installed, and that is no failure", async () => {
    await eventually(() => seen.pauses.length > 3);
    assert.deepEqual(seen.batches, [{ source: "kubernetes/clusternetworkpolicies", synced: true, changes: [] }]);
    const { connected, synced, absent, failure } = seen.status!;
    assert.deepEqual(
      { connected, synced, absent, failure },
      { connected: true, synced: true, absent: true, failure: undefined },
    );
    assert.deepEqual([seen.statuses.length, seen.warnings], [1, []]);
  });

  it("are watched as soon as it is", async () => {
    await kube.apply([CRD]);
    await eventually(() => seen.status?.absent === false);
    await eventually(async () => (await kube.request("GET", POLICIES)).status === 200);
    await kube.apply([POLICY]);
    await eventually(() => seen.objects.has("guardrails"));
    const object = seen.objects.get("guardrails");
    const { value, problems } = ingest("test", { kind: "ClusterNetworkPolicy", key: "guardrails", object });
    assert.deepEqual(problems, []);
    assert.deepEqual(Reflect.get(Object(value), "priority"), 10);
    assert.equal(Reflect.get(Object(value), "generation"), 1);
  });

  it("go with their definition, and come again with it", async () => {
    await kube.remove([CRD]);
    await eventually(() => seen.status?.absent === true);
    assert.deepEqual([...seen.objects.keys()], []);
    await kube.apply([CRD]);
    await eventually(() => seen.status?.absent === false);
    await eventually(async () => (await kube.request("GET", POLICIES)).status === 200);
    await kube.apply([{ ...POLICY, metadata: { name: "again" } }]);
    await eventually(() => seen.objects.has("again"));
    assert.deepEqual([...seen.objects.keys()], ["again"]);
  });
});
