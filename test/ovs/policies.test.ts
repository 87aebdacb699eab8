import assert from "node:assert/strict";
import {
  createPolicyCluster,
  everything,
  namespaceObject,
  PODS,
  type PodKey,
  podOf,
  policy,
} from "#test/support/policy-cluster.ts";
import { FAMILIES, type Manifest, type PolicyFabric } from "#test/support/policy-fabric.ts";
import { FEATURES, pairsOfFeatures, pairsOfRules } from "#test/support/policy-features.ts";
import { findFaults, type Probe, sendProbes } from "#test/support/policy-probes.ts";
import { until } from "../watch/until.ts";

describe("network policies, with real packets on two nodes", function () {
  this.timeout(120_000);
  let fabric: PolicyFabric;
  before(async () => {
    fabric = await createPolicyCluster("poltab");
  });
  after(() => fabric?.close());
  afterEach(() => {
    fabric.remove(...fabric.of("NetworkPolicy").filter(({ metadata }) => metadata.namespace !== "beacon"));
    fabric.put(...(Object.keys(PODS) as PodKey[]).map((key) => podOf(fabric, key)));
  });

  async function check(probes: readonly Probe[] = everything()): Promise<void> {
    await fabric.commit();
    assert.deepEqual(await findFaults(fabric, probes), []);
  }
  const policiesOf = (...specs: readonly object[]): readonly Manifest[] =>
    specs.map((spec, i) => policy(`a/p${i}`, spec));

  for (const [title, spec] of Object.entries(FEATURES))
    it(`alone: ${title}`, async () => {
      fabric.put(...policiesOf(spec));
      await check();
    });

  it("in pairs: as two policies of a namespace, which allow what either does", async () => {
    const pairs = pairsOfFeatures();
    const faults: string[] = [];
    // Two pairs at once, in two namespaces: who may send to whom is then up to both.
    for (let i = 0; i < pairs.length; i += 2) {
      const both = [pairs[i]!, pairs[i + 1] ?? pairs[0]!];
      for (const [place, pair] of both.entries())
        fabric.put(...pair.map((feature, j) => policy(`${"ab"[place]}/p${j}`, FEATURES[feature]!)));
      await fabric.commit();
      const found = await findFaults(fabric, everything());
      faults.push(...found.map((fault) => `${both.map((pair) => pair.join(" + ")).join("; ")}: ${fault}`));
    }
    assert.deepEqual(faults, []);
  });

  it("in pairs: as two rules of one policy", async () => {
    const pairs = pairsOfRules();
    assert.ok(pairs.length > 100, `${pairs.length}`);
    const faults: string[] = [];
    for (let i = 0; i < pairs.length; i += 2) {
      fabric.put(policy("a/p", pairs[i]!), policy("b/p", pairs[i + 1] ?? pairs[0]!));
      await fabric.commit();
      faults.push(...(await findFaults(fabric, everything())).map((fault) => `pair ${i}: ${fault}`));
    }
    assert.deepEqual(faults, []);
  });

  for (const [title, port] of Object.entries({
    "a number": { port: 80 },
    "a range": { port: 70, endPort: 80 },
    "a name": { port: "sigtran" },
    "nothing but the protocol": {},
  }))
    it(`let SCTP through by ${title}, in the direction that begins`, () => checkSctp({ protocol: "SCTP", ...port }));

  async function checkSctp(port: object): Promise<void> {
    for (const [key, containerPort] of [
      ["a/web", 80],
      ["a/api", 81],
      ["a/far", 80],
    ] as const)
      fabric.put(podOf(fabric, key, { ports: [{ name: "sigtran", containerPort, protocol: "SCTP" }] }));
    fabric.put(policy("a/in", { podSelector: {}, ingress: [{ ports: [port] }] }));
    fabric.put(policy("b/out", { podSelector: {}, policyTypes: ["Egress"], egress: [{ ports: [port] }] }));
    await fabric.commit();
    for (const node of fabric.nodes.keys()) await fabric.appctl(node, "dpctl/flush-conntrack");
    // In user space all SCTP between two addresses is one connection: nobody answers anybody here.
    const pairs: readonly (readonly [string, string, number])[] = [
      ["a/api", "a/web", 81],
      ["n1", "a/web", 81],
      ["n2", "a/web", 81],
      ["outside", "a/api", 81],
      ["b/web", "a/far", 81],
      ["b/db", "a/api", 80],
      ["b/db", "a/web", 80],
      ["b/web", "a/api", 80],
      ["n2", "a/api", 80],
      ["a/web", "a/far", 80],
    ];
    const probes = pairs.flatMap(([from, to, number]) =>
      FAMILIES.map((family): Probe => ({ from, to, family, protocol: "sctp", port: number })),
    );
    assert.deepEqual(await findFaults(fabric, probes), []);
  }

  it("let a large datagram through whole by a rule with ports, and nothing of one to another port or from another peer", async () => {
    const from = [{ podSelector: { matchLabels: { app: "api" } } }, { ipBlock: { cidr: "fd10:10:2::/64" } }];
    fabric.put(
      policy("a/web", {
        podSelector: { matchLabels: { app: "web" } },
        ingress: [{ from, ports: [{ protocol: "UDP", port: 80 }, { port: 90 }] }],
      }),
    );
    fabric.put(
      policy("b/out", {
        podSelector: {},
        policyTypes: ["Egress"],
        egress: [{ ports: [{ protocol: "UDP", port: "dns" }] }],
      }),
    );
    const probes = everything().filter(({ protocol, from: end }) => protocol === "udp" && fabric.pods.has(end));
    for (const size of [1500, 9000, 40_000]) await check(probes.map((probe) => ({ ...probe, size })));
  });

  it("let an error about what they let through come back to whoever nobody may speak to", async () => {
    const [api, db] = [{ matchLabels: { app: "api" } }, { matchLabels: { app: "db" } }];
    const ports = [{ protocol: "UDP", port: 90 }];
    fabric.put(policy("a/api", { podSelector: api, policyTypes: ["Ingress", "Egress"], egress: [{ ports }] }));
    fabric.put(policy("b/db", { podSelector: db, policyTypes: ["Ingress", "Egress"], ingress: [{ ports }] }));
    await fabric.commit();
    for (const to of ["b/db", "a/web"])
      for (const family of FAMILIES) {
        const probe: Probe = { from: "a/api", to, family, protocol: "udp", port: 90 };
        // A kernel says it about once a second.
        await until(async () => (await sendProbes(fabric, [probe]))[0]!.refused);
        const [other] = await sendProbes(fabric, [{ ...probe, port: 91 }]);
        assert.deepEqual([other?.arrived, other?.refused], [0, false]);
      }
  });

  it("count a pod by its labels and its namespace's as they are now, and its ports by their names as they are now", async () => {
    const from = [
      { namespaceSelector: { matchLabels: { team: "blue" } }, podSelector: { matchLabels: { tier: "back" } } },
    ];
    fabric.put(
      policy("a/web", { podSelector: { matchLabels: { app: "web" } }, ingress: [{ from, ports: [{ port: "http" }] }] }),
    );
    await check();
    for (const change of [
      () => fabric.put(podOf(fabric, "b/web", { labels: { app: "web" } })),
      () => fabric.put(podOf(fabric, "a/api", { labels: { app: "web", tier: "back" } })),
      () => fabric.put(namespaceObject("a", { team: "blue" }), namespaceObject("b", { team: "red" })),
      () => fabric.put(podOf(fabric, "a/web", { ports: [{ name: "http", containerPort: 90 }] })),
      () => fabric.put(podOf(fabric, "a/web", { labels: {} })),
      () => fabric.remove(namespaceObject("a", {})),
      () => fabric.put(namespaceObject("a", { team: "red", env: "prod" }), namespaceObject("b", { team: "blue" })),
    ]) {
      change();
      await check();
    }
  });

  it("leave pods on the host's network and pods that have ended alone, as subjects and as peers", async () => {
    const ips = { podIPs: [{ ip: "172.18.0.2" }, { ip: "fd18::2" }] };
    const host = { apiVersion: "v1", kind: "Pod", metadata: { name: "host", namespace: "a", labels: { app: "host" } } };
    const object = { ...host, spec: { nodeName: "n2", hostNetwork: true, containers: [] }, status: ips };
    fabric.put(object, podOf(fabric, "b/db", { phase: "Succeeded" }));
    const peers = [
      {
        namespaceSelector: {},
        podSelector: { matchExpressions: [{ key: "app", operator: "In", values: ["host", "db"] }] },
      },
    ];
    fabric.put(
      policy("a/all", {
        podSelector: {},
        policyTypes: ["Ingress", "Egress"],
        ingress: [{ from: peers }],
        egress: [{ to: peers }],
      }),
    );
    await check();
    // One that has ended keeps its address in the API when somebody else has it already.
    const former = { ...podOf(fabric, "b/web", { labels: { app: "db" }, phase: "Failed" }) };
    fabric.put({ ...former, metadata: { ...former.metadata, name: "former" } });
    await check();
    fabric.remove(object, { ...former, metadata: { ...former.metadata, name: "former" } });
  });

  it("know nothing of a pod but its namespace before its object: it is shut off where there are policies, and open elsewhere", async () => {
    fabric.put(policy("a/api", { podSelector: { matchLabels: { app: "api" } }, ingress: [{}] }));
    fabric.remove(podOf(fabric, "a/web"), podOf(fabric, "b/web"));
    await fabric.commit();
    const own = (end: string) => (end === "a/web" ? "n1" : "");
    const expected = ({ from, to }: Probe) => (from !== "a/web" || to === "") && (to !== "a/web" || from === own(to));
    assert.deepEqual(await findFaults(fabric, everything(), expected), []);
  });

  it("judge an address by the pod that has it now", async () => {
    const from = [{ podSelector: { matchLabels: { app: "web" } } }];
    fabric.put(policy("a/api", { podSelector: { matchLabels: { app: "api" } }, ingress: [{ from }] }));
    const ends = ["a/api", "a/late"];
    // A node process that starts gives out the first free address.
    const used = new Set<string>();
    for (const labels of [{ app: "web" }, { app: "other" }, { app: "web" }]) {
      await fabric.stop("n1", "SIGTERM");
      await fabric.restart("n1");
      const [local, far] = [await fabric.plug("a/late", "n1"), await fabric.plug("a/later", "n2")];
      used.add(local.ips[4]);
      const objects = [local, far].map((pod) => ({
        ...podOf(fabric, "a/web", { labels, uid: "" }),
        metadata: { namespace: "a", name: pod.key.slice(2), labels },
      }));
      const status = (pod: typeof local) => ({ podIPs: FAMILIES.map((family) => ({ ip: pod.ips[family] })) });
      fabric.put(
        { ...objects[0]!, status: status(local) },
        { ...objects[1]!, spec: { nodeName: "n2" }, status: status(far) },
      );
      await check(everything([...ends, "a/later"]));
      // The objects stay for a while, as the API's do: whoever gets the address next is no "web" for that.
      await fabric.unplug("a/late");
      await fabric.unplug("a/later");
    }
    await fabric.stop("n1", "SIGTERM");
    await fabric.restart("n1");
    const heir = await fabric.plug("a/heir", "n1");
    assert.deepEqual([...used], [heir.ips[4]]);
    fabric.put({
      ...podOf(fabric, "a/web", { labels: { app: "other" } }),
      metadata: { namespace: "a", name: "heir" },
      status: { podIPs: FAMILIES.map((family) => ({ ip: heir.ips[family] })) },
    });
    await check(everything(["a/api", "a/heir"]));
    await fabric.unplug("a/heir");
    fabric.remove(...fabric.of("Pod").filter(({ metadata }) => /^(late|later|heir)$/.test(metadata.name)));
  });
});
