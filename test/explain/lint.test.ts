import assert from "node:assert/strict";
import fc from "fast-check";
import { readCluster } from "#pipeline/explain/cluster.ts";
import { evaluate } from "#pipeline/explain/evaluate.ts";
import { coversRule } from "#pipeline/explain/lint/coverage.ts";
import { lint } from "#pipeline/explain/lint/lint.ts";
import { checkReach } from "#pipeline/explain/lint/tiers.ts";
import { enforcedCluster } from "#pipeline/explain/staged-world.ts";
import {
  DIRECTIONS,
  type Direction,
  type NetworkPolicy,
  type Policy,
  policyId,
  rulesOf,
} from "#pipeline/model/policy.ts";
import type { RawChange } from "#pipeline/source.ts";
import { node } from "#test/pipeline/samples.ts";
import { clusters, labelled, namespace, PACKETS, pod, policy } from "./clusters.ts";

const SHOP: readonly RawChange[] = [
  node("n1", ["10.0.1.0/24"], ["172.18.0.1"]),
  namespace("shop", { team: "shop" }),
  pod("shop/web", { app: "web" }, { ports: [{ name: "http", containerPort: 8080 }] }),
  pod("shop/db", { app: "db" }),
];
const DNS = { ports: [{ port: 53, protocol: "UDP" }, { port: 53 }] };

/** "severity check field" of what is found in policies of the shop, less what is only information. */
function find(...specs: readonly object[]): readonly string[] {
  return all(...specs).filter((one) => !one.startsWith("info"));
}

function all(...specs: readonly object[]): readonly string[] {
  const changes = [...SHOP, ...specs.map((spec, i) => policy(`shop/p${i}`, spec))];
  const cluster = readCluster(changes);
  return lint(changes, cluster, cluster.problems).map(({ severity, check, field }) => `${severity} ${check} ${field}`);
}

const ingress = (...rules: readonly object[]) => find({ podSelector: {}, ingress: rules });
const egress = (...rules: readonly object[]) =>
  find({ podSelector: {}, policyTypes: ["Egress"], egress: [...rules, DNS] });

describe("the lint of policies", () => {
  it("finds nothing in what is right", () => {
    assert.deepEqual(
      find({ ...labelled("web"), ingress: [{ from: [labelled("db")], ports: [{ port: "http" }] }] }),
      [],
    );
    assert.deepEqual(egress({ to: [labelled("db")], ports: [{ port: 5432 }] }), []);
  });

  it("finds selectors without pods", () => {
    assert.deepEqual(find({ ...labelled("wbe"), ingress: [{}] }), ["warning selects-nothing spec.podSelector"]);
    assert.deepEqual(ingress({ from: [labelled("db"), labelled("bd")] }), [
      "warning peer-selects-nothing spec.ingress[0].from[1]",
    ]);
    assert.deepEqual(egress({ to: [{ namespaceSelector: { matchLabels: { team: "shpo" } } }] }), [
      "warning peer-selects-nothing spec.egress[0].to[0]",
    ]);
  });

  it("finds egress without DNS, unless another policy of the pod allows it", () => {
    const out = { podSelector: {}, policyTypes: ["Egress"], egress: [{ to: [labelled("db")], ports: [{ port: 1 }] }] };
    const found = ["warning egress-without-dns spec.egress"];
    assert.deepEqual(find(out), found);
    assert.deepEqual(
      find(out, { ...labelled("web"), policyTypes: ["Egress"], egress: [DNS] }),
      found,
      "for one pod only",
    );
    assert.deepEqual(find(out, { podSelector: {}, policyTypes: ["Egress"], egress: [DNS] }), []);
    const half = { ...out, egress: [{ ports: [{ port: 50, endPort: 60, protocol: "UDP" }] }] };
    assert.deepEqual(find(half), found);
    assert.deepEqual(find({ ...out, egress: [{}] }), []);
    assert.deepEqual(find({ ...out, egress: [] }), []);
  });

  it("finds port names that nobody has, and those that networks cannot have", () => {
    assert.deepEqual(ingress({ ports: [{ port: "http" }, { port: "metrics" }] }), [
      "warning unknown-port-name spec.ingress[0].ports[1]",
    ]);
    assert.deepEqual(ingress({ ports: [{ port: "http", protocol: "UDP" }] }), [
      "warning unknown-port-name spec.ingress[0].ports[0]",
    ]);
    assert.deepEqual(find({ ...labelled("db"), ingress: [{ ports: [{ port: "http" }] }] }), [
      "warning unknown-port-name spec.ingress[0].ports[0]",
    ]);
    const outside = { ipBlock: { cidr: "192.0.2.0/24" } };
    assert.deepEqual(egress({ to: [outside, labelled("web")], ports: [{ port: "http" }] }), [
      "error port-name-of-network spec.egress[0].ports[0]",
    ]);
    assert.deepEqual(ingress({ from: [outside], ports: [{ port: "http" }] }), []);
  });

  it("finds selectors in two items that may belong in one", () => {
    const team = { namespaceSelector: { matchLabels: { team: "shop" } } };
    const found = ["warning ambiguous-selector-list spec.ingress[0].from[0]"];
    assert.deepEqual(ingress({ from: [team, labelled("db")] }), found);
    assert.deepEqual(ingress({ from: [{ ...team, ...labelled("db") }] }), []);
    assert.deepEqual(ingress({ from: [{ ...team, podSelector: {} }, labelled("db")] }), []);
    assert.deepEqual(ingress({ from: [team, { ipBlock: { cidr: "192.0.2.0/24" } }, labelled("db")] }), []);
  });

  it("finds rules in a direction that is not in force, and tells a default deny", () => {
    assert.deepEqual(find({ podSelector: {}, policyTypes: ["Ingress"], ingress: [{}], egress: [{}] }), [
      "error direction-not-in-force spec.egress",
    ]);
    assert.deepEqual(find({ podSelector: {}, policyTypes: ["Egress"], ingress: [{}], egress: [{}] }), [
      "error direction-not-in-force spec.ingress",
    ]);
    assert.deepEqual(all({ podSelector: {} }), ["info isolates spec.ingress"]);
    assert.deepEqual(all({ podSelector: {}, egress: [{}] }), ["info isolates spec.ingress"]);
  });

  it("finds networks that hold addresses of pods", () => {
    const from = (cidr: string, ...except: readonly string[]) => ingress({ from: [{ ipBlock: { cidr, except } }] });
    const found = ["warning network-holds-pods spec.ingress[0].from[0].ipBlock"];
    assert.deepEqual(from("10.0.0.0/8"), found);
    assert.deepEqual(from("10.0.1.7/32"), found);
    assert.deepEqual(from("10.0.0.0/8", "10.0.1.0/24"), []);
    assert.deepEqual(from("192.0.2.0/24"), []);
  });

  it("finds rules that another one of the policy makes idle", () => {
    const db = { from: [labelled("db")], ports: [{ port: 80 }] };
    const found = (index: number) => [`warning redundant-rule spec.ingress[${index}]`];
    assert.deepEqual(ingress(db, db), found(1));
    assert.deepEqual(ingress(db, { from: [{ podSelector: {} }] }), found(0));
    assert.deepEqual(ingress({ ports: [{ port: 70, endPort: 90 }] }, db), found(1));
    assert.deepEqual(ingress(db, { from: [labelled("db")], ports: [{ port: 81 }] }), []);
  });

  it("tells what is wrong with an object, and then nothing else of it", () => {
    assert.deepEqual(find({ podSelector: { matchLabels: { app: "nobody" } }, ingress: [{ form: [] }] }), [
      "error malformed spec.ingress[0].form",
    ]);
  });
});

