import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { parseAllDocuments } from "yaml";
import { type Mac, parseIp } from "#base/address.ts";
import { ownerOf } from "#pipeline/announce/announcements.ts";
import { createFabric, type Fabric, type FabricNode } from "../../demo/fabric.ts";
import { startWeirNode, type WeirNode } from "../../demo/weir-node.ts";
import type { Kube } from "../rig/kube.ts";
import type { KubeObject } from "../rig/kube-rig-client.ts";
import { type Relay, relayInto } from "../rig/relay.ts";
import { nodeManifest } from "../support/cluster.ts";
import { type NeighbourProber, startProber } from "../support/neighbour-prober.ts";
import { until } from "../watch/until.ts";
import { startKubeOrSkip } from "./start.ts";

const exec = promisify(execFile);
const NAME = "weir-t-announce";
const CLIENT_MAC = 0x02_18_00_00_ff_01 as Mac;
const NODES = ["n1", "n2", "n3"];
const BOUND = 30_000;
const ADDRESSES = ["172.18.0.100", "172.18.0.101", "172.18.0.102", "172.18.0.103", "fd18::100", "fd18::101"];
const macOf = (node: string): string => `02:18:00:00:00:0${node.slice(1)}`;

const POOL: KubeObject = {
  apiVersion: "weir.dev/v1alpha1",
  kind: "AddressPool",
  metadata: { name: "blue" },
  spec: { addresses: ["172.18.0.100-172.18.0.110", "fd18::100-fd18::110"] },
};

function service(address: string): KubeObject {
  const isV6 = address.includes(":");
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: `s${address.replaceAll(/[.:]+/g, "-")}`, namespace: "default" },
    spec: {
      type: "LoadBalancer",
      ports: [{ port: 80 }],
      ipFamilies: [isV6 ? "IPv6" : "IPv4"],
      externalTrafficPolicy: "Cluster",
    },
    status: { loadBalancer: { ingress: [{ ip: address }] } },
  };
}

