import assert from "node:assert/strict";
import { type Cluster, type ClusterPlan, startCluster } from "#test/support/cluster.ts";
import { probe } from "../../demo/probing.ts";

/**
 * The truth table: everything reaches everything with real packets (ping and TCP, each family that both ends have), pods and
 * nodes see each other's own addresses, and the outside sees a pod under its node's address.
 */
const PLANS: readonly (Omit<ClusterPlan, "name"> & { readonly title: string })[] = [
  { title: "dual-stack through Geneve", families: [4, 6] },
  { title: "dual-stack through VXLAN", families: [4, 6], traffic: { tunnel: "vxlan" } },
  { title: "dual-stack without encapsulation", families: [4, 6], traffic: { encapsulation: "never" } },
  { title: "dual-stack, hybrid in one subnet", families: [4, 6], traffic: { encapsulation: "hybrid" } },
  { title: "IPv4 alone through Geneve", families: [4] },
  { title: "IPv6 alone through Geneve", families: [6] },
  { title: "IPv6 alone through VXLAN", families: [6], traffic: { tunnel: "vxlan" } },
  { title: "IPv4 pods over IPv6 nodes", families: [4], underlay: [6] },
  { title: "IPv6 pods over IPv4 nodes", families: [6], underlay: [4] },
];

describe("Pods, nodes and the outside reach each other", function () {
  this.timeout(60_000);
  let cluster: Cluster | undefined;
  afterEach(async () => {
    await cluster?.close();
    cluster = undefined;
  });

  for (const { title, ...plan } of PLANS)
    it(`with ${title}`, async () => {
      cluster = await startCluster({ name: "conn", ...plan });
      const cells = await probe(cluster.lab.endpoints);
      const faults = cells.filter(({ fault }) => fault !== undefined);
      assert.deepEqual(
        faults.map(({ from, to, family, fault }) => `${from.label} -> ${to.label} IPv${family}: ${fault}`),
        [],
      );
      // 6 pods to 5 pods, 2 nodes, and the outside; the nodes likewise, in each family that both have.
      assert.ok(cells.length >= 30 * plan.families.length, `${cells.length} cells`);
    });
});
