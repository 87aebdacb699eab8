import assert from "node:assert/strict";
import { ownerOf } from "#pipeline/announce/announcements.ts";
import type { Kube } from "../rig/kube.ts";
import type { KubeObject } from "../rig/kube-rig-client.ts";
import { AnnouncingNodes } from "../support/announcing-nodes.ts";
import type { NeighbourProber } from "../support/neighbour-prober.ts";
import { until } from "../watch/until.ts";
import { startKubeOrSkip } from "./start.ts";

const NODES = AnnouncingNodes.names;
const { macOf } = AnnouncingNodes;
const BOUND = 30_000;
const ADDRESSES = ["172.18.0.100", "172.18.0.101", "172.18.0.102", "172.18.0.103", "fd18::100", "fd18::101"];

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
  let nodes: AnnouncingNodes;
  let prober: NeighbourProber;

  before(async function () {
    kube = await startKubeOrSkip(this);
    this.timeout(120_000);
    nodes = await AnnouncingNodes.start(kube, "weir-t-announce", [POOL]);
    prober = nodes.prober;
  });
  after(async () => {
    await nodes?.close();
    await kube?.stop();
  });

  /** Until each address is answered by its owner among these nodes, and by nobody else. */
  async function untilOwnedAmong(alive: readonly string[], addresses = ADDRESSES): Promise<void> {
    const isOwned = (address: string) => {
      const macs = nodes.answering(address);
      return macs.length === 1 && macs[0] === macOf(ownerOf(address, alive)!);
    };
    const describe = () =>
      addresses.map((address) => `${address}: ${nodes.answering(address).join(" ")} for ${ownerOf(address, alive)}`);
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
  const ownedBy = (node: string): string[] => ADDRESSES.filter((address) => ownerOf(address, NODES) === node);
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
    assert.equal(new Set(ADDRESSES.map((address) => nodes.answering(address)[0])).size, 3);
    for (const address of ADDRESSES) assert.ok(prober.announcements(address).length > 0, address);
  });

  it("move when the owner's process is killed, and come back with it", async () => {
    prober.clear();
    const began = performance.now();
    await nodes.processes.get("n1")!.stop("SIGKILL");
    await untilOwnedAmong(["n2", "n3"]);
    report("process killed", began, "n1");
    assertClean();
    for (const address of ownedBy("n1")) assert.ok(prober.announcements(address).length > 0, address);
    prober.clear();
    await nodes.run("n1");
    await untilOwnedAmong(NODES);
    assertClean();
  });

  it("move when the owner's process hangs, which does not answer any more when it goes on", async () => {
    prober.clear();
    const began = performance.now();
    process.kill(nodes.processes.get("n2")!.pid, "SIGSTOP");
    await untilOwnedAmong(["n1", "n3"]);
    report("process stopped", began, "n2");
    process.kill(nodes.processes.get("n2")!.pid, "SIGCONT");
    await untilOwnedAmong(NODES);
  });

  it("move when the owner is cut off from everybody, and again when it is back", async () => {
    prober.clear();
    const began = performance.now();
    await nodes.setLink("n3", "down");
    await untilOwnedAmong(["n1", "n2"]);
    report("link down", began, "n3");
    assertClean();
    prober.clear();
    await nodes.setLink("n3", "up");
    await untilOwnedAmong(NODES);
  });

  it("move though the API server is away, and stay where they are while nothing else happens", async () => {
    prober.clear();
    await kube.kill();
    const began = performance.now();
    await nodes.processes.get("n1")!.stop("SIGKILL");
    await untilOwnedAmong(["n2", "n3"]);
    report("process killed, API server away", began, "n1");
    await kube.restart();
    await nodes.run("n1");
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
    const label = (name: string, labels: object) =>
      kube.apply([{ ...AnnouncingNodes.object(name), metadata: { name, labels } }]);
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