describe("Addresses of services, announced by three nodes on one link", function () {
  this.timeout(120_000);
  let kube: Kube;
  let fabric: Fabric;
  let relay: Relay;
  let prober: NeighbourProber;
  let kubeconfig: string;
  const machines = new Map<string, FabricNode>();
  const processes = new Map<string, WeirNode>();

  before(async function () {
    kube = await startKubeOrSkip(this);
    this.timeout(120_000);
    const manifests = parseAllDocuments(await readFile("deploy/weir.yaml", "utf8"));
    const objects = manifests.map((document): KubeObject => document.toJS());
    const definitions = objects.filter(({ kind }) => kind === "CustomResourceDefinition");
    await kube.apply([...definitions, ...NODES.map((name, i) => nodeManifest(name, i + 1, [4, 6], [4]) as KubeObject)]);
    await until(async () => (await kube.request("GET", "/apis/weir.dev/v1alpha1/addresspools")).status === 200);
    fabric = await createFabric(NAME);
    kubeconfig = join(fabric.directory, "kubeconfig");
    relay = await reachable(fabric, kube, kubeconfig);
    prober = await startProber(await addClient(fabric), {
      mac: CLIENT_MAC,
      addresses: { 4: parseIp("172.18.0.200")!, 6: parseIp("fd18::200")! },
    });
    for (const [i, name] of NODES.entries())
      machines.set(name, await fabric.addNode(name, { 4: `172.18.0.${i + 1}`, 6: `fd18::${i + 1}` }));
    await kube.apply([POOL]);
    await Promise.all(NODES.map(start));
  });
  after(async () => {
    await prober?.close();
    await Promise.all([...processes.values()].map((weir) => weir.stop()));
    await relay?.close();
    await fabric?.close();
    await kube?.stop();
  });

  async function start(name: string): Promise<void> {
    const weir = await startWeirNode({ name, ...machines.get(name)!, source: { kubernetes: { kubeconfig } } });
    processes.set(name, weir);
    await weir.whenReady(BOUND);
  }

  /** By address: who answered the last ten questions. */
  const answering = (address: string): readonly string[] => {
    const last = prober.answers(address).slice(-10);
    return last.length < 10 ? [] : [...new Set(last.map(({ mac }) => mac))];
  };
  /** Until each address is answered by its owner among these nodes, and by nobody else. */
  async function untilOwnedAmong(nodes: readonly string[], addresses = ADDRESSES): Promise<void> {
    const isOwned = (address: string) => {
      const macs = answering(address);
      return macs.length === 1 && macs[0] === macOf(ownerOf(address, nodes)!);
    };
    const describe = () =>
      addresses.map((address) => `${address}: ${answering(address).join(" ")} for ${ownerOf(address, nodes)}`);
    await until(() => addresses.every(isOwned), BOUND).catch(() => assert.fail(describe().join(", ")));
  }
  /** The owner changed once, or not at all: at no time did two answer, in turns. */
  function assertClean(addresses = ADDRESSES): void {
    for (const address of addresses) {
      const macs = prober.answers(address).map(({ mac }) => mac);
      const moves = macs.filter((mac, i) => i > 0 && mac !== macs[i - 1]).length;
      assert.ok(moves <= 1, `${address} was answered for by ${macs.join(" ")}`);
    }
  }
  const ownedBy = (node: string, nodes = NODES): string[] =>
    ADDRESSES.filter((address) => ownerOf(address, nodes) === node);
  /** Each time from `began` to the first answer of another than the node that was lost. */
  function report(what: string, began: number, lost: string): void {
    const times = ownedBy(lost).map((address) => {
      const first = prober.answers(address).find(({ at, mac }) => at > began && mac !== macOf(lost));
      return Math.round((first?.at ?? Number.NaN) - began);
    });
    console.log(`      ${what}: another node answers after ${times.join(", ")} ms`);
  }
  const removeService = async (address: string): Promise<void> => kube.remove([service(address)]);

  it("are each answered for by one node, and spread over all", async () => {
    await kube.apply(ADDRESSES.map(service));
    prober.ask(...ADDRESSES);
    await untilOwnedAmong(NODES);
    assertClean();
    assert.equal(new Set(ADDRESSES.map((address) => answering(address)[0])).size, 3);
    for (const address of ADDRESSES) assert.ok(prober.announcements(address).length > 0, address);
  });

  it("move when the owner's process is killed, and come back with it", async () => {
    prober.clear();
    const began = performance.now();
    await processes.get("n1")!.stop("SIGKILL");
    await untilOwnedAmong(["n2", "n3"]);
    report("process killed", began, "n1");
    assertClean();
    for (const address of ownedBy("n1")) assert.ok(prober.announcements(address).length > 0, address);
    prober.clear();
    await start("n1");
    await untilOwnedAmong(NODES);
    assertClean();
  });

  it("move when the owner's process hangs, which does not answer any more when it goes on", async () => {
    prober.clear();
    const began = performance.now();
    process.kill(processes.get("n2")!.pid, "SIGSTOP");
    await untilOwnedAmong(["n1", "n3"]);
    report("process stopped", began, "n2");
    process.kill(processes.get("n2")!.pid, "SIGCONT");
    await untilOwnedAmong(NODES);
  });

  it("move when the owner is cut off from everybody, and again when it is back", async () => {
    prober.clear();
    const began = performance.now();
    const link = ["netns", "exec", fabric.outside.netns, "ip", "link", "set", "n3"];
    await exec("ip", [...link, "down"]);
    await untilOwnedAmong(["n1", "n2"]);
    report("link down", began, "n3");
    assertClean();
    prober.clear();
    await exec("ip", [...link, "up"]);
    await untilOwnedAmong(NODES);
  });

  it("move though the API server is away, and stay where they are while nothing else happens", async () => {
    prober.clear();
    await kube.kill();
    const began = performance.now();
    await processes.get("n1")!.stop("SIGKILL");
    await untilOwnedAmong(["n2", "n3"]);
    report("process killed, API server away", began, "n1");
    await kube.restart();
    await start("n1");
    await untilOwnedAmong(NODES);
  });

  it("are answered for by nobody when their service is gone, and again for another service", async () => {
    const [address = ""] = ADDRESSES;
    await removeService(address);
    prober.clear();
    await until(() => prober.answers(ADDRESSES[1]!).length > 10 && prober.answers(address).length === 0, BOUND).catch(
      () => assert.fail(`${address} is still answered for`),
    );
    const other = { ...service(address), metadata: { name: "other", namespace: "default" } };
    await kube.apply([other]);
    await untilOwnedAmong(NODES);
    await kube.remove([other]);
    await kube.apply([service(address)]);
    await untilOwnedAmong(NODES);
  });

  it("follow the pool's node selector, and an exclusion of a node", async () => {
    const label = (node: string, labels: object) =>
      kube.apply([
        { ...(nodeManifest(node, Number(node.slice(1)), [4, 6], [4]) as KubeObject), metadata: { name: node, labels } },
      ]);
    await label("n1", { edge: "yes" });
    await label("n2", { edge: "yes" });
    await kube.apply([{ ...POOL, spec: { ...Object(POOL["spec"]), nodeSelector: { matchLabels: { edge: "yes" } } } }]);
    await untilOwnedAmong(["n1", "n2"]);
    await label("n2", { edge: "yes", "node.kubernetes.io/exclude-from-external-load-balancers": "" });
    await untilOwnedAmong(["n1"]);
    await kube.apply([POOL]);
    await label("n2", {});
    await untilOwnedAmong(NODES);
  });

  it("are announced, with the policy Local, by a node that has an endpoint", async () => {
    const [address = ""] = ADDRESSES;
    const { metadata, spec } = service(address);
    const slice = (nodeName: string): KubeObject => ({
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: "local", namespace: "default", labels: { "kubernetes.io/service-name": metadata.name } },
      addressType: "IPv4",
      ports: [{ port: 8080 }],
      endpoints: [{ addresses: ["10.10.9.9"], nodeName, conditions: { ready: true } }],
    });
    await kube.apply([{ ...service(address), spec: { ...Object(spec), externalTrafficPolicy: "Local" } }]);
    for (const node of NODES) {
      await kube.apply([slice(node)]);
      await untilOwnedAmong([node], [address]);
    }
    await kube.remove([slice("n3")]);
    await kube.apply([service(address)]);
    await untilOwnedAmong(NODES);
  });
});

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
