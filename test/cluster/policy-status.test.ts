import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { stringify } from "yaml";
import { weirctl } from "#test/cli/run.ts";
import { callCni } from "../../demo/cni.ts";
import { createFabric, type Fabric } from "../../demo/fabric.ts";
import { startWeirNode, type WeirNode } from "../../demo/weir-node.ts";
import type { Kube } from "../rig/kube.ts";
import type { KubeObject } from "../rig/kube-rig-client.ts";
import { type Relay, relayInto } from "../rig/relay.ts";
import { nodeManifest, podManifest } from "../support/cluster.ts";
import { CLUSTER_NETWORK_POLICY_CRD as CNP_CRD } from "../support/cluster-network-policy-crd.ts";
import { DEFINITIONS, startWeirCluster, type WeirCluster } from "../support/weir-cluster.ts";
import { until } from "../watch/until.ts";
import { startKubeOrSkip } from "./start.ts";

const exec = promisify(execFile);
const NAME = "weir-t-pstatus";
const SHIM = join(import.meta.dirname, "../../dist/weir-cni");
const NODES = ["n1", "n2", "n3"];
const CNPS = "/apis/policy.networking.k8s.io/v1alpha2/clusternetworkpolicies";
const REPORTS = "/apis/weir.dev/v1alpha1/nodepolicystatuses";
const PATIENCE = 40_000;

const GUARDRAILS: KubeObject = {
  apiVersion: "policy.networking.k8s.io/v1alpha2",
  kind: "ClusterNetworkPolicy",
  metadata: { name: "guardrails" },
  spec: {
    ...{ tier: "Admin", priority: 10, subject: { namespaces: {} } },
    ingress: [{ action: "Deny", from: [{ namespaces: { matchLabels: { "kubernetes.io/metadata.name": "other" } } }] }],
  },
};

interface Report {
  readonly metadata: { readonly ownerReferences: readonly { readonly kind: string; readonly uid: string }[] };
  readonly policies: readonly {
    readonly name: string;
    readonly state: string;
    readonly since?: string;
    readonly neverHit: readonly string[];
  }[];
}

