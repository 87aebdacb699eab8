import assert from "node:assert/strict";
import {
  at,
  CLUSTER_FEATURES,
  clusterPolicy,
  clusterPolicyOf,
  from,
  isStopped,
  ofTeam,
  pairsOfClusterFeatures,
  to,
} from "#test/support/cluster-policy-features.ts";
import { createPolicyCluster, everything, policy } from "#test/support/policy-cluster.ts";
import { FAMILIES, type Manifest, type PolicyFabric } from "#test/support/policy-fabric.ts";
import { findFaults, isAllowed, type Probe } from "#test/support/policy-probes.ts";

const TEAMS = { a: "red", b: "blue" } as const;
/** A NetworkPolicy in the way: the namespace's own pods may talk to each other, and nobody else. */
const KEEP_TO_ITSELF = {
  podSelector: {},
  policyTypes: ["Ingress", "Egress"],
  ingress: [{ from: [{ podSelector: {} }] }],
  egress: [{ to: [{ podSelector: {} }] }],
};

describe("cluster network policies, with real packets on two nodes", function () {
  this.timeout(120_000);
  let fabric: PolicyFabric;
  before(async () => {
    fabric = await createPolicyCluster("polcnp");
    for (const [i, node] of fabric.of("Node").entries())
      fabric.put({ ...node, metadata: { ...node.metadata, labels: { zone: ["west", "east"][i] } } });
  });
  after(() => fabric?.close());
  afterEach(() => {
    const own = ({ metadata }: Manifest) => metadata.namespace !== "beacon";
    fabric.remove(...fabric.of("ClusterNetworkPolicy"), ...fabric.of("NetworkPolicy").filter(own));
  });

  for (const [title, feature] of Object.entries(CLUSTER_FEATURES))
    it(`alone: ${title}`, async () => {
      for (const [namespace, team] of Object.entries(TEAMS)) {
        fabric.put(clusterPolicyOf("one", feature, team, 10));
        await fabric.commit();
        const expected = (probe: Probe) => !isStopped(feature, namespace, probe);
        assert.deepEqual(await findFaults(fabric, everything(), expected), []);
        // The evaluator, of which all other tests here ask what should be, says the same.
        const others = everything().filter((probe) => isAllowed(fabric, probe) !== expected(probe));
        assert.deepEqual(others, []);
      }
    });

  async function findFaultsOf(title: string): Promise<readonly string[]> {
    await fabric.commit();
    return (await findFaults(fabric, everything())).map((fault) => `${title}: ${fault}`);
  }

  it("with a NetworkPolicy in between, which what they accept and deny passes by, and behind which Baseline is not asked", async () => {
    fabric.put(policy("a/itself", KEEP_TO_ITSELF));
    const faults: string[] = [];
    for (const [title, feature] of Object.entries(CLUSTER_FEATURES)) {
      fabric.put(clusterPolicyOf("a", feature, "red", 10), clusterPolicyOf("b", feature, "blue", 10));
      faults.push(...(await findFaultsOf(title)));
    }
    assert.deepEqual(faults, []);
  });

  it("in pairs, in either order, with and without a NetworkPolicy in between", async () => {
    const faults: string[] = [];
    for (const [i, pair] of pairsOfClusterFeatures().entries()) {
      const [one, other] = pair.map((title) => CLUSTER_FEATURES[title]!);
      fabric.put(clusterPolicyOf("first-a", one!, "red", 499), clusterPolicyOf("second-a", other!, "red", 500));
      fabric.put(clusterPolicyOf("first-b", other!, "blue", 3), clusterPolicyOf("second-b", one!, "blue", 4));
      const between = policy(`${"ab"[(i >> 1) % 2]}/itself`, KEEP_TO_ITSELF);
      if (i % 2 === 0) fabric.put(between);
      else fabric.remove(policy("a/itself", {}), policy("b/itself", {}));
      faults.push(...(await findFaultsOf(pair.join(" + "))));
    }
    assert.deepEqual(faults, []);
  });

  it("are asked tier by tier: what one has decided the next is not asked about, in either direction", async () => {
    const middles = { none: undefined, closed: {}, open: { ingress: [{}], egress: [{}] } } as const;
    const cases: readonly (readonly [string | undefined, keyof typeof middles, string | undefined, boolean])[] = [
      ...[["Accept", "closed", "Deny", true] as const, ["Deny", "open", "Accept", false] as const],
      ...[["Pass", "closed", "Accept", false] as const, ["Pass", "open", "Deny", true] as const],
      ...[["Pass", "none", "Deny", false] as const, ["Pass", "none", "Pass", true] as const],
      ...[[undefined, "closed", "Accept", false] as const, [undefined, "open", "Deny", true] as const],
      ...[[undefined, "none", "Deny", false] as const, [undefined, "none", "Accept", true] as const],
      ...[["Pass", "none", undefined, true] as const, [undefined, "none", undefined, true] as const],
    ];
    // Between the namespaces; what is within either no policy of the cluster speaks of.
    const probes = everything().filter(
      ({ from: one, to: other }) => fabric.pods.has(one) && fabric.pods.has(other) && one[0] !== other[0],
    );
    const rules = {
      ingress: (action: string) => from(action, [ofTeam("blue")]),
      egress: (action: string) => to(action, [ofTeam("blue")]),
    };
    for (const direction of ["ingress", "egress"] as const)
      for (const [admin, middle, baseline, passes] of cases) {
        const ofTier = (tier: string, action: string | undefined): Manifest => {
          const object = clusterPolicy(tier.toLowerCase(), {
            tier,
            priority: 7,
            subject: ofTeam("red"),
            [direction]: [rules[direction](action ?? "")],
          });
          if (action === undefined) fabric.remove(object);
          else fabric.put(object);
          return object;
        };
        ofTier("Admin", admin);
        ofTier("Baseline", baseline);
        const policyTypes = [direction === "ingress" ? "Ingress" : "Egress"];
        if (middles[middle] === undefined) fabric.remove(policy("a/p", {}));
        else fabric.put(policy("a/p", { podSelector: {}, policyTypes, ...middles[middle] }));
        await fabric.commit();
        const isOwn = (end: string) => end.startsWith("a/");
        const expected = (probe: Probe) => passes || !isOwn(direction === "ingress" ? probe.to : probe.from);
        assert.deepEqual(
          await findFaults(fabric, probes, expected),
          [],
          [direction, admin, middle, baseline].join(" "),
        );
      }
  });

  it("are asked in the order of their priorities and of their rules, on either side of where their second table begins", async () => {
    const probes = everything(["a/web", "b/db", "b/web"]).filter(({ port }) => port === 80);
    const between = (probe: Probe) => probe.from.startsWith("a/") && probe.to.startsWith("b/");
    const put = (name: string, priority: number, ...actions: readonly string[]) =>
      fabric.put(
        clusterPolicy(name, {
          ...{ tier: "Admin", priority, subject: ofTeam("red") },
          egress: actions.map((action) => to(action, [ofTeam("blue")])),
        }),
      );
    for (const [lower, higher] of [
      [0, 1],
      [499, 500],
      [500, 1000],
      [0, 1000],
    ] as const)
      for (const [first, second] of [
        ["Accept", "Deny"],
        ["Deny", "Accept"],
        ["Pass", "Deny"],
      ] as const) {
        put("z", lower, first);
        put("a", higher, second);
        const expected = (probe: Probe) => first !== "Deny" || !between(probe);
        await fabric.commit();
        assert.deepEqual(await findFaults(fabric, probes, expected), [], `${lower} ${first}, ${higher} ${second}`);
        fabric.remove(clusterPolicy("z", {}));
        put("a", higher, first, second, "Deny");
        await fabric.commit();
        assert.deepEqual(await findFaults(fabric, probes, expected), [], `${higher} ${first}, ${second}`);
      }
    // At one priority the same order is kept on every node: what denies, what accepts, what passes on.
    put("a", 5, "Accept");
    put("b", 5, "Deny");
    put("c", 5, "Pass");
    await fabric.commit();
    assert.deepEqual(await findFaults(fabric, probes, (probe) => !between(probe)), []);
  });

  it("know SCTP by its ports", async () => {
    const rules = {
      ingress: [from("Deny", [ofTeam("blue")], at("sctp", 80))],
      egress: [to("Deny", [{ networks: ["172.18.0.0/24"] }], at("sctp", 81))],
    };
    fabric.put(clusterPolicy("one", { tier: "Admin", priority: 1, subject: ofTeam("red"), ...rules }));
    await fabric.commit();
    for (const node of fabric.nodes.keys()) await fabric.appctl(node, "dpctl/flush-conntrack");
    // In user space all SCTP between two addresses is one connection: nobody answers anybody here.
    const pairs: readonly (readonly [string, string, number])[] = [
      ["b/web", "a/web", 80],
      ["b/db", "a/web", 81],
      ["b/db", "a/api", 80],
      ["a/api", "a/web", 80],
      ["n2", "a/web", 80],
      ["a/api", "outside", 81],
      ["a/far", "outside", 80],
    ];
    const probes = pairs.flatMap(([one, other, port]) =>
      FAMILIES.map((family): Probe => ({ from: one, to: other, family, protocol: "sctp", port })),
    );
    const isDenied = ({ from: one, to: other, family, port }: Probe) =>
      (one.startsWith("b/") && port === 80) || (other === "outside" && port === 81 && family === 4);
    assert.deepEqual(await findFaults(fabric, probes, (probe) => !isDenied(probe)), []);
  });
});
