import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Mac, parseIp } from "#base/address.ts";
import { createFabric, type Fabric, type FabricNode } from "../../demo/fabric.ts";
import { startWeirNode, type WeirNode } from "../../demo/weir-node.ts";
import type { Kube } from "../rig/kube.ts";
import type { KubeObject } from "../rig/kube-rig-client.ts";
import { type Relay, relayInto } from "../rig/relay.ts";
import { until } from "../watch/until.ts";
import { nodeManifest } from "./cluster.ts";
import { type NeighbourProber, startProber } from "./neighbour-prober.ts";
import { DEFINITIONS } from "./weir-cluster.ts";

const exec = promisify(execFile);
const CLIENT = {
  mac: 0x02_18_00_00_ff_01 as Mac,
  addresses: { 4: parseIp("172.18.0.200")!, 6: parseIp("fd18::200")! },
};
const BOUND = 30_000;

/** Three nodes on one link, over a real API server, and a client of the world outside beside them. */
export class AnnouncingNodes {
  static readonly names = ["n1", "n2", "n3"];
  readonly processes = new Map<string, WeirNode>();
  readonly machines = new Map<string, FabricNode>();
  readonly kube: Kube;
  readonly fabric: Fabric;
  /** The client's namespace. */
  readonly client: string;
  readonly prober: NeighbourProber;
  readonly #relay: Relay;
  readonly #kubeconfig: string;

  private constructor(
    kube: Kube,
    fabric: Fabric,
    client: string,
    prober: NeighbourProber,
    relay: Relay,
    kubeconfig: string,
  ) {
    this.kube = kube;
    this.fabric = fabric;
    this.client = client;
    this.prober = prober;
    this.#relay = relay;
    this.#kubeconfig = kubeconfig;
  }

  /** Every node runs, with the objects in the API. */
  static async start(kube: Kube, name: string, objects: readonly KubeObject[]): Promise<AnnouncingNodes> {
    await kube.apply([...DEFINITIONS, ...AnnouncingNodes.names.map(AnnouncingNodes.object)]);
    await until(async () => (await kube.request("GET", "/apis/weir.dev/v1alpha1/addresspools")).status === 200, BOUND);
    const fabric = await createFabric(name);
    const kubeconfig = join(fabric.directory, "kubeconfig");
    const relay = await reachable(fabric, kube, kubeconfig);
    const client = await addClient(fabric);
    const nodes = new AnnouncingNodes(kube, fabric, client, await startProber(client, CLIENT), relay, kubeconfig);
    for (const [i, node] of AnnouncingNodes.names.entries())
      nodes.machines.set(node, await fabric.addNode(node, { 4: `172.18.0.${i + 1}`, 6: `fd18::${i + 1}` }));
    await kube.apply(objects);
    await Promise.all(AnnouncingNodes.names.map((node) => nodes.run(node)));
    return nodes;
  }

  static object(name: string): KubeObject {
    return nodeManifest(name, Number(name.slice(1)), [4, 6], [4]) as KubeObject;
  }

  static macOf(node: string): string {
    return `02:18:00:00:00:0${node.slice(1)}`;
  }

  async run(name: string): Promise<void> {
    const source = { kubernetes: { kubeconfig: this.#kubeconfig } };
    const weir = await startWeirNode({ name, ...this.machines.get(name)!, source });
    this.processes.set(name, weir);
    await weir.whenReady(BOUND);
  }

  async setLink(name: string, state: "up" | "down"): Promise<void> {
    await exec("ip", ["-n", this.fabric.outside.netns, "link", "set", name, state]);
  }

  /** Who answered the last ten questions for the address. */
  answering(address: string): readonly string[] {
    const last = this.prober.answers(address).slice(-10);
    return last.length < 10 ? [] : [...new Set(last.map(({ mac }) => mac))];
  }

  async close(): Promise<void> {
    await this.prober.close();
    await Promise.all([...this.processes.values()].map((weir) => weir.stop()));
    await this.#relay.close();
    await this.fabric.close();
  }
}

async function reachable({ outside, directory }: Fabric, kube: Kube, path: string): Promise<Relay> {
  const port = Number(new URL(kube.server).port);
  const relay = await relayInto(outside.netns, join(directory, "api.sock"), outside.addresses[4]!, port);
  const config = JSON.parse(await readFile(kube.kubeconfig, "utf8"));
  const server = { server: `https://${outside.addresses[4]}:${port}`, "tls-server-name": "localhost" };
  Object.assign(config.clusters[0].cluster, server);
  await writeFile(path, JSON.stringify(config));
  return relay;
}

/** A machine of the world outside on the nodes' link. */
async function addClient(fabric: Fabric): Promise<string> {
  const netns = await fabric.addNamespace("client");
  const outside = ["netns", "exec", fabric.outside.netns, "ip", "link"];
  await exec("ip", [...outside, "add", "client", "type", "veth", "peer", "name", "eth0", "netns", netns]);
  await exec("ip", [...outside, "set", "client", "master", "wire", "up"]);
  const inside = ["netns", "exec", netns, "ip"];
  await exec("ip", [...inside, "link", "set", "eth0", "address", "02:18:00:00:ff:01", "up"]);
  await exec("ip", [...inside, "address", "add", "172.18.0.200/24", "dev", "eth0"]);
  await exec("ip", [...inside, "address", "add", "fd18::200/64", "dev", "eth0", "nodad"]);
  return netns;
}
