import assert from "node:assert/strict";
import fc from "fast-check";
import { cidrContains, parseCidr, parseIp } from "#base/address.ts";
import { convertAdminPolicies, type Manifest } from "#pipeline/explain/convert-admin-policies.ts";
import { createEvaluator, isDenied } from "#pipeline/explain/evaluate.ts";
import { createModelStore } from "#pipeline/model/store.ts";
import type { RawChange } from "#pipeline/source.ts";

const API = "policy.networking.k8s.io/v1alpha1";
const NAMESPACES = [{ namespaces: {} }];

function admin(name: string, priority: number, spec: object, metadata: object = {}): Manifest {
  const subject = { namespaces: {} };
  return {
    apiVersion: API,
    kind: "AdminNetworkPolicy",
    metadata: { name, ...metadata },
    spec: { priority, subject, ...spec },
  };
}

function baseline(spec: object): Manifest {
  const subject = { namespaces: {} };
  return {
    apiVersion: API,
    kind: "BaselineAdminNetworkPolicy",
    metadata: { name: "default" },
    spec: { subject, ...spec },
  };
}

function convert(...manifests: readonly Manifest[]) {
  return convertAdminPolicies(manifests).map(({ from, object, remarks }) => {
    const { metadata, spec } = object as {
      metadata: Manifest & { name: string };
      spec: Manifest & { priority: number };
    };
    return { from, metadata, spec, name: metadata.name, priority: spec.priority, remarks };
  });
}

const messages = (one: { readonly remarks: readonly { readonly message: string }[] } | undefined) =>
  one?.remarks.map(({ message }) => message);
const allow = (times: number) => Array.from({ length: times }, () => ({ action: "Allow", from: NAMESPACES }));

describe("an AdminNetworkPolicy, converted", () => {
  it("says the same in the words of the new API", () => {
    const pods = { pods: { namespaceSelector: {}, podSelector: { matchLabels: { a: "b" } } } };
    const ports = [
      { portNumber: { protocol: "UDP", port: 53 } },
      { portRange: { start: 80, end: 90 } },
      { namedPort: "http" },
    ];
    const [one, ...others] = convert(
      admin(
        "guard",
        7,
        {
          subject: pods,
          ingress: [{ name: "in", action: "Allow", from: [pods], ports }],
          egress: [
            { action: "Pass", to: [{ nodes: {} }, { networks: ["10.0.0.0/8"] }] },
            { action: "Deny", to: NAMESPACES },
          ],
        },
        { labels: { a: "b" }, annotations: { c: "d", "kubectl.kubernetes.io/last-applied-configuration": "{}" } },
      ),
    );
    assert.deepEqual(others, []);
    assert.deepEqual(one?.metadata, { name: "guard", labels: { a: "b" }, annotations: { c: "d" } });
    const protocols = [
      { udp: { destinationPort: { number: 53 } } },
      { tcp: { destinationPort: { range: { start: 80, end: 90 } } } },
      { destinationNamedPort: "http" },
    ];
    assert.deepEqual(one?.spec, {
      ...{ tier: "Admin", priority: 7, subject: pods },
      ingress: [{ name: "in", action: "Accept", from: [pods], protocols }],
      egress: [
        { action: "Pass", to: [{ nodes: {} }, { networks: ["10.0.0.0/8"] }] },
        { action: "Deny", to: NAMESPACES },
      ],
    });
    assert.deepEqual(one?.remarks, []);
  });

  it("keeps its priority and its name where it can, and the order of all where it cannot", () => {
    const converted = convert(
      admin("b", 5, {}),
      admin("a", 3, { ingress: allow(60) }),
      admin("c", 5, {}),
      admin("a-2", 900, {}),
      baseline({ ingress: allow(30) }),
    );
    assert.deepEqual(
      converted.map(({ name, priority }) => [name, priority]),
      [
        ["a", 3],
        ["a-2-2", 4],
        ["a-3", 5],
        ["b", 6],
        ["c", 6],
        ["a-2", 900],
        ["default", 999],
        ["default-2", 1000],
      ],
    );
    assert.deepEqual(messages(converted[1]), [
      "its name is a-2-2: a-2 is another's",
      "part 2 of 3: one may have 25 rules a direction",
      "its priority was 3; 4 keeps the order",
    ]);
    assert.deepEqual(messages(converted[3]), ["its priority was 5; 6 keeps the order"]);
  });

  it("says when the priorities do not suffice", () => {
    const converted = convert(admin("a", 1000, { ingress: allow(26) }));
    assert.deepEqual(
      converted.map(({ priority }) => priority),
      [1000, 1001],
    );
    assert.ok(converted[1]?.remarks.some(({ isLoss }) => isLoss));
  });

  it("leaves what it does not know where it is, so that it fails closed, and says so", () => {
    const [one] = convert(
      admin("a", 1, {
        ingress: [
          { action: "Log", from: NAMESPACES, until: 1 },
          { action: "Deny", from: NAMESPACES, ports: [{ icmp: {} }] },
        ],
        more: 1,
      }),
    );
    assert.deepEqual(one?.spec["ingress"], [
      { action: "Log", from: NAMESPACES, until: 1 },
      { action: "Deny", from: NAMESPACES, protocols: [{ icmp: {} }] },
    ]);
    assert.deepEqual(
      messages(one)?.map((text) => text.split(" ")[0]),
      ["spec.more", "spec.ingress[0].action", "spec.ingress[0].until", "spec.ingress[1].ports[0]"],
    );
    assert.ok(one?.remarks.every(({ isLoss }) => isLoss));
    const wrong = fc.anything();
    fc.assert(
      fc.property(wrong, wrong, (spec, metadata) => {
        for (const kind of ["AdminNetworkPolicy", "BaselineAdminNetworkPolicy"])
          convertAdminPolicies([{ apiVersion: API, kind, metadata, spec }]);
      }),
    );
  });
});

