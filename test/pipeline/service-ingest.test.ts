import assert from "node:assert/strict";
import fc from "fast-check";
import { formatCidr, formatIp } from "#base/address.ts";
import { ingest } from "#pipeline/ingest/ingest.ts";
import type { EndpointSlice, Service } from "#pipeline/model/service.ts";

function read(kind: "Service" | "EndpointSlice", object: object) {
  const { value, problems } = ingest("test", { kind, key: "shop/cart", object });
  return { value, problems: problems.map(({ field, message }) => `${field} ${message}`) };
}

function readService(spec: object, more: object = {}) {
  const { value, problems } = read("Service", { spec: { clusterIPs: ["10.96.0.1"], ...spec }, ...more });
  return { service: value as Service, problems };
}

function readSlice(object: object) {
  const head = { metadata: { labels: { "kubernetes.io/service-name": "cart" } }, addressType: "IPv4" };
  const { value, problems } = read("EndpointSlice", { ...head, ...object });
  return { slice: value as EndpointSlice, problems };
}

describe("a Service, read", () => {
  it("has the API server's defaults where it says nothing", () => {
    const { service, problems } = readService({ ports: [{ port: 80 }] });
    assert.deepEqual(problems, []);
    assert.deepEqual(
      { ...service, clusterIps: service.clusterIps.map(formatIp) },
      {
        ...{ namespace: "shop", name: "cart", uid: "", type: "ClusterIP", clusterIps: ["10.96.0.1"] },
        ...{ externalIps: [], loadBalancerIps: [], sourceRanges: undefined, affinityTimeout: undefined },
        ...{ loadBalancerClass: undefined, assignedFrom: [] },
        ...{ internalTrafficPolicy: "Cluster", externalTrafficPolicy: "Cluster", healthCheckNodePort: undefined },
        loadBalancerMode: undefined,
        ports: [{ name: "", protocol: 6, port: 80, nodePort: undefined }],
      },
    );
  });

  it("is not ours without an address, by a name of the world outside, or of another proxy, whatever else it says", () => {
    const others = [
      { spec: { clusterIP: "None" } },
      { spec: { clusterIPs: ["None"] } },
      { spec: { clusterIP: "" } },
      { spec: {} },
      { spec: { type: "ExternalName", externalName: "example.com" } },
      {
        metadata: { labels: { "service.kubernetes.io/service-proxy-name": "" } },
        spec: { clusterIP: "10.96.0.1", ports: 7 },
      },
    ];
    for (const object of others) assert.deepEqual(read("Service", object), { value: undefined, problems: [] });
  });

  it("stands in for a balancer's addresses, but for those of balancers that answer themselves and those of names", () => {
    const ingress = [{ ip: "192.0.2.1" }, { ip: "192.0.2.2", ipMode: "VIP" }, { ip: "192.0.2.3", ipMode: "Proxy" }];
    const status = { loadBalancer: { ingress: [...ingress, { hostname: "example.com" }, { ip: "192.0.2.1" }] } };
    const { service, problems } = readService({ type: "LoadBalancer" }, { status });
    assert.deepEqual(problems, []);
    assert.deepEqual(service.loadBalancerIps.map(formatIp), ["192.0.2.1", "192.0.2.2"]);
    assert.deepEqual(readService({ type: "NodePort" }, { status }).service.loadBalancerIps, []);
  });

  it("says whose balancer it asks for, and from which pools its addresses were taken", () => {
    const metadata = { annotations: { "weir.dev/assigned-from": "blue, green" } };
    const spec = { type: "LoadBalancer", loadBalancerClass: "weir.dev/announced" };
    const { service, problems } = readService(spec, { metadata });
    assert.deepEqual(problems, []);
    assert.deepEqual([service.loadBalancerClass, service.assignedFrom], ["weir.dev/announced", ["blue", "green"]]);
  });

  it("lets in those whom its source ranges name, nobody where all of them are wrong", () => {
    const rangesOf = (loadBalancerSourceRanges: unknown) =>
      readService({ loadBalancerSourceRanges }).service.sourceRanges?.map(formatCidr);
    assert.equal(rangesOf([]), undefined);
    assert.deepEqual(rangesOf([" 10.0.0.0/8 ", "fd00::/8", "x"]), ["10.0.0.0/8", "fd00::/8"]);
    assert.deepEqual(rangesOf(["everybody"]), []);
    assert.deepEqual(rangesOf("10.0.0.0/8"), []);
  });

  it("keeps a client's endpoint for the time that it says, else for three hours", () => {
    const of = (timeoutSeconds?: unknown) =>
      readService({ sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds } } });
    assert.equal(of(60).service.affinityTimeout, 60);
    assert.equal(of().service.affinityTimeout, 10_800);
    assert.deepEqual([of(86_400).service.affinityTimeout, of(86_400).problems.length], [65_535, 1]);
    assert.deepEqual([of(0).service.affinityTimeout, of(0).problems.length], [10_800, 1]);
    assert.deepEqual([of(86_401).service.affinityTimeout, of(86_401).problems.length], [10_800, 1]);
  });

  it("has no port that is wrong or another's, and keeps those beside it", () => {
    const ports = [
      { name: "a", port: 80 },
      { name: "b", port: 80 },
      { name: "a", port: 81 },
      { name: "c", port: 80, protocol: "UDP", nodePort: 30_000 },
      { name: "d", port: 70_000 },
      { name: "e", port: 82, protocol: "ICMP" },
      "http",
    ];
    const { service, problems } = readService({ ports });
    assert.deepEqual(
      service.ports.map(({ name, nodePort }) => [name, nodePort]),
      [
        ["a", undefined],
        ["c", 30_000],
      ],
    );
    assert.deepEqual(
      new Set(problems.map((text) => text.slice(0, 13))),
      new Set([1, 2, 4, 5, 6].map((i) => `spec.ports[${i}]`)),
    );
  });

  it("is for its client's own node where nobody can say what its policy means", () => {
    const { service, problems } = readService({ internalTrafficPolicy: "Near", externalTrafficPolicy: 7 });
    assert.deepEqual([service.internalTrafficPolicy, service.externalTrafficPolicy], ["Local", "Local"]);
    assert.equal(problems.length, 2);
  });
});

