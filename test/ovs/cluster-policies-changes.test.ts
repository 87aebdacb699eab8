import assert from "node:assert/strict";
import { ingest } from "#pipeline/ingest/ingest.ts";
import { at, clusterPolicy, from, ofTeam, to } from "#test/support/cluster-policy-features.ts";
import { malformedClusterSpecs, PLACES_AROUND, PLACES_OF_RULES } from "#test/support/cluster-policy-malformed.ts";
import {
  createPolicyCluster,
  everything,
  namespaceObject,
  PODS,
  type PodKey,
  podOf,
  policy,
} from "#test/support/policy-cluster.ts";
import type { Manifest, PolicyFabric } from "#test/support/policy-fabric.ts";
import { addressOf, findFaults, isAllowed, type Probe, sendProbes } from "#test/support/policy-probes.ts";
import { createRandom } from "#test/support/random.ts";
import { weirctl } from "../cli/run.ts";
import { until } from "../watch/until.ts";

const SEED = Number(process.env["SEED"] ?? 20_261_126);
const isOfRed = (end: string) => end.startsWith("a/");
const isOfBlue = (end: string) => end.startsWith("b/");

describe("cluster network policies that change", function () {
  this.timeout(60_000);
  let fabric: PolicyFabric;
  before(async () => {
    fabric = await createPolicyCluster("polcnpc");
  });
  after(() => fabric?.close());
  afterEach(() => {
    const own = ({ metadata }: Manifest) => metadata.namespace !== "beacon";
    fabric.remove(...fabric.of("ClusterNetworkPolicy"), ...fabric.of("NetworkPolicy").filter(own));
    fabric.put(...(Object.keys(PODS) as PodKey[]).map((key) => podOf(fabric, key)));
    fabric.put(namespaceObject("a", { team: "red", env: "prod" }), namespaceObject("b", { team: "blue" }));
  });

  async function check(expected?: (probe: Probe) => boolean, what = ""): Promise<void> {
    await fabric.commit();
    assert.deepEqual(await findFaults(fabric, everything(), expected), [], what);
  }
  const labelNodes = (zones: Readonly<Record<string, string>>) =>
    fabric.put(
      ...fabric.of("Node").map((node) => ({
        ...node,
        metadata: { ...node.metadata, labels: { zone: zones[node.metadata.name] ?? "" } },
      })),
    );

  it("hold for pods, namespaces, nodes and names of ports as they are now, as subjects and as peers", async () => {
    const subject = { pods: { podSelector: { matchLabels: { app: "web" } } } };
    const back = { pods: { podSelector: { matchExpressions: [{ key: "tier", operator: "In", values: ["back"] }] } } };
    fabric.put(
      clusterPolicy("guard", {
        ...{ tier: "Admin", priority: 100, subject },
        ingress: [from("Accept", [back], { destinationNamedPort: "http" }), from("Deny", [ofTeam("blue"), back])],
        egress: [
          to("Deny", [{ nodes: { matchLabels: { zone: "east" } } }]),
          to("Deny", [ofTeam("blue")], at("tcp", 90)),
        ],
      }),
    );
    await check();
    for (const change of [
      () => fabric.put(podOf(fabric, "b/db", { labels: { app: "db" } })),
      () => fabric.put(podOf(fabric, "a/api", { labels: { app: "web", tier: "back" } })),
      () => fabric.put(podOf(fabric, "a/web", { ports: [{ name: "http", containerPort: 90 }] })),
      () => labelNodes({ n1: "east", n2: "west" }),
      () => labelNodes({ n1: "east", n2: "east" }),
      () => fabric.put(namespaceObject("a", { team: "blue" }), namespaceObject("b", { team: "red" })),
      () => fabric.put(podOf(fabric, "a/web", { labels: {} })),
      () => fabric.put(podOf(fabric, "a/far", { phase: "Succeeded" })),
      () => fabric.remove(namespaceObject("b", {})),
      () => labelNodes({}),
      () => fabric.put(namespaceObject("a", { team: "red" }), namespaceObject("b", { team: "blue" })),
    ]) {
      change();
      await check(undefined, String(change));
    }
  });

  it("move to another tier, priority, place or verdict where they stand, and leave nothing when they go", async () => {
    const put = (tier: string, priority: number, ...actions: readonly string[]) =>
      fabric.put(
        clusterPolicy("moving", {
          ...{ tier, priority, subject: ofTeam("red") },
          egress: actions.map((action) => to(action, [ofTeam("blue")])),
        }),
      );
    const flows = async () => (await fabric.ofctl("n1", "dump-flows")).split("\n").length;
    await fabric.commit();
    const before = await flows();
    fabric.put(
      clusterPolicy("still", {
        tier: "Admin",
        priority: 500,
        subject: ofTeam("red"),
        egress: [to("Deny", [ofTeam("blue")], at("tcp", 80))],
      }),
    );
    fabric.put(
      policy("a/out", { podSelector: {}, policyTypes: ["Egress"], egress: [{ ports: [{ port: 80 }, { port: 90 }] }] }),
    );
    const between = ({ from: one, to: other }: Probe) => isOfRed(one) && isOfBlue(other);
    const isTcp = ({ protocol, port }: Probe, ...ports: readonly number[]) =>
      protocol === "tcp" && ports.includes(port);
    const byNetworkPolicy = (probe: Probe) => !isOfRed(probe.from) || isTcp(probe, 80, 90);
    const stages: readonly (readonly [() => void, (probe: Probe) => boolean])[] = [
      [() => put("Admin", 499, "Accept"), (probe) => between(probe) || byNetworkPolicy(probe)],
      [() => put("Admin", 501, "Accept"), (probe) => (between(probe) ? !isTcp(probe, 80) : byNetworkPolicy(probe))],
      [
        () => put("Admin", 501, "Pass", "Accept"),
        (probe) => byNetworkPolicy(probe) && !(between(probe) && isTcp(probe, 80)),
      ],
      [() => put("Admin", 0, "Pass"), byNetworkPolicy],
      [() => put("Admin", 1000, "Deny"), (probe) => byNetworkPolicy(probe) && !between(probe)],
      [() => put("Baseline", 1000, "Deny"), (probe) => byNetworkPolicy(probe) && !(between(probe) && isTcp(probe, 80))],
      [() => fabric.remove(policy("a/out", {})), (probe) => !between(probe)],
      [() => put("Baseline", 0, "Accept", "Deny"), (probe) => !(between(probe) && isTcp(probe, 80))],
      [() => fabric.remove(clusterPolicy("still", {})), () => true],
    ];
    for (const [i, [change, expected]] of stages.entries()) {
      change();
      await check(expected, `stage ${i}`);
    }
    fabric.remove(clusterPolicy("moving", {}));
    await check(() => true);
    assert.equal(await flows(), before);
  });

  it("leave pods on the host's network alone, as subjects and as peers; of nodes they speak by nodes and networks", async () => {
    const ips = { podIPs: [{ ip: "172.18.0.2" }, { ip: "fd18::2" }] };
    const metadata = { name: "host", namespace: "b", labels: { app: "host" } };
    const spec = { nodeName: "n2", hostNetwork: true, containers: [] };
    const host = { apiVersion: "v1", kind: "Pod", metadata, spec, status: ips };
    fabric.put(host);
    const hosts = { pods: { podSelector: { matchLabels: { app: "host" } } } };
    const deny = (name: string, egress: object, subject: object = ofTeam("red")) =>
      fabric.put(clusterPolicy(name, { tier: "Admin", priority: 1, subject, ...egress }));
    deny("p", { ingress: [from("Deny", [hosts])], egress: [to("Deny", [hosts])] });
    deny("q", { ingress: [from("Deny", [{ namespaces: {} }])], egress: [to("Deny", [{ namespaces: {} }])] }, hosts);
    await check(() => true);
    labelNodes({ n1: "west", n2: "east" });
    deny("p", { egress: [to("Deny", [{ nodes: { matchLabels: { zone: "east" } } }])] });
    await check((probe) => !(isOfRed(probe.from) && probe.to === "n2"));
    deny("p", { egress: [to("Deny", [{ networks: ["172.18.0.1/32", "fd18::/126"] }])] });
    await check(
      ({ from: one, to: other, family }) => !(isOfRed(one) && (other === "n1" || (other === "n2" && family === 6))),
    );
    fabric.remove(host);
    labelNodes({});
  });

  for (const [title, direction] of [
    ["the server's, on another node", { ingress: [from("Deny", [ofTeam("red")])] }],
    ["the client's", { egress: [to("Deny", [ofTeam("blue")])] }],
  ] as const)
    it(`cut a connection that they come to forbid, and it goes on when they go: ${title}`, async () => {
      const { wire } = fabric;
      const netns = (key: string) => fabric.pod(key).netns;
      const subject = ofTeam("ingress" in direction ? "blue" : "red");
      const deny = clusterPolicy("deny", { tier: "Baseline", priority: 1, subject, ...direction });
      for (const family of [4, 6] as const) {
        const key = `${title} ${family}`;
        await wire.connect(key, netns("b/db"), netns("a/web"), addressOf(fabric, "b/db", family), 7000 + family);
        const talk = (count: number) =>
          Promise.all([wire.write(key, "client", count), wire.write(key, "server", count)]);
        const heard = async () => [await wire.read(key, "client"), await wire.read(key, "server")];
        await talk(100);
        await until(async () => (await heard()).every((count) => count === 100));
        fabric.put(deny);
        await fabric.commit();
        await wire.write(key, "client", 10);
        await sendProbes(fabric, []);
        await wire.write(key, "server", 10);
        await sendProbes(fabric, []);
        assert.deepEqual(await heard(), [100, 100]);
        fabric.remove(deny);
        await fabric.commit();
        await until(async () => (await heard()).every((count) => count === 110));
        await wire.hangUp(key);
      }
    });

  it("of which a rule cannot be read accept nothing, or deny everything; the others hold, and what is wrong is told", async () => {
    const good = clusterPolicy("good", {
      tier: "Admin",
      priority: 900,
      subject: ofTeam("blue"),
      ingress: [from("Deny", [ofTeam("red")], at("tcp", 80))],
    });
    const isGood = ({ from: one, to: other, protocol, port }: Probe) =>
      !(isOfRed(one) && isOfBlue(other) && protocol === "tcp" && port === 80);
    fabric.put(good);
    const probes = everything(["a/web", "a/far", "b/db"]).filter(({ port }) => port === 80);
    for (const [place, write] of Object.entries(PLACES_OF_RULES))
      for (const action of ["Accept", "Deny", "Pass"]) {
        const spec = { tier: "Admin", priority: 5, ...write({ unheardOf: 1 }, action), subject: ofTeam("red") };
        fabric.put(clusterPolicy("bad", spec));
        await fabric.commit();
        const isClosed = (probe: Probe) =>
          action !== "Accept" &&
          ("ingress" in spec
            ? isOfRed(probe.to) && fabric.pods.get(probe.to)?.node !== probe.from
            : isOfRed(probe.from));
        const expected = (probe: Probe) => isGood(probe) && !isClosed(probe);
        assert.deepEqual(await findFaults(fabric, probes, expected), [], `${place}, ${action}`);
      }
    // Around its rules: nobody can say for whom or when, so it denies for all and first of all.
    for (const [place, write] of Object.entries(PLACES_AROUND))
      for (const action of ["Accept", "Deny"]) {
        fabric.put(clusterPolicy("bad", { tier: "Admin", priority: 1000, ...write({ unheardOf: 1 }, action) }));
        await fabric.commit();
        const isClosed = ({ from: one, to: other }: Probe) =>
          action === "Deny" && fabric.pods.has(one) && fabric.pods.has(other);
        assert.deepEqual(
          await findFaults(fabric, probes, (probe) => isGood(probe) && !isClosed(probe)),
          [],
          `${place}, ${action}`,
        );
      }
  });

  it(`of which hundreds accept what nobody can read: nothing opens, the others hold, and each is told of (SEED=${SEED})`, async () => {
    fabric.put(policy("a/closed", { podSelector: {}, policyTypes: ["Ingress", "Egress"] }));
    fabric.put(
      clusterPolicy("good", {
        tier: "Baseline",
        priority: 1000,
        subject: ofTeam("blue"),
        egress: [to("Deny", [ofTeam("blue")])],
      }),
    );
    const probes = everything();
    const broken = malformedClusterSpecs(400, createRandom(SEED))
      .map((spec, i) => clusterPolicy(`bad-${i}`, spec))
      .filter(
        (object) =>
          ingest("test", { kind: "ClusterNetworkPolicy", key: object.metadata.name, object }).problems.length > 0,
      );
    assert.ok(broken.length > 250, `${broken.length}`);
    await fabric.write();
    const expected = probes.map((probe) => isAllowed(fabric, probe));
    assert.ok(expected.includes(false));
    fabric.put(...broken);
    const wanted = new Map(probes.map((probe, i) => [probe, expected[i]!]));
    await fabric.commit();
    assert.deepEqual(await findFaults(fabric, probes, (probe) => wanted.get(probe) ?? false), []);
    assert.deepEqual(
      probes.map((probe) => isAllowed(fabric, probe)),
      expected,
    );
    const { controlSocket } = fabric.node("n1").weir.paths;
    const { out } = await weirctl(["get", "problems", "-o", "json", "--socket", controlSocket]);
    const told = new Set(JSON.parse(out).map(({ object }: { object: string }) => object));
    assert.deepEqual(
      broken.filter(({ metadata }) => !told.has(`ClusterNetworkPolicy ${metadata.name}`)),
      [],
    );
  });
});
