import assert from "node:assert/strict";
import type { Kube } from "../rig/kube.ts";
import type { KubeObject } from "../rig/kube-rig-client.ts";
import { DEFINITIONS, DEPLOYED, startWeirCluster, type WeirCluster } from "../support/weir-cluster.ts";
import { until } from "../watch/until.ts";
import { startKubeOrSkip } from "./start.ts";

const POOLS = "/apis/weir.dev/v1alpha1/addresspools";
const MERGE = { contentType: "application/merge-patch+json" };
const PATIENCE = 30_000;
const MARK = "weir.dev/assigned-from";

const pool = (name: string, spec: object): KubeObject => ({
  apiVersion: "weir.dev/v1alpha1",
  kind: "AddressPool",
  metadata: { name },
  spec,
});
const service = (name: string, spec: object = {}, metadata: object = {}): KubeObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "default", ...metadata },
  spec: { type: "LoadBalancer", ports: [{ port: 80 }], ...spec },
});
const asks = (ips: string): object => ({ annotations: { "weir.dev/load-balancer-ips": ips } });
const at = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((inner, step) => Reflect.get(Object(inner), step), value);

describe("Addresses from pools, on a real API server", function () {
  this.timeout(90_000);
  let kube: Kube;
  let one: WeirCluster;
  let two: WeirCluster | undefined;

  before(async function () {
    kube = await startKubeOrSkip(this);
    await kube.apply(DEPLOYED.filter(({ kind }) => /Role|ServiceAccount|CustomResourceDefinition/.test(kind)));
    await until(async () => (await kube.request("GET", POOLS)).status === 200, PATIENCE);
    await kube.apply([pool("blue", { addresses: ["192.0.2.10-192.0.2.13", "2001:db8::/120"] })]);
    // With the rights that it is deployed with, and no others.
    const kubeconfig = await kube.writeKubeconfig("weir-cluster", await kube.mintToken("kube-system", "weir-cluster"));
    one = await startWeirCluster(kube, "one", { kubeconfig });
    await until(() => one.leads(), PATIENCE);
  });
  after(async () => {
    await one?.stop();
    await two?.stop();
    await kube?.stop();
  });

  const read = async (name: string) => (await kube.request("GET", `/api/v1/namespaces/default/services/${name}`)).body;
  const ipsOf = async (name: string): Promise<readonly string[]> => {
    const ingress = at(await read(name), "status", "loadBalancer", "ingress");
    return Array.isArray(ingress) ? ingress.map(({ ip }) => ip) : [];
  };
  const untilHas = (name: string, count = 1) => until(async () => (await ipsOf(name)).length === count, PATIENCE);
  const status = async (name: string) => at((await kube.request("GET", `${POOLS}/${name}`)).body, "status");
  const untilSays = (name: string, assigned: number, free: number) =>
    until(async () => JSON.stringify(await status(name)) === JSON.stringify({ assigned, free }), PATIENCE);
  const events = async () => JSON.stringify((await kube.request("GET", "/api/v1/namespaces/default/events")).body);
  const untilTold = (text: string) => until(async () => (await events()).includes(text), PATIENCE);

  it("come to each service of type LoadBalancer, in both families, and the pool says how many are left", async () => {
    await kube.apply([
      service("a"),
      service("b", { ipFamilyPolicy: "RequireDualStack", ipFamilies: ["IPv6", "IPv4"] }),
    ]);
    await untilHas("a");
    await untilHas("b", 2);
    assert.match((await ipsOf("a"))[0]!, /^192\.0\.2\.1[0-3]$/);
    assert.match((await ipsOf("b")).join(), /^2001:db8::[0-9a-f]+,192\.0\.2\.1[0-3]$/);
    assert.equal(at(await read("a"), "metadata", "annotations", MARK), "blue");
    assert.equal(at(await read("a"), "status", "loadBalancer", "ingress", "0", "ipMode"), "VIP");
    await untilSays("blue", 3, 2 + 255 - 1);
    await untilTold("of address pool blue");
  });

  it("stay when somebody else changes the service, and when weir-cluster starts again", async () => {
    const before = await ipsOf("a");
    const path = "/api/v1/namespaces/default/services/a";
    const patched = await kube.request("PATCH", path, { metadata: { labels: { x: "y" } } }, MERGE);
    await one.stop();
    one = await startWeirCluster(kube, "again");
    await until(() => one.leads(), PATIENCE);
    await kube.apply([service("c")]);
    await untilHas("c");
    assert.deepEqual(await ipsOf("a"), before);
    // Nobody has written it since.
    const version = ["metadata", "resourceVersion"] as const;
    assert.equal(at(await read("a"), ...version), at(patched.body, ...version));
  });

  it("are put back when somebody takes them away, and free again when their service is no balancer's any more", async () => {
    const before = await ipsOf("a");
    const path = "/api/v1/namespaces/default/services/a";
    await kube.request("PATCH", `${path}/status`, { status: { loadBalancer: { ingress: null } } }, MERGE);
    await until(async () => JSON.stringify(await ipsOf("a")) === JSON.stringify(before), PATIENCE);
    await untilSays("blue", 4, 255);
    await kube.request("PATCH", path, { spec: { type: "ClusterIP" } }, MERGE);
    await untilSays("blue", 3, 256);
    assert.deepEqual(await ipsOf("a"), []);
    await kube.request("PATCH", path, { spec: { type: "LoadBalancer" } }, MERGE);
    await until(async () => JSON.stringify(await ipsOf("a")) === JSON.stringify(before), PATIENCE);
  });

  it("run out, which is told, and come when the pool is made larger", async () => {
    await kube.apply([service("d"), service("e")]);
    await untilTold("gets no IPv4 address: all of address pool blue are in use");
    await untilSays("blue", 5, 254);
    await kube.apply([pool("blue", { addresses: ["192.0.2.10-192.0.2.14", "2001:db8::/120"] })]);
    await untilHas("d");
    await untilHas("e");
    const all = await Promise.all(["a", "b", "c", "d", "e"].map(ipsOf));
    assert.equal(new Set(all.flat()).size, 6);
  });

  it("are the ones that are asked for, when they are free; when not, that is told", async () => {
    const [ofA = ""] = await ipsOf("a");
    await kube.remove([service("e")]);
    await kube.apply([service("asks", {}, asks(ofA)), service("outside", {}, asks("203.0.113.1"))]);
    await untilTold(`asks for ${ofA}, which default/a has`);
    await untilTold("asks for 203.0.113.1, which is in no address pool");
    await kube.remove([service("a")]);
    await until(async () => (await ipsOf("asks"))[0] === ofA, PATIENCE);
    await kube.remove([service("asks"), service("outside")]);
  });

  it("stay when their pool is gone, which is told, and of other classes and namespaces none is given", async () => {
    const before = await ipsOf("c");
    await kube.remove([pool("blue", {})]);
    await untilTold("which is in no address pool any more");
    await kube.apply([
      pool("green", { addresses: ["198.51.100.0/30"], namespaceSelector: { matchLabels: { team: "x" } } }),
      service("other", { loadBalancerClass: "example.com/other" }),
      service("waits", { loadBalancerClass: "weir.dev/announced" }),
    ]);
    await untilTold("gets no IPv4 address: no address pool gives it one by itself");
    assert.deepEqual(await ipsOf("c"), before);
    await kube.request("PATCH", "/api/v1/namespaces/default", { metadata: { labels: { team: "x" } } }, MERGE);
    await untilHas("waits");
    await untilSays("green", 1, 1);
    assert.deepEqual(await ipsOf("other"), []);
  });

  it("are given once, though a hundred services come at once and another instance takes over meanwhile", async () => {
    await kube.apply([pool("large", { addresses: ["10.9.0.0/24"] })]);
    two = await startWeirCluster(kube, "two");
    await until(() => two!.log().includes("another one leads"), PATIENCE);
    const names = Array.from({ length: 100 }, (_, i) => `many-${i}`);
    const fromLarge = { annotations: { "weir.dev/address-pool": "large" } };
    await kube.apply(names.slice(0, 50).map((name) => service(name, {}, fromLarge)));
    await one.stop("SIGKILL");
    await kube.apply(names.slice(50).map((name) => service(name, {}, fromLarge)));
    await untilSays("large", 100, 154);
    const all = (await Promise.all(names.map(ipsOf))).flat();
    assert.equal(new Set(all).size, 100);
  });
});

