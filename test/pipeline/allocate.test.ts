import assert from "node:assert/strict";
import fc from "fast-check";
import { formatIp, type Ip, parseIp } from "#base/address.ts";
import { type Allocation, type AllocationState, allocate } from "#pipeline/address-pools/allocate.ts";
import { type BalancedService, readBalancedService } from "#pipeline/address-pools/balanced-service.ts";
import { ingest } from "#pipeline/ingest/ingest.ts";
import type { AddressPool } from "#pipeline/model/address-pool.ts";
import type { Labels } from "#pipeline/model/model.ts";

interface ServiceObject {
  readonly metadata?: object;
  readonly spec?: object;
  readonly ips?: readonly string[];
  readonly status?: object;
}

/** A cluster whose services have what they were given. */
class Cluster {
  readonly services = new Map<string, ServiceObject>();
  readonly pools = new Map<string, AddressPool>();
  readonly namespaces = new Map<string, Labels>([["shop", new Map([["team", "a"]])]]);
  reserved: readonly string[] = [];

  pool(name: string, spec: object, metadata: object = {}): this {
    const { value, problems } = ingest("", { kind: "AddressPool", key: name, object: { metadata, spec } });
    assert.deepEqual(problems, []);
    this.pools.set(name, value as AddressPool);
    return this;
  }

  service(name: string, object: ServiceObject = {}): this {
    this.services.set(`shop/${name}`, object);
    return this;
  }

  get state(): AllocationState {
    const services = new Map<string, BalancedService>();
    for (const [key, { metadata, spec, ips = [], status }] of this.services) {
      const ingress = ips.map((ip) => ({ ip }));
      const whole = {
        spec: { type: "LoadBalancer", ...spec },
        status: status ?? { loadBalancer: { ingress } },
        metadata,
      };
      const service = readBalancedService(key, whole);
      if (service !== undefined) services.set(key, service);
    }
    const { pools, namespaces } = this;
    return { services, pools, namespaces, reserved: new Set(this.reserved.map((text) => parseIp(text) as Ip)) };
  }

  /** Writes what is to be assigned, as the API server then has it. */
  carryOut(allocation = allocate(this.state)): Allocation {
    for (const [key, { ips, pools }] of allocation.assignments) {
      const object = this.services.get(key)!;
      const annotations = { ...Object(Object(object.metadata).annotations), "weir.dev/assigned-from": pools.join(",") };
      this.services.set(key, { ...object, ips: ips.map(formatIp), metadata: { ...object.metadata, annotations } });
    }
    return allocation;
  }

  ips(name: string): readonly string[] {
    return this.services.get(`shop/${name}`)?.ips ?? [];
  }
}

const complaints = ({ problems }: Allocation): readonly string[] =>
  problems.map(({ object, field, message }) => `${object} ${field} ${message}`);
const BLUE = { addresses: ["192.0.2.10-192.0.2.12", "2001:db8::/64"] };
const DUAL = { ipFamilies: ["IPv6", "IPv4"] };
const asks = (ips: string): object => ({ annotations: { "weir.dev/load-balancer-ips": ips } });
const asksPool = (pool: string): object => ({ annotations: { "weir.dev/address-pool": pool } });

