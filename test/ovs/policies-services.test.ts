import assert from "node:assert/strict";
import {
  at,
  CLUSTER_FEATURES,
  clusterPolicy,
  clusterPolicyOf,
  from,
  isStopped,
  ofTeam,
  to,
} from "#test/support/cluster-policy-features.ts";
import { createPolicyCluster, policy } from "#test/support/policy-cluster.ts";
import type { Manifest, PolicyFabric } from "#test/support/policy-fabric.ts";
import { FEATURES } from "#test/support/policy-features.ts";
import { findFaults, type Probe, sendProbes } from "#test/support/policy-probes.ts";
import { everythingThroughServices, serviceObjects } from "#test/support/policy-services.ts";
import { until } from "../watch/until.ts";

describe("policies of traffic to services, with real packets on two nodes", function () {
  this.timeout(60_000);
  const probes = everythingThroughServices();
  let fabric: PolicyFabric;
  before(async () => {
    fabric = await createPolicyCluster("polsvc");
    fabric.put(...serviceObjects(fabric));
    await fabric.commit();
    // The nodes' own routes to services come a moment later.
    await until(async () => (await sendProbes(fabric, probes)).every(({ arrived }) => arrived === 1), 20_000);
  });
  after(() => fabric?.close());
  afterEach(() => {
    const own = ({ metadata }: Manifest) => metadata.namespace !== "beacon";
    fabric.remove(...fabric.of("ClusterNetworkPolicy"), ...fabric.of("NetworkPolicy").filter(own));
  });

  async function check(expected?: (probe: Probe) => boolean): Promise<void> {
    await fabric.commit();
    assert.deepEqual(await findFaults(fabric, probes, expected), []);
  }

  it("see the endpoint that was chosen, at its own port, and the client that asked", async () => {
    const api = [{ podSelector: { matchLabels: { app: "api" } } }];
    fabric.put(policy("a/web", { podSelector: {}, ingress: [{ from: api, ports: [{ port: 80 }] }] }));
    // A pod reaches itself; a node its own pods.
    const isExempt = ({ from: one, to: other }: Probe) => one === other || fabric.pod(other).node === one;
    await check(
      (probe) =>
        !probe.to.startsWith("a/") ||
        isExempt(probe) ||
        (probe.from === "a/api" && probe.protocol === "tcp" && probe.port === 80),
    );
  });

  it("of namespaces say the same of services as of pods", async () => {
    for (const spec of Object.values(FEATURES)) {
      fabric.put(policy("a/p", spec), policy("b/p", spec));
      await check();
    }
  });

  it("of the cluster say the same of services as of pods, and of a pod's way to itself", async () => {
    for (const feature of Object.values(CLUSTER_FEATURES)) {
      fabric.put(clusterPolicyOf("p", feature, "red", 10));
      await check((probe) => !isStopped(feature, "a", probe));
    }
  });

  it("of the cluster hold for a pod's way to itself on either side of NetworkPolicies, which do not isolate it from itself", async () => {
    const isOwn = ({ from: one, to: other }: Probe) => one === other && one.startsWith("a/");
    const own = probes.filter(isOwn);
    const isolated = policy("a/nobody", { podSelector: {}, policyTypes: ["Ingress", "Egress"] });
    const rules = (action: string) => [
      { ingress: [from(action, [ofTeam("red")], at("tcp", 80))] },
      { egress: [to(action, [ofTeam("red")], at("tcp", 80))] },
    ];
    const denies = ({ protocol, port }: Probe) => protocol === "tcp" && port === 80;
    for (const tier of ["Admin", "Baseline"])
      for (const direction of rules("Deny"))
        for (const isIsolated of [false, true]) {
          fabric.put(clusterPolicy("p", { tier, priority: 1, subject: ofTeam("red"), ...direction }));
          if (isIsolated) fabric.put(isolated);
          else fabric.remove(isolated);
          await fabric.commit();
          const expected = (probe: Probe) => !denies(probe) || (tier === "Baseline" && isIsolated);
          assert.deepEqual(await findFaults(fabric, own, expected), [], `${tier} ${isIsolated}`);
        }
  });
});
