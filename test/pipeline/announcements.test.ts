import assert from "node:assert/strict";
import fc from "fast-check";
import { formatIp } from "#base/address.ts";
import { announcementsOf, ownerOf } from "#pipeline/announce/announcements.ts";
import { createModelStore } from "#pipeline/model/store.ts";
import type { RawChange } from "#pipeline/source.ts";
import { batch } from "./samples.ts";

const pool = (name: string, spec: object): RawChange => ({ kind: "AddressPool", key: name, object: { spec } });
const node = (name: string, labels: object = {}): RawChange => ({
  ...{ kind: "Node", key: name },
  object: { metadata: { name, labels } },
});
const service = (name: string, ips: readonly string[], spec: object = {}, annotations: object = {}): RawChange => ({
  ...{ kind: "Service", key: `shop/${name}` },
  object: {
    metadata: { name, namespace: "shop", annotations },
    spec: { type: "LoadBalancer", clusterIP: "10.96.0.1", ports: [{ port: 80 }], ...spec },
    status: { loadBalancer: { ingress: ips.map((ip) => ({ ip })) } },
  },
});
const slice = (name: string, endpoints: readonly object[]): RawChange => ({
  ...{ kind: "EndpointSlice", key: `shop/${name}-1` },
  object: {
    metadata: { labels: { "kubernetes.io/service-name": name } },
    ...{ addressType: "IPv4", ports: [{ port: 8080 }], endpoints },
  },
});

function announced(...changes: readonly RawChange[]): readonly string[] {
  const { apply, view } = createModelStore([]);
  apply(batch(...changes));
  return [...announcementsOf(view).values()].map(
    ({ ip, service, interfaces, nodes }) =>
      `${formatIp(ip)} of ${service} by ${[...nodes].sort().join(" ")} on ${interfaces.join(" ")}`,
  );
}
const NODES = [node("n1", { edge: "yes" }), node("n2", { edge: "yes" }), node("n3")];
const BLUE = pool("blue", { addresses: ["192.0.2.0/24", "2001:db8::/64"] });

describe("What is announced", () => {
  it("is an address of a pool that a service has, by every node that the pool selects", () => {
    const green = {
      addresses: ["198.51.100.0/24"],
      nodeSelector: { matchLabels: { edge: "yes" } },
      interfaces: ["e1"],
    };
    assert.deepEqual(
      announced(
        BLUE,
        pool("green", green),
        ...NODES,
        service("a", ["192.0.2.5", "2001:db8::5"]),
        service("b", ["198.51.100.7"]),
      ),
      [
        "192.0.2.5 of shop/a by n1 n2 n3 on ",
        "2001:db8::5 of shop/a by n1 n2 n3 on ",
        "198.51.100.7 of shop/b by n1 n2 on e1",
      ],
    );
  });

  it("is not what others give, and not what is in no pool and was never taken from one", () => {
    const foreign = service("c", ["192.0.2.9"], { loadBalancerClass: "example.com/other" });
    assert.deepEqual(announced(BLUE, ...NODES, service("a", ["203.0.113.1"]), foreign), []);
    assert.deepEqual(announced(...NODES, service("a", ["192.0.2.5"])), []);
  });

  it("is still what was taken from a pool that does not hold it any more, or that is gone", () => {
    const kept = service("a", ["203.0.113.1"], {}, { "weir.dev/assigned-from": "blue" });
    assert.deepEqual(announced(BLUE, ...NODES, kept), ["203.0.113.1 of shop/a by n1 n2 n3 on "]);
    const edge = { addresses: ["192.0.2.1"], nodeSelector: { matchLabels: { edge: "yes" } } };
    assert.deepEqual(announced(pool("blue", edge), ...NODES, kept), ["203.0.113.1 of shop/a by n1 n2 on "]);
    assert.deepEqual(announced(...NODES, kept), ["203.0.113.1 of shop/a by n1 n2 n3 on "]);
  });

  it("is an address once: of the first service by name", () => {
    const both = [service("b", ["192.0.2.5"]), service("a", ["192.0.2.5"])];
    assert.deepEqual(announced(BLUE, ...NODES, ...both), ["192.0.2.5 of shop/a by n1 n2 n3 on "]);
  });

  it("is for no node that is excluded, and none by a selector that cannot be read", () => {
    const excluded = node("n2", { "node.kubernetes.io/exclude-from-external-load-balancers": "" });
    assert.deepEqual(announced(BLUE, node("n1"), excluded, service("a", ["192.0.2.5"])), [
      "192.0.2.5 of shop/a by n1 on ",
    ]);
    const broken = pool("blue", { addresses: ["192.0.2.0/24"], nodeSelector: { edge: "yes" } });
    assert.deepEqual(announced(broken, ...NODES, service("a", ["192.0.2.5"])), ["192.0.2.5 of shop/a by  on "]);
  });

  it("is, with the policy Local, by nodes that have an endpoint which serves", () => {
    const endpoints = [
      { addresses: ["10.0.0.1"], nodeName: "n1", conditions: { ready: true } },
      { addresses: ["10.0.0.2"], nodeName: "n2", conditions: { ready: false, serving: true, terminating: true } },
      { addresses: ["10.0.0.3"], nodeName: "n3", conditions: { ready: false, serving: false } },
    ];
    const local = service("a", ["192.0.2.5"], { externalTrafficPolicy: "Local" });
    assert.deepEqual(announced(BLUE, ...NODES, local, slice("a", endpoints)), ["192.0.2.5 of shop/a by n1 n2 on "]);
    assert.deepEqual(announced(BLUE, ...NODES, local), ["192.0.2.5 of shop/a by  on "]);
  });
});

describe("The owner of an address", () => {
  const names = (count: number) => Array.from({ length: count }, (_, i) => `node-${i}.example.com`);
  const addresses = Array.from({ length: 3000 }, (_, i) => `192.0.${i >> 8}.${i & 255}`);

  it("is the same for everybody, in whatever order the nodes are seen", () => {
    const someNodes = fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(someNodes, fc.ipV4(), fc.integer(), (nodes, address, turn) => {
        const turned = [...nodes.slice(turn % nodes.length), ...nodes.slice(0, turn % nodes.length)];
        assert.equal(ownerOf(address, turned.toReversed()), ownerOf(address, nodes));
      }),
    );
    assert.equal(ownerOf("192.0.2.1", []), undefined);
  });

  it("moves only with the owner itself", () => {
    for (const address of addresses.slice(0, 500)) {
      const before = ownerOf(address, names(7))!;
      for (const gone of names(7))
        if (gone !== before)
          assert.equal(
            ownerOf(
              address,
              names(7).filter((name) => name !== gone),
            ),
            before,
          );
    }
  });

  it("is each of the nodes about as often as any other", () => {
    for (const count of [2, 3, 10]) {
      const shares = Map.groupBy(addresses, (address) => ownerOf(address, names(count))!);
      const expected = addresses.length / count;
      const chiSquared = [...shares.values()].reduce((sum, { length }) => sum + (length - expected) ** 2 / expected, 0);
      assert.equal(shares.size, count);
      // Of so many degrees of freedom, exceeded once in a thousand times.
      assert.ok(chiSquared < { 2: 10.8, 3: 13.8, 10: 27.9 }[count]!, `${count} nodes: ${chiSquared}`);
    }
  });
});
