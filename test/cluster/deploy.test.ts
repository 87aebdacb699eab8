import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { parseAllDocuments } from "yaml";
import { parseConfig } from "#controller/node/config.ts";
import { createFabric, type Fabric } from "../../demo/fabric.ts";
import { startWeirNode, type WeirNode } from "../../demo/weir-node.ts";
import type { Kube } from "../rig/kube.ts";
import type { KubeObject } from "../rig/kube-rig-client.ts";
import { type Relay, relayInto } from "../rig/relay.ts";
import { nodeManifest, podManifest } from "../support/cluster.ts";
import { until } from "../watch/until.ts";
import { startKubeOrSkip } from "./start.ts";

const exec = promisify(execFile);
const ROOT = join(import.meta.dirname, "../..");
const MANIFEST = join(ROOT, "deploy/weir.yaml");
const BUNDLE = join(ROOT, "dist/weir-node.mjs");

const objects: readonly KubeObject[] = parseAllDocuments(readFileSync(MANIFEST, "utf8")).map((document) =>
  document.toJS(),
);
const find = (kind: string, ...path: readonly (string | number)[]): unknown =>
  at(
    objects.find((object) => object.kind === kind),
    ...path,
  );
/** A field deep in an object whose form nobody has checked; undefined when it is not there. */
function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((inner, step) => Reflect.get(Object(inner), step), value);
}
const listAt = (value: unknown, ...path: readonly (string | number)[]): readonly unknown[] => {
  const list = at(value, ...path);
  return Array.isArray(list) ? list : [];
};

describe("deploy/weir.yaml", () => {
  it("has a configuration that the node process accepts, with nothing but what the cluster gives", () => {
    const text = String(find("ConfigMap", "data", "weir.yaml"));
    const config = parseConfig(text, "weir.yaml", { env: { NODE_NAME: "n1" }, hostname: "h" });
    assert.deepEqual([config.nodeName, config.source], ["n1", { kubernetes: {} }]);
  });

  it("mounts every folder that the configuration's defaults name", () => {
    const config = parseConfig("", "defaults", { env: {}, hostname: "h" });
    const containers = listAt(find("DaemonSet", "spec", "template", "spec", "containers"));
    const container = containers.find((one) => at(one, "name") === "weir-node");
    const mounts = listAt(container, "volumeMounts").map((mount) => String(at(mount, "mountPath")));
    for (const path of [
      config.cni.socket,
      config.cni.configDirectory,
      config.control.socket,
      config.stateDirectory,
      config.ovs.runDirectory,
    ])
      assert.ok(
        mounts.some((mount) => path.startsWith(mount)),
        `nothing is mounted for ${path}`,
      );
  });

  it("runs what the image holds, and the image takes what the build makes", () => {
    const image = readFileSync(join(ROOT, "deploy/Dockerfile"), "utf8");
    for (const name of ["weir-netns", "weir-announce", "weir-cni"]) {
      assert.match(image, new RegExp(`/src/dist/${name}\\b`));
      assert.ok(existsSync(join(ROOT, "dist", name)), `dist/${name}`);
    }
    for (const program of ["weir-node", "weir-cluster", "weirctl"]) assert.match(image, new RegExp(`\\b${program}\\b`));
    for (const script of ["start-ovs.sh", "install-cni.sh"]) {
      assert.match(image, new RegExp(script));
      assert.ok(existsSync(join(ROOT, "deploy", script)));
    }
  });
});