describe("Addresses for services", () => {
  it("are given in each family that a service has, from a pool that is for it", () => {
    const cluster = new Cluster().pool("blue", BLUE).service("a").service("b", { spec: DUAL });
    const { problems, pools } = cluster.carryOut();
    assert.deepEqual(problems, []);
    assert.match(cluster.ips("a").join(), /^192\.0\.2\.1[0-2]$/);
    assert.match(cluster.ips("b").join(), /^2001:db8::[0-9a-f:]+,192\.0\.2\.1[0-2]$/);
    assert.notEqual(cluster.ips("a")[0], cluster.ips("b")[1]);
    assert.deepEqual(pools.get("blue"), { assigned: 3, free: 3n + 2n ** 64n - 1n - 3n });
    assert.deepEqual(cluster.carryOut().assignments.size, 0);
  });

  it("are the same again for a service that is made anew, and others for others", () => {
    const cluster = new Cluster().pool("blue", { addresses: ["10.0.0.0/16"] });
    const names = Array.from({ length: 200 }, (_, i) => `s${i}`);
    for (const name of names) cluster.service(name);
    cluster.carryOut();
    const before = names.map((name) => cluster.ips(name)[0]);
    assert.equal(new Set(before).size, 200);
    cluster.service("s7");
    cluster.carryOut();
    assert.equal(cluster.ips("s7")[0], before[7]);
  });

  it("are none of a node, and none that somebody else's balancer has given", () => {
    const cluster = new Cluster().pool("blue", BLUE).service("a");
    cluster.reserved = ["192.0.2.10", "192.0.2.200"];
    cluster.service("other", { spec: { loadBalancerClass: "example.com/other" }, ips: ["192.0.2.12"] });
    assert.deepEqual(cluster.carryOut().pools.get("blue")?.assigned, 2);
    assert.deepEqual([cluster.ips("a"), cluster.ips("other")], [["192.0.2.11"], ["192.0.2.12"]]);
  });

  it("stay, whatever becomes of their pool, and that is told", () => {
    const cluster = new Cluster().pool("blue", BLUE).service("a");
    cluster.carryOut();
    const before = cluster.ips("a");
    cluster.pool("blue", { addresses: ["198.51.100.1"] });
    const [complaint = ""] = complaints(cluster.carryOut());
    assert.match(
      complaint,
      /^Service shop\/a status\.loadBalancer\.ingress holds 192\.0\.2\.1\d, which is in no address pool/,
    );
    cluster.pools.clear();
    assert.equal(cluster.carryOut().problems.length, 1);
    assert.deepEqual(cluster.ips("a"), before);
  });

  it("are asked for by annotation, or the older field, and then come before what is given to anybody", () => {
    const cluster = new Cluster()
      .pool("blue", { addresses: ["192.0.2.10"] })
      .service("a")
      .service("b", { metadata: asks("192.0.2.10") });
    assert.match(
      complaints(cluster.carryOut())[0]!,
      /^Service shop\/a spec\.type gets no IPv4 address: all of address pool blue/,
    );
    assert.deepEqual([cluster.ips("a"), cluster.ips("b")], [[], ["192.0.2.10"]]);
    const older = new Cluster().pool("blue", BLUE).service("a", { spec: { loadBalancerIP: "192.0.2.11" } });
    older.carryOut();
    assert.deepEqual(older.ips("a"), ["192.0.2.11"]);
  });

  it("move when another is asked for that is free, and only then", () => {
    const cluster = new Cluster()
      .pool("blue", BLUE)
      .service("a", { metadata: asks("192.0.2.10, 2001:db8::7"), spec: DUAL });
    cluster.carryOut();
    assert.deepEqual(cluster.ips("a"), ["2001:db8::7", "192.0.2.10"]);
    cluster.service("b", { metadata: asks("192.0.2.10") });
    assert.deepEqual(complaints(cluster.carryOut()), [
      "Service shop/b metadata.annotations[weir.dev/load-balancer-ips] asks for 192.0.2.10, which shop/a has; ask for another",
    ]);
    assert.deepEqual(cluster.ips("b"), []);
    cluster.service("a", { ...cluster.services.get("shop/a"), metadata: asks("192.0.2.12") });
    cluster.carryOut();
    assert.deepEqual(cluster.ips("a"), ["2001:db8::7", "192.0.2.12"]);
    cluster.carryOut();
    assert.deepEqual(cluster.ips("b"), ["192.0.2.10"]);
  });

  it("are refused with the reason: in no pool, a node's, for others, none, and two of one family", () => {
    const cluster = new Cluster().pool("blue", { ...BLUE, serviceSelector: { matchLabels: { app: "x" } } });
    cluster.reserved = ["192.0.2.11"];
    cluster
      .service("a", { metadata: asks("203.0.113.1") })
      .service("b", { metadata: { labels: { app: "x" }, ...asks("192.0.2.11") } })
      .service("c", { metadata: asks("192.0.2.10") })
      .service("d", { metadata: asks("127.0.0.1") })
      .service("e", { metadata: { labels: { app: "x" }, ...asks("192.0.2.10,192.0.2.12") } });
    const told = complaints(cluster.carryOut()).join("\n");
    assert.match(told, /shop\/a .* asks for 203\.0\.113\.1, which is in no address pool/);
    assert.match(told, /shop\/b .* asks for 192\.0\.2\.11, which is a node's own/);
    assert.match(told, /shop\/c .* which is of address pool blue, and that is not for this service/);
    assert.match(told, /shop\/d .* is "127\.0\.0\.1"; an address of a host/);
    assert.match(told, /shop\/e .* asks for 192\.0\.2\.12 beside 192\.0\.2\.10; one of each family is given/);
    assert.deepEqual(
      ["a", "b", "c", "d", "e"].map((name) => cluster.ips(name)),
      [[], [], [], [], ["192.0.2.10"]],
    );
  });

  it("are of the pool that is named, of one that selects before one that does not, and of none that gives nothing by itself", () => {
    const cluster = new Cluster()
      .pool("a-general", { addresses: ["192.0.2.1"] })
      .pool("b-special", { addresses: ["192.0.2.2"], namespaceSelector: { matchLabels: { team: "a" } } })
      .pool("c-asked", { addresses: ["192.0.2.3"], autoAssign: false })
      .pool("d-others", { addresses: ["192.0.2.4"], namespaceSelector: { matchLabels: { team: "b" } } })
      .pool("e-going", { addresses: ["192.0.2.5"] }, { deletionTimestamp: "2026-01-01T00:00:00Z" })
      .service("one")
      .service("two", { metadata: asksPool("c-asked") })
      .service("wrong", { metadata: asksPool("d-others") });
    const told = complaints(cluster.carryOut());
    assert.deepEqual([cluster.ips("one"), cluster.ips("two")], [["192.0.2.2"], ["192.0.2.3"]]);
    assert.match(
      told.join(),
      /shop\/wrong metadata.annotations\[weir.dev\/address-pool\] gets no IPv4 address: address pool d-others gives it none/,
    );
    cluster.service("three").service("four");
    assert.match(complaints(cluster.carryOut()).join(), /all of address pool b-special, a-general are in use/);
    assert.deepEqual(
      ["three", "four"].flatMap((name) => cluster.ips(name)),
      ["192.0.2.1"],
    );
  });

  it("move to a pool that is named, if that has one", () => {
    const cluster = new Cluster()
      .pool("blue", { addresses: ["192.0.2.1"] })
      .pool("green", { addresses: ["192.0.2.2"] })
      .service("a");
    cluster.carryOut();
    const [before] = cluster.ips("a");
    const other = before === "192.0.2.1" ? "green" : "blue";
    cluster.service("a", { ...cluster.services.get("shop/a"), metadata: asksPool(other) });
    cluster.carryOut();
    assert.notEqual(cluster.ips("a")[0], before);
    const after = cluster.ips("a");
    cluster.service("a", { ...cluster.services.get("shop/a"), metadata: asksPool("none") });
    cluster.carryOut();
    assert.deepEqual(cluster.ips("a"), after);
  });

  it("are not given to what is another's: its class, its own entries, and without pools nobody complains", () => {
    const cluster = new Cluster().pool("blue", BLUE);
    cluster
      .service("class", { spec: { loadBalancerClass: "example.com/other" } })
      .service("name", { status: { loadBalancer: { ingress: [{ hostname: "lb.example.com" }] } } })
      .service("cloud", { ips: ["203.0.113.9"] })
      .service("type", { spec: { type: "NodePort" } });
    const { assignments, problems } = allocate(cluster.state);
    assert.deepEqual([assignments.size, problems], [0, []]);
    const none = new Cluster().service("a").service("ours", { spec: { loadBalancerClass: "weir.dev/announced" } });
    assert.match(
      complaints(allocate(none.state)).join(),
      /^Service shop\/ours spec\.type gets no IPv4 address: no address pool/,
    );
  });

  it("that two services have are one's, and the other gets another", () => {
    const cluster = new Cluster()
      .pool("blue", BLUE)
      .service("b", { ips: ["192.0.2.10"] })
      .service("a", { ips: ["192.0.2.10"] });
    cluster.carryOut();
    assert.deepEqual(cluster.ips("a"), ["192.0.2.10"]);
    assert.notEqual(cluster.ips("b")[0], "192.0.2.10");
  });

  it("go with the family that a service gives up", () => {
    const cluster = new Cluster().pool("blue", BLUE).service("a", { spec: DUAL });
    cluster.carryOut();
    const [, v4] = cluster.ips("a");
    cluster.service("a", { ...cluster.services.get("shop/a"), spec: { ipFamilies: ["IPv4"] } });
    cluster.carryOut();
    assert.deepEqual(cluster.ips("a"), [v4]);
  });

  it("wait for the namespace of their service", () => {
    const cluster = new Cluster().pool("blue", BLUE).service("a");
    cluster.namespaces.clear();
    cluster.carryOut();
    assert.deepEqual(cluster.ips("a"), []);
  });
});

describe("Whatever services and pools there are", () => {
  const name = fc.constantFrom("a", "b", "c", "d", "e", "f");
  const address = fc.integer({ min: 1, max: 9 }).map((last) => `192.0.2.${last}`);
  const metadata = fc.oneof(
    fc.constant({}),
    address.map(asks),
    fc.constantFrom("blue", "green", "none").map(asksPool),
    fc.constant({ labels: { app: "x" } }),
  );
  const pool = fc.record({
    addresses: fc.array(address, { minLength: 1, maxLength: 4 }),
    autoAssign: fc.boolean(),
    serviceSelector: fc.constantFrom({}, { matchLabels: { app: "x" } }),
  });
  type Event = (cluster: Cluster) => void;
  const event: fc.Arbitrary<Event> = fc.oneof(
    fc.tuple(name, metadata).map(
      ([key, meta]): Event =>
        (cluster) => {
          const before = cluster.services.get(`shop/${key}`);
          const mark = Object(Object(before?.metadata).annotations)["weir.dev/assigned-from"];
          const annotations = { ...Object(meta).annotations, ...(mark && { "weir.dev/assigned-from": mark }) };
          cluster.service(key, { ...before, metadata: { ...meta, annotations } });
        },
    ),
    name.map(
      (key): Event =>
        (cluster) =>
          void cluster.services.delete(`shop/${key}`),
    ),
    fc.tuple(fc.constantFrom("blue", "green"), pool).map(
      ([key, spec]): Event =>
        (cluster) =>
          void cluster.pool(key, spec),
    ),
    fc.constantFrom("blue", "green").map(
      (key): Event =>
        (cluster) =>
          void cluster.pools.delete(key),
    ),
  );

  it("no address is given twice, none is taken from who asks for no other, and what is given is soon at rest", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 20 }), (events) => {
        const cluster = new Cluster();
        for (const happen of events) {
          const before = new Map([...cluster.services].map(([key, { ips = [] }]) => [key, ips]));
          happen(cluster);
          cluster.carryOut();
          const all = [...cluster.services.values()].flatMap(({ ips = [] }) => ips);
          assert.equal(new Set(all).size, all.length);
          for (const [key, { metadata, ips = [] }] of cluster.services) {
            const annotations = Object(Object(metadata).annotations);
            const isAsking = "weir.dev/load-balancer-ips" in annotations || "weir.dev/address-pool" in annotations;
            if (!isAsking && (before.get(key) ?? []).length > 0) assert.deepEqual(ips, before.get(key));
          }
        }
        // What one has left, another that asks for it gets the next time.
        cluster.carryOut();
        assert.equal(cluster.carryOut().assignments.size, 0);
      }),
      { numRuns: 300 },
    );
  });
});
