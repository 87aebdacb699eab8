import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Kube } from "#test/rig/kube.ts";
import type { KubeObject } from "#test/rig/kube-rig-client.ts";
import { relayInto } from "#test/rig/relay.ts";
import { callCni } from "../../demo/cni.ts";
import type { Fabric, FabricNode } from "../../demo/fabric.ts";
import { startWeirNode, type WeirNode } from "../../demo/weir-node.ts";

const SHIM = join(import.meta.dirname, "../../dist/weir-cni");
const NODE = "n1";

/** One node on a real API server, with pods named web-0, web-1 and so on, labelled so. */
export interface ApiNode {
  readonly fabric: Fabric;
  readonly kube: Kube;
  readonly machine: FabricNode;
  /** By name: its namespace and its addresses. */
  readonly pods: ReadonlyMap<string, { readonly netns: string; readonly address: string; readonly mac: string }>;
  /** Starts the node process; resolves when pods can be plugged in. */
  start(): Promise<WeirNode>;
}

export interface ApiNodePlan {
  readonly fabric: Fabric;
  readonly kube: Kube;
  readonly podCount: number;
  /** The program to run instead of the checkout's, such as a bundle. */
  readonly program?: string;
  defer(undo: () => unknown): void;
}

/** The pods are plugged in by a node process that has ended when it resolves. */
export async function makeApiNode({ fabric, kube, podCount, program, defer }: ApiNodePlan): Promise<ApiNode> {
  const machine = await fabric.addNode(NODE, { 4: "172.18.0.1", 6: "fd18::1" });
  const port = Number(new URL(kube.server).port);
  // On the machine's own loopback: its node reaches it as it would reach a load balancer.
  const relay = await relayInto(machine.netns, join(fabric.directory, "api.sock"), "127.0.0.1", port);
  defer(() => relay.close());
  const kubeconfig = join(fabric.directory, "kubeconfig");
  await writeFile(kubeconfig, await readFile(kube.kubeconfig, "utf8"));
  await kube.apply([nodeObject()]);
  const start = async (): Promise<WeirNode> => {
    const source = { kubernetes: { kubeconfig } };
    const node = await startWeirNode({ name: NODE, ...machine, source, ...(program !== undefined && { program }) });
    defer(() => node.stop("SIGKILL"));
    await node.whenReady(20_000);
    return node;
  };
  const node = await start();
  const pods = new Map<string, { netns: string; address: string; mac: string }>();
  for (let i = 0; i < podCount; i++) {
    const name = `web-${i}`;
    const netns = await fabric.addNamespace(name);
    const { cniSocket, conflist } = node.paths;
    const call = { executable: SHIM, conflist, socket: cniSocket, containerId: name, netns: `/run/netns/${netns}` };
    const { ips = [], interfaces = [] } = await callCni("ADD", {
      ...call,
      pod: { namespace: "default", name, uid: "" },
    });
    const addresses = ips.map(({ address }) => address.split("/")[0]!);
    pods.set(name, { netns, address: addresses[0]!, mac: interfaces.find(({ sandbox }) => sandbox)?.mac ?? "" });
    await kube.apply([podObject(name, addresses)]);
  }
  await node.stop();
  return { fabric, kube, machine, pods, start };
}

function nodeObject(): KubeObject {
  const podCIDRs = ["10.10.1.0/24", "fd10:10:1::/64"];
  const addresses = [{ type: "InternalIP", address: "172.18.0.1" }];
  return {
    ...{ apiVersion: "v1", kind: "Node", metadata: { name: NODE } },
    spec: { podCIDR: podCIDRs[0], podCIDRs },
    status: { addresses },
  };
}

function podObject(name: string, addresses: readonly string[]): KubeObject {
  return {
    ...{ apiVersion: "v1", kind: "Pod", metadata: { name, namespace: "default", labels: { app: name } } },
    spec: { nodeName: NODE, containers: [{ name: "main", image: "none" }], automountServiceAccountToken: false },
    status: { phase: "Running", podIP: addresses[0], podIPs: addresses.map((ip) => ({ ip })) },
  };
}