describe("The definition of AddressPools", function () {
  this.timeout(90_000);
  let kube: Kube;
  before(async function () {
    kube = await startKubeOrSkip(this);
    await kube.apply(DEFINITIONS);
    await until(async () => (await kube.request("GET", POOLS)).status === 200, PATIENCE);
  });
  after(() => kube?.stop());

  const apply = async (spec: object): Promise<string> => {
    const answer = await kube.request("POST", `${POOLS}?dryRun=All`, pool("tried", spec));
    return answer.status === 201 ? "" : String(at(answer.body, "message"));
  };

  it("takes networks, ranges and addresses of both families, and selectors", async () => {
    const selector = { matchLabels: { a: "b" }, matchExpressions: [{ key: "c", operator: "NotIn", values: ["d"] }] };
    const addresses = [
      "192.0.2.0/24",
      "192.0.2.10-192.0.2.20",
      "192.0.2.1",
      "2001:db8::/64",
      "2001:db8::1-2001:db8::2",
    ];
    const rest = { serviceSelector: selector, namespaceSelector: {}, nodeSelector: selector, interfaces: ["bond0.7"] };
    assert.equal(await apply({ addresses, autoAssign: false, ...rest }), "");
  });

  it("refuses what would mean nothing, with what is wrong", async () => {
    const refusals: readonly [object, RegExp][] = [
      [{}, /spec\.addresses: Required/],
      [{ addresses: [] }, /at least 1 items/],
      [{ addresses: ["192.0.2.7/24"] }, /a network has no bit set behind its prefix/],
      [{ addresses: ["192.0.2.0/33"] }, /a network has no bit set behind its prefix/],
      [{ addresses: ["192.0.2.1-2001:db8::1"] }, /a range is two addresses of one family/],
      [{ addresses: ["192.0.2.1-192.0.2.2-192.0.2.3"] }, /a range is two addresses of one family/],
      [{ addresses: ["192.0.2.1-x"] }, /a range is two addresses of one family/],
      [{ addresses: ["example.com"] }, /is no address/],
      [{ addresses: ["192.0.2.1", "192.0.2.1"] }, /Duplicate value/],
      [{ addresses: ["192.0.2.1"], interfaces: ["a b"] }, /should match/],
      [
        { addresses: ["192.0.2.1"], nodeSelector: { matchExpressions: [{ key: "a", operator: "In" }] } },
        /In and NotIn need values/,
      ],
      [
        { addresses: ["192.0.2.1"], nodeSelector: { matchExpressions: [{ key: "a", operator: "Near" }] } },
        /Unsupported value/,
      ],
    ];
    for (const [spec, message] of refusals) assert.match(await apply(spec), message, JSON.stringify(spec));
  });
});