describe("an EndpointSlice, read", () => {
  it("is nobody's without a service, and not ours with names for addresses", () => {
    assert.deepEqual(read("EndpointSlice", { addressType: "IPv4" }), { value: undefined, problems: [] });
    assert.equal(readSlice({ addressType: "FQDN" }).slice, undefined);
  });

  it("takes an endpoint for ready where nothing says otherwise, and one that is ready for serving", () => {
    const states = [
      undefined,
      {},
      { ready: true },
      { ready: false },
      { ready: false, serving: true, terminating: true },
    ];
    const { slice, problems } = readSlice({
      endpoints: states.map((conditions) => ({ addresses: ["10.0.0.1"], conditions })),
    });
    assert.deepEqual(problems, []);
    assert.deepEqual(
      slice.endpoints.map(({ ready, serving, terminating }) => [ready, serving, terminating]),
      [
        [true, true, false],
        [true, true, false],
        [true, true, false],
        [false, false, false],
        [false, true, true],
      ],
    );
  });

  it("leads nobody to what is a node's own business, nor to the other family", () => {
    for (const address of ["127.0.0.1", "169.254.169.254", "224.0.0.1", "0.0.0.0", "fd00::1", "10.0.0", 7]) {
      const { slice, problems } = readSlice({ endpoints: [{ addresses: [address] }, { addresses: ["10.0.0.1"] }] });
      assert.deepEqual(
        slice.endpoints.map(({ ip }) => formatIp(ip)),
        ["10.0.0.1"],
        String(address),
      );
      assert.equal(problems.length, 1);
    }
  });
});

describe("whatever stands in a Service or an EndpointSlice", () => {
  it("is a value or problems, and never an exception", () => {
    const anything = fc.object({ maxDepth: 4 });
    fc.assert(
      fc.property(anything, anything, fc.constantFrom("Service", "EndpointSlice"), (spec, endpoint, kind) => {
        const metadata = { labels: { "kubernetes.io/service-name": "cart" } };
        const object = {
          metadata,
          spec,
          status: spec,
          addressType: "IPv4",
          ports: [spec],
          endpoints: [endpoint],
          ...spec,
        };
        ingest("test", { kind, key: "shop/cart", object });
      }),
    );
  });
});
