import assert from "node:assert/strict";
import { join } from "node:path";
import { ownerOf } from "#pipeline/announce/announcements.ts";
import { callCni } from "../../demo/cni.ts";
import type { Kube } from "../rig/kube.ts";
import type { KubeObject } from "../rig/kube-rig-client.ts";
import { AnnouncingNodes } from "../support/announcing-nodes.ts";
import { podManifest } from "../support/cluster.ts";
import { openServiceWire, type ServiceWire } from "../support/service-wire.ts";
import { startWeirCluster, type WeirCluster } from "../support/weir-cluster.ts";
import { until } from "../watch/until.ts";
import { startKubeOrSkip } from "./start.ts";

const NAME = "weir-t-balancer";
const NODES = AnnouncingNodes.names;
const BOUND = 40_000;
const CLIENT = { 4: "172.18.0.200", 6: "fd18::200" };

const POOL: KubeObject = {
  apiVersion: "weir.dev/v1alpha1",
  kind: "AddressPool",
  metadata: { name: "blue" },
  spec: { addresses: ["172.18.0.100-172.18.0.110", "fd18::100-fd18::110"] },
};
const service = (name: string, externalTrafficPolicy: "Cluster" | "Local"): KubeObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "default" },
  spec: {
    ...{ type: "LoadBalancer", externalTrafficPolicy, ipFamilyPolicy: "RequireDualStack" },
    ports: [
      { name: "tcp", protocol: "TCP", port: 80, targetPort: 8080 },
      { name: "udp", protocol: "UDP", port: 80, targetPort: 8080 },
    ],
  },
});

