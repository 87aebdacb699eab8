import assert from "node:assert/strict";
import fc from "fast-check";
import { parseIp } from "#base/address.ts";
import { type Cluster, readCluster } from "#pipeline/explain/cluster.ts";
import { compareClusters } from "#pipeline/explain/difference.ts";
import { evaluate } from "#pipeline/explain/evaluate.ts";
import type { RawChange } from "#pipeline/source.ts";
import { clusterChanges, ground, policyChange } from "#test/pipeline/policy-clusters.ts";
import { node } from "#test/pipeline/samples.ts";
import { labelled, PACKETS, pod, policy } from "./clusters.ts";

const pairs = fc
  .tuple(clusterChanges, fc.array(policyChange, { minLength: 1, maxLength: 2 }))
  .map(
    ([changes, more]) =>
      [readCluster([...ground(), ...changes]), readCluster([...ground(), ...changes, ...more])] as const,
  );

/** Both ends pods, of the clusters that these tests make of one set of pods. */
function isBetweenPods({ podOf }: Cluster, packet: (typeof PACKETS)[number]): boolean {
  return [packet.source, packet.destination].every((ip) => podOf(ip)?.completed === false);
}

const SHOP: readonly RawChange[] = [
  node("n1", ["10.0.1.0/24"], ["172.18.0.1"]),
  pod("shop/api", { app: "api" }),
  pod("shop/web-1", { app: "web" }),
  pod("shop/web-2", { app: "web" }),
];

function compare(before: readonly RawChange[], after: readonly RawChange[]) {
  const { changes, podsAdded, podsRemoved } = compareClusters(
    readCluster([...SHOP, ...before]),
    readCluster([...SHOP, ...after]),
  );
  const texts = changes.map(({ type, from, to, port }) => `${type}: ${from.name} -> ${to.name} at ${port.text}`);
  return { texts, podsAdded, podsRemoved };
}

describe("the difference between two folders", () => {
  it("is there where a packet passes in one and not in the other, and nowhere else", () => {
    let different = 0;
    fc.assert(
      fc.property(pairs, ([before, after]) => {
        const { changes } = compareClusters(before, after);
        const differing = PACKETS.filter(
          (packet) =>
            evaluate(before.objects, before.podOf, packet).isAllowed !==
            evaluate(after.objects, after.podOf, packet).isAllowed,
        );
        // The address of a pod that has ended is nobody's, and no folder tells who may have it next.
        const ended = (packet: (typeof PACKETS)[number]) =>
          [packet.source, packet.destination].some((ip) => before.podOf(ip)?.completed === true);
        const own = differing.filter((packet) => !ended(packet));
        if (changes.length === 0) assert.deepEqual(own, []);
        else different++;
        for (const packet of differing.filter((one) => isBetweenPods(before, one))) {
          const names = [packet.source, packet.destination].map((ip) => before.podOf(ip)!);
          const [from, to] = names.map(({ namespace, name }) => `${namespace}/${name}`);
          const type = evaluate(after.objects, after.podOf, packet).isAllowed ? "added" : "removed";
          const told = changes.filter(
            (one) => one.type === type && one.from.members.includes(from!) && one.to.members.includes(to!),
          );
          assert.ok(told.length > 0, `${from} -> ${to}`);
        }
      }),
      { numRuns: 200 },
    );
    assert.ok(different > 20, `only ${different} were different`);
  });

  it("is none between a folder and itself", () => {
    fc.assert(fc.property(pairs, ([one]) => assert.deepEqual(compareClusters(one, one).changes, [])));
  });

  it("is the other way round when the folders are", () => {
    fc.assert(
      fc.property(pairs, ([before, after]) => {
        const texts = (changes: ReturnType<typeof compareClusters>["changes"], added: string, removed: string) =>
          changes
            .map(({ type, from, to, port, family }) =>
              [type === "added" ? added : removed, from.name, to.name, port.text, family].join(),
            )
            .sort();
        assert.deepEqual(
          texts(compareClusters(before, after).changes, "a", "r"),
          texts(compareClusters(after, before).changes, "r", "a"),
        );
      }),
    );
  });

  it("tells pods of one workload once, every port that a policy names and the others", () => {
    const before = policy("shop/api", { ...labelled("api"), ingress: [{ from: [labelled("web")] }] });
    const after = policy("shop/api", {
      ...labelled("api"),
      ingress: [{ from: [labelled("web")], ports: [{ port: 80 }] }],
    });
    assert.deepEqual(compare([before], [after]).texts, ["removed: shop/app=web (2 pods) -> shop/api at other"]);
    assert.deepEqual(compare([after], [before]).texts, ["added: shop/app=web (2 pods) -> shop/api at other"]);
  });

  it("counts addresses outside, by the networks that policies name", () => {
    const open = policy("shop/p", {
      podSelector: {},
      policyTypes: ["Egress"],
      egress: [{ to: [{ podSelector: {} }] }],
    });
    const out = { to: [{ podSelector: {} }, { ipBlock: { cidr: "192.0.2.0/24", except: ["192.0.2.128/25"] } }] };
    const wider = policy("shop/p", { podSelector: {}, policyTypes: ["Egress"], egress: [out] });
    assert.deepEqual(compare([open], [wider]).texts, [
      "added: shop/api, shop/web-1, shop/web-2 -> 192.0.2.0/24 at other",
    ]);
  });

  it("says of a family when only that one differs", () => {
    const dual = node("n1", ["10.0.1.0/24", "fd00:1::/64"], ["172.18.0.1"]);
    const from = (...cidrs: readonly string[]) =>
      policy("shop/api", { ...labelled("api"), ingress: [{ from: cidrs.map((cidr) => ({ ipBlock: { cidr } })) }] });
    const { changes } = compareClusters(
      readCluster([...SHOP, dual, from("0.0.0.0/0", "::/0")]),
      readCluster([...SHOP, dual, from("0.0.0.0/0")]),
    );
    const ofPods = changes.filter(({ from: sender }) => sender.name.startsWith("shop/"));
    assert.deepEqual(
      ofPods.map(({ type, family }) => [type, family]),
      [["removed", 6]],
    );
    const { podOf } = readCluster([...SHOP, dual]);
    assert.equal(podOf(parseIp("fd00:1::2")!)?.name, "api");
  });

  it("names pods that only one of them has, and what they may", () => {
    const { texts, podsAdded, podsRemoved } = compare([], [pod("shop/new", { app: "new" })]);
    assert.deepEqual([podsAdded, podsRemoved], [["shop/new"], []]);
    assert.ok(texts.includes("added: shop/new -> shop/api, shop/web-1, shop/web-2 at other"), texts.join("\n"));
    assert.ok(texts.every((text) => text.startsWith("added: ") && text.includes("shop/new")));
  });
});