/** Policies that are about one pod's traffic to addresses of the world, by networks and ports. */
const NETWORKS = ["192.0.2.0/24", "192.0.2.128/25", "198.51.100.0/24", "0.0.0.0/0"] as const;
const rule = (actions: readonly string[]) =>
  fc.record({
    action: fc.constantFrom(...actions),
    networks: fc.subarray([...NETWORKS], { minLength: 1 }),
    ports: fc.option(fc.uniqueArray(fc.integer({ min: 80, max: 84 }), { minLength: 1 }), { nil: undefined }),
    padding: fc.constantFrom(0, 0, 0, 30),
  });
type AnyRule = { action: string; networks: string[]; ports: number[] | undefined; padding: number };

function ruleManifest({ action, networks, ports, padding }: AnyRule): Manifest {
  // So many peers and ports that no single rule of the new API holds them.
  const nobody = Array.from({ length: padding }, (_, i) => ({ networks: [`203.0.113.${i}/32`] }));
  const closed = Array.from({ length: ports === undefined ? 0 : padding }, (_, i) => ({
    portNumber: { protocol: "TCP", port: 1000 + i },
  }));
  return {
    action,
    to: [...nobody, { networks }],
    ...(ports !== undefined && {
      ports: [...closed, ...ports.map((port) => ({ portNumber: { protocol: "TCP", port } }))],
    }),
  };
}

/** What the first rule that matches does, by the old API's words alone. */
function decide(rules: readonly AnyRule[], address: string, port: number): string | undefined {
  return rules.find(
    ({ networks, ports }) =>
      networks.some((network) => cidrContains(parseCidr(network)!, parseIp(address)!)) &&
      (ports === undefined || ports.includes(port)),
  )?.action;
}

describe("AdminNetworkPolicies, converted", () => {
  it("let through what they let through before, whatever is split and moved for it", function () {
    this.timeout(60_000);
    const policies = fc.uniqueArray(
      fc.record({
        priority: fc.constantFrom(0, 1, 2, 3, 500),
        rules: fc.array(rule(["Allow", "Deny", "Pass"]), { maxLength: 60 }),
      }),
      { selector: ({ priority }) => priority, maxLength: 4 },
    );
    const last = fc.array(rule(["Allow", "Deny"]), { maxLength: 60 });
    fc.assert(
      fc.property(policies, last, (admins, baselineRules) => {
        const manifests = [
          ...admins.map(({ priority, rules }) => admin(`p${priority}`, priority, { egress: rules.map(ruleManifest) })),
          baseline({ egress: baselineRules.map(ruleManifest) }),
        ];
        const store = createModelStore([]);
        const pod = { spec: { nodeName: "n1" }, status: { podIPs: [{ ip: "10.10.1.2" }] } };
        const changes: readonly RawChange[] = [
          { kind: "Namespace", key: "shop", object: {} },
          { kind: "Pod", key: "shop/web", object: pod },
          ...convertAdminPolicies(manifests).map(({ object }): RawChange => {
            return {
              kind: "ClusterNetworkPolicy",
              key: String(Reflect.get(Object(object["metadata"]), "name")),
              object,
            };
          }),
        ];
        store.apply({ source: "test", synced: true, changes });
        assert.deepEqual([...store.problems.values()], []);
        const evaluator = createEvaluator(store.view, (ip) =>
          store.view.Pod.get(store.view.selections.podOf(ip) ?? ""),
        );
        const inOrder = admins.toSorted((a, b) => a.priority - b.priority).flatMap(({ rules }) => rules);
        for (const address of ["192.0.2.1", "192.0.2.200", "198.51.100.1", "8.8.8.8"])
          for (const port of [80, 81, 82, 83, 84, 443]) {
            const first = decide(inOrder, address, port) ?? "Pass";
            const verdict = first === "Pass" ? (decide(baselineRules, address, port) ?? "Allow") : first;
            const packet = {
              source: parseIp("10.10.1.2")!,
              destination: parseIp(address)!,
              protocol: 6,
              destinationPort: port,
            };
            assert.equal(isDenied(evaluator(packet).egress), verdict === "Deny", `${address}:${port}`);
          }
      }),
      { numRuns: 60 },
    );
  });
});