describe("A service of type LoadBalancer, from its pool to a client outside of the cluster", function () {
  this.timeout(120_000);
  let kube: Kube;
  let nodes: AnnouncingNodes;
  let cluster: WeirCluster;
  let wire: ServiceWire;
  /** By node: the addresses of its pod. */
  const pods = new Map<string, Readonly<Record<4 | 6, string>>>();

  before(async function () {
    kube = await startKubeOrSkip(this);
    this.timeout(120_000);
    nodes = await AnnouncingNodes.start(kube, NAME, [POOL]);
    cluster = await startWeirCluster(kube, "cluster");
    wire = await openServiceWire();
    for (const node of NODES) await plug(node);
    await kube.apply([
      service("web", "Cluster"),
      service("near", "Local"),
      ...slices("web", NODES),
      ...slices("near", ["n2"]),
    ]);
  });
  after(async () => {
    await wire?.close();
    await cluster?.stop();
    await nodes?.close();
    await kube?.stop();
  });

  async function plug(node: string): Promise<void> {
    const { fabric, processes } = nodes;
    await kube.apply([podManifest(`on-${node}`, node) as KubeObject]);
    const netns = await fabric.addNamespace(`pod-${node}`);
    const { cniSocket, conflist } = processes.get(node)!.paths;
    const executable = join(import.meta.dirname, "../../dist/weir-cni");
    const pod = { namespace: "default", name: `on-${node}`, uid: "" };
    const { ips = [] } = await callCni("ADD", {
      executable,
      conflist,
      socket: cniSocket,
      containerId: node,
      netns: `/run/netns/${netns}`,
      pod,
    });
    const bare = ips.map(({ address }) => address.split("/")[0]!);
    pods.set(node, { 4: bare.find((one) => !one.includes(":"))!, 6: bare.find((one) => one.includes(":"))! });
    await wire.serve(`on-${node}`, netns, "::", 8080);
  }

  function slices(name: string, at: readonly string[]): readonly KubeObject[] {
    return ([4, 6] as const).map((family) => ({
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: `${name}-${family}`, namespace: "default", labels: { "kubernetes.io/service-name": name } },
      addressType: `IPv${family}`,
      ports: ["TCP", "UDP"].map((protocol) => ({ name: protocol.toLowerCase(), protocol, port: 8080 })),
      endpoints: at.map((node) => ({
        addresses: [pods.get(node)![family]],
        nodeName: node,
        conditions: { ready: true },
      })),
    }));
  }

  async function addressesOf(name: string): Promise<readonly string[]> {
    const { body } = await kube.request("GET", `/api/v1/namespaces/default/services/${name}`);
    const status = Reflect.get(Object(body), "status");
    return (Reflect.get(Object(Reflect.get(Object(status), "loadBalancer")), "ingress") ?? []).map(
      ({ ip }: { ip: string }) => ip,
    );
  }
  const familyOf = (address: string): 4 | 6 => (address.includes(":") ? 6 : 4);
  /** Until the client reaches it, whoever serves. */
  const reached = (address: string) =>
    until(async () => Object.keys(await wire.ask(nodes.client, "tcp", address, 80, 1))[0]!.startsWith("on-"), BOUND);

  it("gets addresses of both families, and is reached there, all its endpoints too", async () => {
    await until(async () => (await addressesOf("web")).length === 2 && (await addressesOf("near")).length === 2, BOUND);
    for (const address of await addressesOf("web")) {
      await reached(address);
      for (const protocol of ["tcp", "udp"] as const) {
        const heard = await wire.ask(nodes.client, protocol, address, 80, 30);
        const servers = Object.keys(heard).map((who) => who.split(" ")[0]);
        assert.deepEqual(
          [...new Set(servers)].sort(),
          NODES.map((node) => `on-${node}`),
          `${protocol} ${address}: ${JSON.stringify(heard)}`,
        );
      }
    }
  });

  it("is announced, with the policy Local, where its endpoint is, which sees the client's own address", async () => {
    for (const address of await addressesOf("near")) {
      await reached(address);
      const seen = `on-n2 ${CLIENT[familyOf(address)]}`;
      assert.deepEqual(await wire.ask(nodes.client, "tcp", address, 80, 5), { [seen]: 5 });
    }
  });

  it("is reached again within seconds when the node that announces it is cut off", async () => {
    for (const address of await addressesOf("web")) {
      const owner = ownerOf(address, NODES)!;
      const rest = NODES.filter((node) => node !== owner);
      await kube.apply(slices("web", rest));
      await until(async () => {
        const heard = await wire.ask(nodes.client, "udp", address, 80, 12);
        return Object.keys(heard).every((who) => !who.startsWith(`on-${owner} `));
      }, BOUND);
      await wire.startStream("clients", nodes.client, address, 80);
      await nodes.setLink(owner, "down");
      nodes.prober.ask(address);
      const before = await wire.readLoad("clients");
      await until(async () => sum(await wire.readLoad("clients"), "on-") > sum(before, "on-") + 200, BOUND);
      const { timeout = 0 } = await wire.stopLoad("clients");
      console.log(`      ${address}: ${owner} was cut off, and no datagram was answered for ${timeout / 10} s`);
      await nodes.setLink(owner, "up");
      await until(() => nodes.answering(address)[0] === AnnouncingNodes.macOf(owner), BOUND);
      await kube.apply(slices("web", NODES));
      await reached(address);
    }
  });

  it("is not reached any more when it is gone, and its addresses are another's", async () => {
    const [address = ""] = await addressesOf("web");
    await kube.remove([service("web", "Cluster")]);
    nodes.prober.ask(address);
    nodes.prober.clear();
    const other = service("other", "Cluster");
    const annotations = { "weir.dev/load-balancer-ips": address };
    await kube.apply([...slices("other", ["n1"]), { ...other, metadata: { ...other.metadata, annotations } }]);
    await until(async () => (await addressesOf("other")).includes(address), BOUND);
    await until(
      async () => Object.keys(await wire.ask(nodes.client, "tcp", address, 80, 1))[0]!.startsWith("on-n1 "),
      BOUND,
    );
  });
});

function sum(heard: Readonly<Record<string, number>>, prefix: string): number {
  return Object.entries(heard)
    .filter(([who]) => who.startsWith(prefix))
    .reduce((total, [, count]) => total + count, 0);
}