describe("deploy/weir.yaml on a real API server", function () {
  this.timeout(90_000);
  let kube: Kube;
  let token: string;
  before(async function () {
    kube = await startKubeOrSkip(this);
    token = await kube.mintToken("kube-system", "weir-node");
  });
  after(() => kube?.stop());

  it("is accepted, each object of it, without a field that the server does not know", async () => {
    for (const object of objects) {
      const path = `${await kube.pathOf(object)}?fieldManager=kubectl&force=true&fieldValidation=Strict`;
      const { status, body } = await kube.request("PATCH", path, object, {
        contentType: "application/apply-patch+yaml",
      });
      assert.ok(status < 300, `${object.kind}: ${status} ${JSON.stringify(body)}`);
    }
  });

  it("lets the node process do what it must, and nothing else", async () => {
    await kube.apply([nodeManifest("n1", 1, [4], [4]) as KubeObject, podManifest("web", "n1") as KubeObject]);
    const may = async (method: string, path: string, body?: unknown, contentType?: string) =>
      (await kube.request(method, path, body, { token, ...(contentType !== undefined && { contentType }) })).status;
    const merge = "application/strategic-merge-patch+json";
    for (const kind of ["pods", "nodes", "namespaces"]) assert.equal(await may("GET", `/api/v1/${kind}`), 200);
    assert.equal(await may("GET", "/apis/networking.k8s.io/v1/networkpolicies"), 200);
    // Allowed, but not there: nobody has installed its definition.
    assert.equal(await may("GET", "/apis/policy.networking.k8s.io/v1alpha2/clusternetworkpolicies"), 404);
    assert.equal(await may("GET", "/api/v1/services"), 200);
    assert.equal(await may("GET", "/apis/networking.k8s.io/v1/servicecidrs"), 200);
    assert.equal(await may("GET", "/apis/discovery.k8s.io/v1/endpointslices"), 200);
    assert.equal(await may("PATCH", "/api/v1/nodes/n1/status", { status: {} }, merge), 200);
    const report = { apiVersion: "weir.dev/v1alpha1", kind: "NodePolicyStatus", metadata: { name: "n1" } };
    const own = "/apis/weir.dev/v1alpha1/nodepolicystatuses/n1";
    await until(
      async () => (await may("GET", own)) === 404 && (await kube.request("GET", own.slice(0, -3))).status === 200,
    );
    const apply = "application/apply-patch+yaml";
    assert.equal(await may("PATCH", `${own}?fieldManager=weir-node&force=true`, report, apply), 201);
    const refused: readonly [string, string, unknown?, string?][] = [
      ["GET", "/api/v1/secrets"],
      ["GET", "/api/v1/namespaces/kube-system/configmaps/weir-config"],
      ["DELETE", "/api/v1/namespaces/default/pods/web"],
      ["PATCH", "/api/v1/nodes/n1", { metadata: { labels: { a: "b" } } }, merge],
      ["PATCH", "/api/v1/namespaces/default/pods/web", { metadata: { labels: { a: "b" } } }, merge],
      ["POST", "/api/v1/namespaces/default/pods", podManifest("more", "n1")],
      ["GET", "/apis/apps/v1/daemonsets"],
      ["DELETE", own],
      ["GET", "/apis/weir.dev/v1alpha1/nodepolicystatuses"],
      ["GET", "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/weir-cluster"],
    ];
    for (const [method, path, body, contentType] of refused)
      assert.equal(await may(method, path, body, contentType), 403, `${method} ${path}`);
  });

  it("lets a node tell of itself alone", async () => {
    const agent = {
      ...{ apiVersion: "v1", kind: "Pod", metadata: { name: "weir-node-x", namespace: "kube-system" } },
      spec: { nodeName: "n1", serviceAccountName: "weir-node", containers: [{ name: "main", image: "none" }] },
    };
    await kube.apply([agent]);
    const boundObjectRef = { apiVersion: "v1", kind: "Pod", name: "weir-node-x" };
    const account = "/api/v1/namespaces/kube-system/serviceaccounts/weir-node";
    const { body } = await kube.request("POST", `${account}/token`, { spec: { boundObjectRef } });
    const bound = String(at(body, "status", "token"));
    const write = async (name: string, by = bound) => {
      const report = { apiVersion: "weir.dev/v1alpha1", kind: "NodePolicyStatus", metadata: { name } };
      const path = `/apis/weir.dev/v1alpha1/nodepolicystatuses/${name}?fieldManager=weir-node&force=true`;
      const options = { token: by, contentType: "application/apply-patch+yaml" };
      return kube.request("PATCH", path, report, options);
    };
    // The policy takes some time to be in force.
    await until(async () => (await write("n2")).status === 422, 20_000);
    assert.match(String(at((await write("n3")).body, "message")), /the object of its own node alone/);
    assert.ok((await write("n1")).status < 300);
    // A token that does not say where it was given, as older servers' do not.
    assert.ok((await write("n2", token)).status < 300);
  });

  it("lets weir-cluster do what it must, and nothing else", async () => {
    const other = await kube.mintToken("kube-system", "weir-cluster");
    const may = async (method: string, path: string, body?: unknown, contentType?: string) =>
      (await kube.request(method, path, body, { token: other, ...(contentType && { contentType }) })).status;
    const apply = "application/apply-patch+yaml";
    for (const path of ["/api/v1/nodes", "/apis/networking.k8s.io/v1/networkpolicies"])
      assert.equal(await may("GET", path), 200, path);
    const reports = "/apis/weir.dev/v1alpha1/nodepolicystatuses";
    await until(async () => (await may("GET", reports)) === 200, 20_000);
    // Allowed, but not there: nobody has installed its definition.
    const cnps = "/apis/policy.networking.k8s.io/v1alpha2/clusternetworkpolicies";
    assert.equal(await may("GET", cnps), 404);
    assert.equal(await may("PATCH", `${cnps}/a/status?fieldManager=weir-cluster`, {}, apply), 404);
    const leases = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
    const lease = (name: string) => ({
      ...{ apiVersion: "coordination.k8s.io/v1", kind: "Lease" },
      ...{ metadata: { name, namespace: "kube-system" }, spec: { holderIdentity: "test" } },
    });
    assert.equal(await may("POST", leases, lease("weir-cluster")), 201);
    assert.equal(await may("GET", `${leases}/weir-cluster`), 200);
    const { body: held } = await kube.request("GET", `${leases}/weir-cluster`);
    assert.equal(await may("PUT", `${leases}/weir-cluster`, held), 200);
    const event = {
      metadata: { name: "test", namespace: "default" },
      involvedObject: { kind: "NetworkPolicy", name: "a", namespace: "default" },
    };
    assert.equal(await may("POST", "/api/v1/namespaces/default/events", event), 201);
    const report = { apiVersion: "weir.dev/v1alpha1", kind: "NodePolicyStatus", metadata: { name: "n1" } };
    const refused: readonly [string, string, unknown?, string?][] = [
      ["GET", "/api/v1/secrets"],
      ["GET", "/api/v1/pods"],
      ["PATCH", `${cnps}/a?fieldManager=weir-cluster`, {}, apply],
      ["PATCH", "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies/a?fieldManager=x", {}, apply],
      ["PATCH", `${reports}/n1?fieldManager=x`, report, apply],
      ["DELETE", `${leases}/weir-cluster`],
      ["GET", `${leases}/another`],
    ];
    for (const [method, path, body, contentType] of refused)
      assert.equal(await may(method, path, body, contentType), 403, `${method} ${path}`);
  });

  describe("with the bundled node process and exactly that account", () => {
    const NAME = "weir-t-deploy";
    let fabric: Fabric;
    let relay: Relay;
    let node: WeirNode;

    before(async () => {
      await exec(process.execPath, [join(ROOT, "scripts/bundle.ts"), "weir-node"]);
      fabric = await createFabric(NAME);
      const { netns, addresses } = fabric.outside;
      const port = Number(new URL(kube.server).port);
      relay = await relayInto(netns, join(fabric.directory, "api.sock"), addresses[4]!, port);
      const config = JSON.parse(await readFile(await kube.writeKubeconfig("weir-node", token), "utf8"));
      const { cluster } = config.clusters[0];
      Object.assign(cluster, { server: `https://${addresses[4]}:${port}`, "tls-server-name": "localhost" });
      const kubeconfig = join(fabric.directory, "kubeconfig");
      await writeFile(kubeconfig, JSON.stringify(config));
      const machine = await fabric.addNode("n1", { 4: "172.18.0.1" });
      const source = { kubernetes: { kubeconfig } };
      node = await startWeirNode({ name: "n1", ...machine, source, program: BUNDLE });
    });
    after(async () => {
      await node?.stop();
      await relay?.close();
      await fabric?.close();
    });

    const nodeObject = async () => (await kube.request("GET", "/api/v1/nodes/n1")).body;
    const condition = async () =>
      listAt(await nodeObject(), "status", "conditions").find((one) => at(one, "type") === "NetworkUnavailable");

    it("becomes ready, and says so on its Node with the MTU of its pods", async () => {
      await node.whenReady(30_000);
      await until(async () => at(await condition(), "status") === "False", 20_000);
      assert.equal(at(await condition(), "reason"), "WeirReady");
      assert.equal(at(await nodeObject(), "metadata", "annotations", "weir.dev/pod-mtu"), "1450");
    });

    it("tells which policies are in force on it", async () => {
      const path = "/apis/weir.dev/v1alpha1/nodepolicystatuses/n1";
      await until(async () => at((await kube.request("GET", path)).body, "counts", "failed") === 0, 20_000);
    });

    it("puts a problem on its object as an Event", async () => {
      const broken = { metadata: { annotations: { "weir.dev/pod-mtu": "huge" } } };
      const contentType = "application/merge-patch+json";
      await kube.request("PATCH", "/api/v1/nodes/n1", broken, { contentType });
      const selector = encodeURIComponent("involvedObject.name=n1,reason=WeirProblem");
      const events = async () =>
        JSON.stringify((await kube.request("GET", `/api/v1/events?fieldSelector=${selector}`)).body);
      await until(async () => (await events()).includes("an MTU such as 1450"), 20_000);
    });

    it("goes on without the API server, starts again without it, and catches up when it is back", async () => {
      await kube.kill();
      await node.stop();
      const { netns, ovsDirectory } = { netns: `${NAME}-n1`, ovsDirectory: join(fabric.directory, "n1/ovs") };
      const source = { kubernetes: { kubeconfig: join(fabric.directory, "kubeconfig") } };
      const directory = join(fabric.directory, "n1");
      node = await startWeirNode({ name: "n1", netns, directory, ovsDirectory, source, program: BUNDLE });
      await node.whenReady(30_000);
      await kube.restart();
      await kube.apply([nodeManifest("n2", 2, [4], [4]) as KubeObject]);
      const flows = async () =>
        (await exec("ovs-ofctl", ["-O", "OpenFlow15", "dump-flows", `unix:${ovsDirectory}/br-weir.mgmt`])).stdout;
      await until(async () => (await flows()).includes("10.10.2.0/24"), 40_000);
    });
  });
});
