import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createFabric, type Fabric } from "../../demo/fabric.ts";
import { startWeirNode, type WeirNode } from "../../demo/weir-node.ts";
import type { Kube } from "../rig/kube.ts";
import type { KubeObject } from "../rig/kube-rig-client.ts";
import { type Relay, relayInto } from "../rig/relay.ts";
import { nodeManifest } from "../support/cluster.ts";
import { run } from "../support/node-rig.ts";
import { until } from "../watch/until.ts";
import { startKubeOrSkip } from "./start.ts";

const NAME = "weir-t-status";
const STRATEGIC = { contentType: "application/strategic-merge-patch+json" };

interface NodeObject {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly status: { readonly conditions?: readonly Readonly<Record<string, string>>[] };
}

describe("What a node says of itself on a real API server", function () {
  this.timeout(60_000);
  let kube: Kube;
  let fabric: Fabric;
  let relay: Relay;
  let weir: WeirNode;

  before(async function () {
    kube = await startKubeOrSkip(this);
    await kube.apply([nodeManifest("n1", 1, [4], [4]) as KubeObject]);
    fabric = await createFabric(NAME);
    const { netns, addresses } = fabric.outside;
    const port = Number(new URL(kube.server).port);
    relay = await relayInto(netns, join(fabric.directory, "api.sock"), addresses[4]!, port);
    const config = JSON.parse(await readFile(kube.kubeconfig, "utf8"));
    const server = { server: `https://${addresses[4]}:${port}`, "tls-server-name": "localhost" };
    Object.assign(config.clusters[0].cluster, server);
    const kubeconfig = join(fabric.directory, "kubeconfig");
    await writeFile(kubeconfig, JSON.stringify(config));
    const machine = await fabric.addNode("n1", { 4: "172.18.0.1" });
    weir = await startWeirNode({ name: "n1", ...machine, source: { kubernetes: { kubeconfig } } });
    await weir.whenReady(30_000);
    await until(async () => (await said())["status"] === "False", 20_000);
  });
  after(async () => {
    await weir?.stop();
    await relay?.close();
    await fabric?.close();
    await kube?.stop();
  });

  async function nodeObject(): Promise<NodeObject> {
    return (await kube.request("GET", "/api/v1/nodes/n1")).body as NodeObject;
  }
  async function said(): Promise<Readonly<Record<string, string | undefined>>> {
    const { metadata, status } = await nodeObject();
    const condition = status.conditions?.find(({ type }) => type === "NetworkUnavailable");
    return {
      ...{ status: condition?.["status"], reason: condition?.["reason"], message: condition?.["message"] },
      mtu: metadata.annotations?.["weir.dev/pod-mtu"],
    };
  }
  const expected = {
    ...{ status: "False", reason: "WeirReady", message: "Weir connects this node's pods" },
    mtu: "1450",
  };
  const isPutBack = async () => {
    await until(async () => JSON.stringify(await said()) === JSON.stringify(expected), 30_000);
  };

  it("is the condition and the MTU of its pods", isPutBack);

  it("is put back when another controller says otherwise, and what others say of the node stays", async () => {
    const conditions = [
      { type: "NetworkUnavailable", status: "True", reason: "NoRouteCreated", message: "no route" },
      { type: "Ready", status: "True", reason: "KubeletReady", message: "" },
    ];
    const metadata = { annotations: { "weir.dev/pod-mtu": null, "example.com/other": "kept" } };
    const patch = { metadata, status: { conditions } };
    assert.equal((await kube.request("PATCH", "/api/v1/nodes/n1/status", patch, STRATEGIC)).status, 200);
    await isPutBack();
    const object = await nodeObject();
    assert.equal(object.metadata.annotations?.["example.com/other"], "kept");
    assert.ok(object.status.conditions?.some(({ type, status }) => type === "Ready" && status === "True"));
  });

  it("stands when the API server was away and is back, which is counted", async () => {
    const metric = async (name: string) => {
      const url = "http://127.0.0.1:10350/metrics";
      const { output } = await run(["ip", "netns", "exec", `${NAME}-n1`, "curl", "-s", url]);
      return new RegExp(`^${name}\\{peer="kubernetes"\\} (\\d+)$`, "m").exec(output)?.[1];
    };
    assert.deepEqual([await metric("weir_connected"), await metric("weir_reconnects_total")], ["1", undefined]);
    await kube.kill();
    await until(async () => (await metric("weir_connected")) === "0", 20_000);
    await kube.restart();
    await until(async () => (await metric("weir_reconnects_total")) === "1", 30_000);
    assert.equal(await metric("weir_connected"), "1");
    await isPutBack();
  });
});