describe("Policies over three nodes on a real API server", function () {
  this.timeout(120_000);
  let kube: Kube;
  let fabric: Fabric;
  let relay: Relay;
  let kubeconfig: string;
  let cluster: WeirCluster;
  const weirs = new Map<string, WeirNode>();

  before(async function () {
    kube = await startKubeOrSkip(this);
    await kube.apply([CNP_CRD]);
    await until(async () => (await kube.request("GET", CNPS)).status === 200, PATIENCE);
    await kube.apply([
      ...NODES.map((name, i) => nodeManifest(name, i + 1, [4], [4]) as KubeObject),
      ...NODES.map((name) => podManifest(`pod-${name}`, name) as KubeObject),
    ]);
    fabric = await createFabric(NAME);
    const { netns, addresses } = fabric.outside;
    const port = Number(new URL(kube.server).port);
    relay = await relayInto(netns, join(fabric.directory, "api.sock"), addresses[4]!, port);
    const config = JSON.parse(await readFile(kube.kubeconfig, "utf8"));
    const server = { server: `https://${addresses[4]}:${port}`, "tls-server-name": "localhost" };
    Object.assign(config.clusters[0].cluster, server);
    kubeconfig = join(fabric.directory, "kubeconfig");
    await writeFile(kubeconfig, JSON.stringify(config));
    await Promise.all(NODES.map(startNode));
    cluster = await startWeirCluster(kube, "one");
  });
  after(async () => {
    await cluster?.stop();
    await Promise.all([...weirs.values()].map((weir) => weir.stop()));
    await relay?.close();
    await fabric?.close();
    await kube?.stop();
  });

  async function startNode(name: string): Promise<void> {
    const machine = await fabric.addNode(name, { 4: `172.18.0.${NODES.indexOf(name) + 1}` });
    const weir = await startWeirNode({ name, ...machine, source: { kubernetes: { kubeconfig } } });
    weirs.set(name, weir);
    await weir.whenReady(30_000);
    const netns = await fabric.addNamespace(`default.pod-${name}`);
    await callCni("ADD", {
      ...{
        executable: SHIM,
        conflist: weir.paths.conflist,
        socket: weir.paths.cniSocket,
        netns: `/run/netns/${netns}`,
      },
      containerId: createHash("sha256").update(name).digest("hex"),
      pod: { namespace: "default", name: `pod-${name}`, uid: "" },
    });
  }
  const report = async (name: string) => (await kube.request("GET", `${REPORTS}/${name}`)).body as Report;
  const entryOf = async (node: string, policy: string) =>
    (await report(node)).policies?.find(({ name }) => name === policy);
  const realized = async (): Promise<string> => {
    const { body } = await kube.request("GET", `${CNPS}/guardrails`);
    const conditions: unknown = Reflect.get(Object(Reflect.get(Object(body), "status")), "conditions");
    const found = (Array.isArray(conditions) ? conditions : []).find(({ type }) => type === "Realized");
    return `${found?.status} ${found?.message} (${found?.observedGeneration})`;
  };
  const saysRealized = (text: string) => until(async () => (await realized()) === text, PATIENCE);

  it("are told by nobody where the kind is not installed, which each node says once, and nothing else is amiss", async () => {
    await kube.apply([GUARDRAILS]);
    await until(
      async () => (await readFile(weirs.get("n1")!.paths.log, "utf8")).includes("cannot tell of policies"),
      PATIENCE,
    );
    const log = await readFile(weirs.get("n1")!.paths.log, "utf8");
    assert.equal(log.split("cannot tell of policies").length, 2);
    await saysRealized("Unknown no node has told of a pod that it selects (1)");
  });

  it("are told by each node in an object of its own, which goes with the node, once the kind is there", async () => {
    await kube.apply(DEFINITIONS);
    await until(async () => (await kube.request("GET", REPORTS)).status === 200, PATIENCE);
    // A node asks again after minutes, or when it starts.
    for (const name of NODES) await restart(name);
    await saysRealized("True 3 of 3 nodes (1)");
    const { uid } = ((await kube.request("GET", "/api/v1/nodes/n1")).body as { metadata: { uid: string } }).metadata;
    assert.deepEqual((await report("n1")).metadata.ownerReferences, [
      { apiVersion: "v1", kind: "Node", name: "n1", uid },
    ]);
    assert.deepEqual((await entryOf("n2", "guardrails"))?.neverHit, ["ingress[0]"]);
  });

  async function restart(name: string): Promise<void> {
    await weirs.get(name)?.stop();
    const directory = join(fabric.directory, name);
    const paths = { netns: `${NAME}-${name}`, directory, ovsDirectory: join(directory, "ovs") };
    const weir = await startWeirNode({ name, ...paths, source: { kubernetes: { kubeconfig } } });
    weirs.set(name, weir);
    await weir.whenReady(30_000);
  }

  it("are shown by weirctl, over all nodes, with the caller's kubeconfig; what may talk in the cluster too", async () => {
    const ask = (...argv: readonly string[]) => weirctl([...argv, "--kubeconfig", kube.kubeconfig]);
    const list = await ask("get", "policies");
    assert.deepEqual([list.code, list.err], [0, ""]);
    assert.match(list.out, /^ClusterNetworkPolicy +guardrails +3\/3 nodes +\d{4}-.*Z +0 +never +0 +ingress\[0\] +-$/m);
    const one = await ask("get", "policies", "guardrails");
    assert.match(one.out, /^realised +on 3 of 3 nodes since .*\n/m);
    assert.match(one.out, /^never hit +ingress\[0\] since .*\n/m);
    const [json] = JSON.parse((await ask("get", "policies", "-o", "json")).out);
    assert.deepEqual([json.nodes, json.realised, json.neverHit], [3, 3, ["ingress[0]"]]);
    assert.equal((await ask("get", "policies", "nobody")).code, 1);

    const allowed = await ask("explain", "default/pod-n1", "default/pod-n2:80");
    assert.match(allowed.out, /default\/pod-n1 -> default\/pod-n2, 80\/TCP: allowed/);
    assert.match((await ask("matrix", "--port", "80")).out, /default\/pod-n3/);
    assert.match(
      (await ask("policy", "lint")).out,
      /ClusterNetworkPolicy guardrails: spec\.ingress\[0\]\.from\[0\] selects no pod/,
    );
    const folder = join(fabric.directory, "change");
    await mkdir(folder, { recursive: true });
    await writeFile(
      join(folder, "closed.yaml"),
      stringify({
        ...{
          apiVersion: "networking.k8s.io/v1",
          kind: "NetworkPolicy",
          metadata: { name: "closed", namespace: "default" },
        },
        spec: { podSelector: {}, policyTypes: ["Ingress"] },
      }),
    );
    const diff = await ask("policy", "diff", folder);
    assert.equal(diff.code, 1, diff.err);
    assert.match(diff.out, /^- passes no more: .*default\/pod-n1.*\(default\/closed \(ingress\)\)$/m);
    assert.match(
      (await ask("matrix", "--context", "nowhere")).err,
      /context nowhere is not the name of one of its contexts/,
    );
    // Whoever may not see something is told what.
    const token = await kube.mintToken("default", "nobody");
    const other = await weirctl(["matrix", "--kubeconfig", await kube.writeKubeconfig("nobody", token)]);
    assert.equal(other.code, 1);
    assert.match(other.err, /does not list \w+: 403 .*system:serviceaccount:default:nobody/);
    // What an answer can do without is said.
    const resources = ["pods", "namespaces", "networkpolicies", "clusternetworkpolicies"];
    await kube.apply([
      {
        ...{ apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata: { name: "weir-test-some" } },
        rules: [{ apiGroups: ["*"], resources, verbs: ["list"] }],
      },
      {
        ...{
          apiVersion: "rbac.authorization.k8s.io/v1",
          kind: "ClusterRoleBinding",
          metadata: { name: "weir-test-some" },
        },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "weir-test-some" },
        subjects: [{ kind: "ServiceAccount", name: "nobody", namespace: "default" }],
      },
    ]);
    const some = () => weirctl(["matrix", "--kubeconfig", join(kube.directory, "nobody.kubeconfig")]);
    await until(async () => (await some()).code === 0, PATIENCE);
    const { out, err } = await some();
    assert.match(out, /default\/pod-n3/);
    assert.match(err, /^weirctl: nodes are left out: .*403/m);
  });

  it("are behind on a node whose process is away, and nowhere else", async () => {
    await weirs.get("n3")?.stop();
    await kube.apply([{ ...GUARDRAILS, spec: { ...(GUARDRAILS["spec"] as object), priority: 20 } }]);
    await saysRealized("False 2 of 3 nodes; not yet on n3 (2)");
  });

  it("are since when they were before a restart, which changes no flow", async () => {
    const before = await entryOf("n1", "guardrails");
    assert.ok(before?.since !== undefined);
    await restart("n1");
    await kube.apply([
      {
        apiVersion: "networking.k8s.io/v1",
        kind: "NetworkPolicy",
        metadata: { name: "mine", namespace: "default" },
        spec: { podSelector: {} },
      },
    ]);
    await until(async () => (await entryOf("n1", "default/mine"))?.state === "realised", PATIENCE);
    assert.equal((await entryOf("n1", "guardrails"))?.since, before.since);
  });

  it("have failed where the switch refuses them, with its words, on that node alone: which is an Event, too", async () => {
    const db = `--db=unix:${join(fabric.directory, "n1/ovs/db.sock")}`;
    const { stdout } = await exec("ovs-vsctl", [db, "--bare", "--columns=_uuid", "list", "Flow_Table"]);
    const tables = stdout.split(/\s+/).filter((uuid) => uuid !== "");
    for (const uuid of tables)
      await exec("ovs-vsctl", [db, "set", "Flow_Table", uuid, "flow_limit=1", "overflow_policy=refuse"]);
    const refused = {
      ...{
        apiVersion: "networking.k8s.io/v1",
        kind: "NetworkPolicy",
        metadata: { name: "refused", namespace: "default" },
      },
      spec: { podSelector: {}, ingress: [{ ports: [{ port: 81 }] }] },
    };
    await kube.apply([refused]);
    await until(async () => (await entryOf("n1", "default/refused"))?.state === "failed", PATIENCE);
    await until(async () => (await entryOf("n2", "default/refused"))?.state === "realised", PATIENCE);
    const selector = encodeURIComponent("involvedObject.name=refused,reason=WeirProblem");
    const events = async () =>
      JSON.stringify((await kube.request("GET", `/api/v1/namespaces/default/events?fieldSelector=${selector}`)).body);
    await until(async () => (await events()).includes("refused on n1: "), PATIENCE);
    assert.match(await events(), /TABLE_FULL/);
    const { code, out } = await weirctl(["get", "policies", "refused", "--kubeconfig", kube.kubeconfig]);
    assert.equal(code, 1);
    assert.match(out, /refused on n1: .*TABLE_FULL/);
    for (const uuid of tables)
      await exec("ovs-vsctl", [db, "clear", "Flow_Table", uuid, "flow_limit", "overflow_policy"]);
    await kube.remove([refused]);
    await until(async () => (await entryOf("n1", "default/refused")) === undefined, PATIENCE);
  });

  it("are no more counted for a node that is deleted", async () => {
    await kube.remove([nodeManifest("n3", 3, [4], [4]) as KubeObject]);
    await saysRealized("True 2 of 2 nodes (2)");
  });

  it("are told again when the API server was away, as they are by then", async () => {
    await kube.kill();
    await kube.restart();
    await kube.apply([{ ...GUARDRAILS, spec: { ...(GUARDRAILS["spec"] as object), priority: 30 } }]);
    await saysRealized("True 2 of 2 nodes (3)");
  });
});
