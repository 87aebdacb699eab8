import assert from "node:assert/strict";
import fc from "fast-check";
import { flowKey } from "#openflow/flow.ts";
import { endpointsOf, judgeEndpoints } from "#pipeline/model/endpoints.ts";
import type { EndpointSlice } from "#pipeline/model/service.ts";
import { createPipeline } from "#pipeline/pipeline.ts";
import { reportServices, type ServedService, type ServiceReport } from "#pipeline/service-status/report.ts";
import type { RawChange } from "#pipeline/source.ts";
import { batch, node, SETTINGS } from "./samples.ts";

function service(name: string, spec: object, labels: object = {}): RawChange {
  return { kind: "Service", key: `shop/${name}`, object: { metadata: { uid: "u", labels }, spec } };
}

function slice(name: string, endpoints: readonly object[], port = 8080): RawChange {
  const labels = { "kubernetes.io/service-name": name };
  const object = { metadata: { labels }, addressType: "IPv4", ports: [{ name: "web", port }], endpoints };
  return { kind: "EndpointSlice", key: `shop/${name}-1`, object };
}

const PORTS = [{ name: "web", port: 80 }];

describe("the report on services", () => {
  function report(...changes: readonly RawChange[]): readonly ServiceReport[] {
    const pipeline = createPipeline(SETTINGS, ["test"]);
    pipeline.step(batch(node("n1", ["10.10.1.0/24"], ["172.18.0.1"]), ...changes));
    const { flows, groups } = pipeline.desired;
    const sources = {
      ...{ view: pipeline.view, engine: pipeline.engine, nodeName: "n1", problems: pipeline.problems() },
      flowStatus: () => ({ state: "installed" as const }),
      groupStatus: () => ({ state: "installed" as const }),
      // Every flow has had 10 packets, and the buckets of a group 1, 2, 3 ...
      flowPackets: new Map([...flows.values()].map(({ flow }) => [flowKey(flow), 10])),
      bucketPackets: new Map([...groups].map(([id, { group }]) => [id, group.buckets.map((_, i) => i + 1)])),
    };
    return [...reportServices(sources)];
  }
  const served = (...changes: readonly RawChange[]) => report(...changes)[0] as ServedService;

  it("says of each endpoint whether it is chosen here, why not, and what it got", () => {
    const { frontends, backends, packets, state } = served(
      service("db", { clusterIPs: ["10.96.0.10"], ports: PORTS }),
      slice("db", [
        { addresses: ["10.10.1.5"], nodeName: "n1" },
        { addresses: ["10.10.2.5"], nodeName: "n2" },
        { addresses: ["10.10.2.6"], nodeName: "n2", conditions: { ready: false } },
        { addresses: ["10.10.2.7"], conditions: { ready: false, serving: true, terminating: true } },
      ]),
    );
    assert.deepEqual([state, packets], ["realised", 10]);
    assert.deepEqual(
      frontends.map(({ address, port, outcome, packets }) => [address, port, outcome, packets]),
      [["clusterIP 10.96.0.10", "80/TCP", "served", 10]],
    );
    assert.deepEqual(
      backends[0]!.endpoints.map(({ address, isLocal, isChosen, reason, packets }) => [
        ...[address, isLocal, isChosen, reason, packets],
      ]),
      [
        ["10.10.1.5", true, true, undefined, 1],
        ["10.10.2.5", false, true, undefined, 2],
        ["10.10.2.6", false, false, "it is not ready", undefined],
        ["10.10.2.7", false, false, "it is going, and others are ready", undefined],
      ],
    );
    assert.equal(backends[0]!.group, frontends[0]!.group);
  });

  for (const affinity of ["None", "ClientIP"])
    it(`finds the packets of endpoints in groups of groups, with session affinity ${affinity}`, () => {
      const endpoints = Array.from({ length: 1000 }, (_, i) => ({ addresses: [`10.20.${i >> 8}.${i & 255}`] }));
      const spec = { clusterIPs: ["10.96.0.10"], ports: PORTS, sessionAffinity: affinity };
      const [backends] = served(service("db", spec), slice("db", endpoints)).backends;
      assert.equal(backends!.endpoints.length, 1000);
      assert.ok(backends!.endpoints.every(({ isChosen, packets }) => isChosen && packets! > 0));
    });

  it("says what happens where there is no endpoint, or none on this node", () => {
    const ports = [...PORTS, { name: "dns", port: 53, protocol: "UDP" }];
    const { frontends, backends } = served(
      service("db", { clusterIPs: ["10.96.0.10"], ports, internalTrafficPolicy: "Local" }),
      slice("db", [{ addresses: ["10.10.2.5"], nodeName: "n2" }]),
    );
    assert.deepEqual(
      frontends.map(({ port, outcome, group }) => [port, outcome, group]),
      [
        ["80/TCP", "dropped", undefined],
        ["53/UDP", "refused", undefined],
      ],
    );
    assert.equal(
      backends[0]!.endpoints[0]!.reason,
      "it is on another node, and clients here are for endpoints of this one",
    );
  });

  it("lists what is ignored, with the reason, and the problems of what is not", () => {
    const reports = report(
      service("headless", { clusterIP: "None", ports: PORTS }),
      service("name", { type: "ExternalName", externalName: "example.com" }),
      service("other", { clusterIP: "10.96.0.11", ports: PORTS }, { "service.kubernetes.io/service-proxy-name": "x" }),
      service("early", { ports: PORTS }),
      service("wrong", { clusterIP: "10.96.0.12", ports: [{ port: 0 }, { port: 80 }] }),
    );
    assert.deepEqual(
      reports.map((one) => [one.name, one.state === "ignored" ? one.reason : one.problems.length]),
      [
        ["shop/early", "it has no clusterIP yet"],
        ["shop/headless", "it is headless: clients find its endpoints by DNS"],
        ["shop/name", "an ExternalName is a name in DNS alone"],
        ["shop/other", "it is the proxy's named x"],
        ["shop/wrong", 1],
      ],
    );
  });

  it("forgets what is not ignored any more", () => {
    const pipeline = createPipeline(SETTINGS, ["test"]);
    pipeline.step(batch(service("db", { clusterIP: "None", ports: PORTS })));
    assert.deepEqual([...pipeline.view.ignoredServices.keys()], ["shop/db"]);
    pipeline.step(batch(service("db", { clusterIP: "10.96.0.10", ports: PORTS })));
    assert.deepEqual([...pipeline.view.ignoredServices.keys()], []);
    pipeline.step(batch(service("db", { clusterIP: "None", ports: PORTS })));
    pipeline.step(batch({ kind: "Service", key: "shop/db", object: undefined }));
    assert.deepEqual([...pipeline.view.ignoredServices.keys()], []);
  });

  it("chooses what the switch chooses, and has a reason for every other: random slices", () => {
    const endpoint = fc.record({
      ip: fc.integer({ min: 1, max: 6 }),
      ready: fc.boolean(),
      serving: fc.boolean(),
      terminating: fc.boolean(),
      nodeName: fc.constantFrom("n1", "n2", undefined),
      forZones: fc.constantFrom([], ["a"], ["b"]),
      forNodes: fc.constantFrom([], ["n1"], ["n2"]),
    });
    const slices = fc.array(
      fc.array(endpoint, { maxLength: 5 }).map((endpoints) => {
        const head = {
          namespace: "shop",
          name: "db",
          serviceName: "db",
          family: 4,
          ports: [{ name: "", protocol: 6, port: 80 }],
        };
        return { ...head, endpoints } as unknown as EndpointSlice;
      }),
      { maxLength: 3 },
    );
    fc.assert(
      fc.property(slices, fc.constantFrom("Cluster", "Local"), (all, scope) => {
        const asked = [{ name: "", protocol: 6 }, 4, all, { nodeName: "n1", zone: "a" }, scope] as const;
        const judged = judgeEndpoints(...asked);
        const chosen = judged.filter(({ unchosen }) => unchosen === undefined).map(({ ip, port }) => ({ ip, port }));
        assert.deepEqual(chosen, endpointsOf(...asked));
        assert.equal(judged.length, all.flatMap(({ endpoints }) => endpoints).length);
      }),
    );
  });
});