describe("a rule that covers another", () => {
  /** The policy without one of its rules. */
  function without(policyOf: NetworkPolicy, direction: Direction, index: number): NetworkPolicy {
    return { ...policyOf, [direction]: policyOf[direction]?.filter((_, i) => i !== index) };
  }

  it("allows all that the other does: without it no packet is judged otherwise", () => {
    let covered = 0;
    fc.assert(
      fc.property(clusters, ({ objects, podOf }) => {
        for (const [key, one] of objects.NetworkPolicy)
          for (const direction of DIRECTIONS)
            for (const [i, inner] of (one[direction] ?? []).entries()) {
              if (!one[direction]!.some((outer, j) => i !== j && coversRule(outer, inner))) continue;
              covered++;
              const policies = new Map([...objects.NetworkPolicy, [key, without(one, direction, i)] as const]);
              for (const packet of PACKETS)
                assert.equal(
                  evaluate({ ...objects, NetworkPolicy: policies }, podOf, packet).isAllowed,
                  evaluate(objects, podOf, packet).isAllowed,
                );
            }
      }),
      { numRuns: 500 },
    );
    assert.ok(covered > 20, `only ${covered} were covered`);
  });
});

describe("a rule that nothing comes to", () => {
  it("decides nothing: when it matches nothing, no packet is judged otherwise", () => {
    const found = { sameTier: 0, earlierTier: 0 };
    fc.assert(
      fc.property(clusters, (drawn) => {
        const { objects, podOf, ...cluster } = enforcedCluster(drawn);
        for (const kind of ["NetworkPolicy", "ClusterNetworkPolicy"] as const)
          for (const [key, one] of objects[kind]) {
            const policy: Policy = one;
            const subject = { policy, spec: {}, cluster: { objects, podOf, ...cluster }, policiesOf: () => [] };
            for (const { field } of checkReach(subject)) {
              const [, direction, index] = /^spec\.(ingress|egress)\[(\d+)\]$/.exec(field) ?? [];
              found[kind === "NetworkPolicy" ? "earlierTier" : "sameTier"]++;
              const where = direction as Direction;
              // It stays as one that matches nothing: those behind it keep their places among other policies' rules.
              const rules = rulesOf(policy, where).map((rule, i) =>
                i === Number(index) ? { ...rule, peers: [] } : rule,
              );
              const policies = new Map<string, Policy>([
                ...objects[kind],
                [key, { ...policy, [where]: rules } as Policy],
              ]);
              for (const packet of PACKETS)
                assert.equal(
                  evaluate({ ...objects, [kind]: policies }, podOf, packet).isAllowed,
                  evaluate(objects, podOf, packet).isAllowed,
                  `${policyId(policy).name} ${field}`,
                );
            }
          }
      }),
      { numRuns: 1000 },
    );
    assert.ok(found.sameTier > 20 && found.earlierTier > 5, JSON.stringify(found));
  });
});
