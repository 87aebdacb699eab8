import assert from "node:assert/strict";
import fc from "fast-check";
import { parseIp } from "#base/address.ts";
import { carryOut } from "#pipeline/explain/changes.ts";
import { readCluster } from "#pipeline/explain/cluster.ts";
import { createEvaluator, evaluate, isDenied, type Packet } from "#pipeline/explain/evaluate.ts";
import { nearMisses } from "#pipeline/explain/near-misses.ts";
import { DIRECTIONS } from "#pipeline/model/policy.ts";
import type { RawChange } from "#pipeline/source.ts";
import { node } from "#test/pipeline/samples.ts";
import { clusters, namespace, PACKETS, pod, policy } from "./clusters.ts";

const packets = fc.shuffledSubarray([...PACKETS], { minLength: 200, maxLength: 200 });

describe("a near miss", () => {
  it("lets the packet through when it is carried out", function () {
    this.timeout(60_000);
    const tried = { NetworkPolicy: 0, ClusterNetworkPolicy: 0 };
    fc.assert(
      fc.property(clusters, packets, ({ objects, podOf }, some) => {
        for (const packet of some)
          for (const direction of DIRECTIONS)
            for (const miss of nearMisses({ objects, podOf, packet }, direction, 5)) {
              tried[miss.policy.kind]++;
              assert.ok(isDenied(evaluate(objects, podOf, packet)[direction]));
              assert.ok(miss.changes.length > 0);
              const then = carryOut({ objects, podOf, packet }, miss.changes, direction);
              const verdict = evaluate(then.objects, then.podOf, then.packet)[direction];
              assert.ok(verdict !== undefined && !isDenied(verdict), String(verdict?.type));
            }
      }),
      { numRuns: 200 },
    );
    assert.ok(tried.NetworkPolicy > 100 && tried.ClusterNetworkPolicy > 0, JSON.stringify(tried));
  });

  it("of one other port is found wherever another port would pass", () => {
    fc.assert(
      fc.property(clusters, packets, ({ objects, podOf }, some) => {
        const ask = createEvaluator(objects, podOf);
        for (const packet of some)
          for (const direction of DIRECTIONS) {
            if (ask(packet)[direction]?.type !== "isolated") continue;
            const others = [80, 8080, 443, 5353].map((port): Packet => ({ ...packet, destinationPort: port }));
            if (!others.some((other) => ask(other)[direction]?.type === "allowed")) continue;
            const [nearest] = nearMisses({ objects, podOf, packet }, direction, 1);
            assert.equal(nearest?.changes.length, 1);
          }
      }),
      { numRuns: 200 },
    );
  });

  it("of another port passes by those of a range that are denied before the rule is asked", () => {
    const all = { namespaces: {} };
    const deny = (protocols: readonly object[]): RawChange => {
      const spec = { tier: "Admin", priority: 0, subject: all, egress: [{ action: "Deny", to: [all], protocols }] };
      return { kind: "ClusterNetworkPolicy", key: "guard", object: { spec } };
    };
    const nearest = (...protocols: readonly object[]) => {
      const { objects, podOf } = readCluster([
        node("n1", ["10.0.1.0/24"], ["172.18.0.1"]),
        namespace("shop"),
        pod("shop/web", {}, { ips: ["10.0.1.2"] }),
        pod("shop/db", {}, { ips: ["10.0.1.3"], ports: [{ name: "http", containerPort: 81 }] }),
        policy("shop/p", {
          podSelector: {},
          policyTypes: ["Egress"],
          egress: [{ ports: [{ port: 80, endPort: 82 }] }],
        }),
        deny(protocols),
      ]);
      const ends = { source: parseIp("10.0.1.2")!, destination: parseIp("10.0.1.3")! };
      const packet: Packet = { ...ends, protocol: 6, destinationPort: 8080 };
      return nearMisses({ objects, podOf, packet }, "egress", 1).map(({ changes }) => changes);
    };
    const tcp = (number: number) => ({ tcp: { destinationPort: { number } } });
    const port = (number: number) => [[{ type: "port", protocol: 6, port: number }]];
    assert.deepEqual(nearest(tcp(81)), port(80));
    assert.deepEqual(nearest(tcp(80)), port(81));
    assert.deepEqual(nearest(tcp(80), { destinationNamedPort: "http" }), port(82));
    assert.deepEqual(nearest({ tcp: { destinationPort: { range: { start: 80, end: 90 } } } }), []);
  });

  it("leaves the objects that it was made from as they were", () => {
    fc.assert(
      fc.property(clusters, packets, ({ objects, podOf }, some) => {
        const before = some.map((packet) => evaluate(objects, podOf, packet));
        for (const packet of some)
          for (const direction of DIRECTIONS) nearMisses({ objects, podOf, packet }, direction, 5);
        assert.deepEqual(
          some.map((packet) => evaluate(objects, podOf, packet)),
          before,
        );
      }),
      { numRuns: 50 },
    );
  });
});
