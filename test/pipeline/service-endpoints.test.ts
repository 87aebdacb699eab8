import assert from "node:assert/strict";
import fc from "fast-check";
import { formatIp, parseIp } from "#base/address.ts";
import { numberEndpoints } from "#pipeline/features/service/groups.ts";
import { createBackendIndex } from "#pipeline/index/backend-index.ts";
import { ingest } from "#pipeline/ingest/ingest.ts";
import { countEndpoints, endpointsOf } from "#pipeline/model/endpoints.ts";
import type { ObjectChange } from "#pipeline/model/model.ts";
import type { EndpointSlice, Service, SliceEndpoint, TrafficPolicy } from "#pipeline/model/service.ts";
import { groupKey } from "#pipeline/model/service-groups.ts";

const HTTP = { name: "http", protocol: 6 };
const HERE = { nodeName: "n1", zone: "east" };

function endpoint(address: string, more: Partial<SliceEndpoint> = {}): SliceEndpoint {
  const state = { ready: true, serving: true, terminating: false, nodeName: "n1" };
  return { ip: parseIp(address)!, ...state, forZones: [], forNodes: [], ...more };
}

function slice(endpoints: readonly SliceEndpoint[], more: Partial<EndpointSlice> = {}): EndpointSlice {
  const ports = [{ ...HTTP, port: 8080 }];
  return { ...{ namespace: "shop", name: "s", serviceName: "cart", family: 4, ports, endpoints }, ...more };
}

function found(slices: readonly EndpointSlice[], scope: TrafficPolicy = "Cluster", place: typeof HERE | object = HERE) {
  const where = { nodeName: "n1", zone: undefined, ...place };
  return endpointsOf(HTTP, 4, slices, where, scope).map(({ ip, port }) => `${formatIp(ip)}:${port}`);
}

const notReady = { ready: false, serving: false };
const going = { ready: false, terminating: true };

describe("the endpoints that serve", () => {
  it("are those of all slices of the family, with the port that has the name, sorted, each once", () => {
    const slices = [
      slice([endpoint("10.0.0.2"), endpoint("10.0.0.1")]),
      slice([endpoint("10.0.0.1"), endpoint("10.0.0.9")], { name: "t", ports: [{ ...HTTP, port: 8081 }] }),
      slice([endpoint("10.0.0.1")], { name: "u" }),
      slice([endpoint("fd00::1")], { family: 6 }),
      slice([endpoint("10.0.0.3")], { ports: [{ name: "dns", protocol: 6, port: 53 }] }),
      slice([endpoint("10.0.0.4")], { ports: [{ name: "http", protocol: 17, port: 80 }] }),
    ];
    assert.deepEqual(found(slices), ["10.0.0.1:8080", "10.0.0.1:8081", "10.0.0.2:8080", "10.0.0.9:8081"]);
  });

  it("are ready; when none is, those that are going and serve yet; when none of these is, nobody", () => {
    const ready = endpoint("10.0.0.1");
    const leaving = endpoint("10.0.0.2", going);
    const starting = endpoint("10.0.0.3", notReady);
    const failing = endpoint("10.0.0.4", { ...notReady, terminating: true });
    assert.deepEqual(found([slice([ready, leaving, starting, failing])]), ["10.0.0.1:8080"]);
    assert.deepEqual(found([slice([leaving, starting, failing])]), ["10.0.0.2:8080"]);
    assert.deepEqual(found([slice([starting, failing])]), []);
  });

  it("are those of the node, ready or going, where the policy is Local", () => {
    const there = endpoint("10.0.0.1", { nodeName: "n2" });
    const here = endpoint("10.0.0.2");
    assert.deepEqual(found([slice([there, here])], "Local"), ["10.0.0.2:8080"]);
    assert.deepEqual(found([slice([there, { ...here, ...going }])], "Local"), ["10.0.0.2:8080"]);
    assert.deepEqual(found([slice([there])], "Local"), []);
  });

  it("are those meant for the node's zone where all have hints and one is; else all", () => {
    const near = endpoint("10.0.0.1", { forZones: ["east"] });
    const far = endpoint("10.0.0.2", { forZones: ["west"] });
    assert.deepEqual(found([slice([near, far])]), ["10.0.0.1:8080"]);
    assert.equal(found([slice([near, far, endpoint("10.0.0.3")])]).length, 3);
    assert.equal(found([slice([far, endpoint("10.0.0.3", { forZones: ["north"] })])]).length, 2);
    assert.equal(found([slice([near, far])], "Cluster", {}).length, 2);
    const starting = endpoint("10.0.0.3", notReady);
    assert.deepEqual(found([slice([near, far, starting])]), ["10.0.0.1:8080"], "who is not ready needs no hint");
  });

  it("are those meant for the node itself before those of its zone", () => {
    const own = endpoint("10.0.0.1", { forZones: ["east"], forNodes: ["n1"] });
    const near = endpoint("10.0.0.2", { forZones: ["east"], forNodes: ["n2"] });
    assert.deepEqual(found([slice([own, near])]), ["10.0.0.1:8080"]);
    assert.deepEqual(found([slice([own, near])], "Cluster", { ...HERE, nodeName: "n3" }).length, 2);
  });

  it("are counted wherever they are, ready and all", () => {
    const all = [endpoint("10.0.0.1"), endpoint("10.0.0.2", going), endpoint("10.0.0.3", { nodeName: "n2" })];
    assert.deepEqual(countEndpoints(HTTP, 4, [slice(all), slice(all, { name: "t" })]), { ready: 2, total: 3 });
  });
});

describe("the numbers of buckets", () => {
  it("are an endpoint's own, whoever comes or goes beside it", () => {
    const addresses = Array.from({ length: 200 }, (_, i) => ({ ip: parseIp(`10.0.${i >> 6}.${i & 63}`)!, port: 80 }));
    const all = new Map(numberEndpoints(addresses).map(({ ip, id }) => [ip, id]));
    assert.equal(new Set(all.values()).size, 200);
    for (const { ip, id } of numberEndpoints(addresses.filter((_one, i) => i % 3 === 0))) assert.equal(id, all.get(ip));
  });
});

describe("the numbers of groups", () => {
  const change = (name: string, before: unknown, after: unknown): ObjectChange =>
    ({ kind: "Service", key: `shop/${name}`, before, after }) as ObjectChange;
  const service = (name: string): Service => {
    const spec = { clusterIPs: ["10.96.0.1"], ports: [{ port: 80 }] };
    return ingest("test", { kind: "Service", key: `shop/${name}`, object: { spec } }).value as Service;
  };
  const numberOf = (index: ReturnType<typeof createBackendIndex>, name: string) => {
    const one = service(name);
    return index.groupId(groupKey(one, { port: one.ports[0]!, family: 4, scope: "Cluster" }));
  };

  it("follow from the services there are and nothing else, whose hash is whose; who gets another one is told", () => {
    const names = ["a", "b", "c", "d"];
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...names), fc.boolean()), { maxLength: 20 }), (steps) => {
        const index = createBackendIndex(() => 7 << 4);
        const there = new Set<string>();
        const told = new Map<string, number | undefined>();
        for (const [name, isThere] of steps) {
          if (there.has(name) === isThere) continue;
          const changes = isThere
            ? index.apply([change(name, undefined, service(name))])
            : index.apply([change(name, service(name), undefined)]);
          if (isThere) there.add(name);
          else there.delete(name);
          for (const { key } of changes) told.set(key, numberOf(index, key.slice("shop/".length)));
          for (const one of there) assert.equal(told.get(`shop/${one}`), numberOf(index, one));
        }
        const fresh = createBackendIndex(() => 7 << 4);
        fresh.apply([...there].map((name) => change(name, undefined, service(name))));
        for (const name of there) assert.equal(numberOf(index, name), numberOf(fresh, name));
        assert.equal(new Set([...there].map((name) => numberOf(index, name))).size, there.size);
      }),
    );
  });

  it("are below OFPG_MAX", () => {
    const index = createBackendIndex();
    for (let i = 0; i < 1000; i++) {
      index.apply([change(`s${i}`, undefined, service(`s${i}`))]);
      const id = numberOf(index, `s${i}`)!;
      assert.ok(id > 0 && id < 0xffff_ff00);
    }
  });
});
