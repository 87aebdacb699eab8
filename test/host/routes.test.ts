import assert from "node:assert/strict";
import fc from "fast-check";
import { type InstalledRoute, readRoutes, routeLines } from "#controller/node/host/routes.ts";
import type { HostRoute } from "#pipeline/host-state.ts";

/** As `ip -N -j route show table all proto 87` prints them. */
const LISTED = JSON.stringify([
  { dst: "10.10.77.0/24", dev: "eth0", table: "77", scope: "253", flags: [] },
  { dst: "10.10.2.0/24", dev: "weir-gw0", scope: "253", prefsrc: "10.10.1.1", flags: [] },
  { dst: "10.10.3.1", gateway: "172.18.0.9", dev: "eth0", flags: ["linkdown"] },
  { dst: "fd10:2::/64", dev: "weir-gw0", metric: 1024, prefsrc: "fd10:1::1", flags: ["onlink"], pref: "medium" },
]);

const CURRENT: readonly InstalledRoute[] = [
  { destination: "10.10.2.0/24", via: undefined, device: "weir-gw0", source: "10.10.1.1", metric: undefined },
  { destination: "10.10.3.1/32", via: "172.18.0.9", device: "eth0", source: undefined, metric: undefined },
  { destination: "fd10:2::/64", via: undefined, device: "weir-gw0", source: "fd10:1::1", metric: 1024 },
];

const WANTED: readonly HostRoute[] = [
  { destination: "10.10.2.0/24", device: "gateway", source: "10.10.1.1" },
  { destination: "10.10.3.1/32", via: "172.18.0.9", device: "transport" },
  { destination: "fd10:2::/64", device: "gateway", source: "fd10:1::1" },
];

describe("routes of the host", () => {
  it("are read from the main table only, single addresses with their full length", () => {
    assert.deepEqual(readRoutes(LISTED), CURRENT);
  });

  it("need nothing when all are there", () => {
    assert.deepEqual(routeLines(CURRENT, WANTED, "eth0"), []);
    assert.deepEqual(routeLines(CURRENT, WANTED, undefined), []);
  });

  it("are added with our protocol number, and never replace what is not ours", () => {
    assert.deepEqual(routeLines([], WANTED, "eth0"), [
      "route add 10.10.2.0/24 dev weir-gw0 src 10.10.1.1 proto 87",
      "route add 10.10.3.1/32 via 172.18.0.9 dev eth0 proto 87",
      "route add fd10:2::/64 dev weir-gw0 src fd10:1::1 proto 87",
    ]);
  });

  it("behind weir-gw0 may have a next hop that is in no network", () => {
    assert.deepEqual(routeLines([], [{ destination: "10.10.2.0/24", via: "10.10.2.1", device: "gateway" }], "eth0"), [
      "route add 10.10.2.0/24 via 10.10.2.1 dev weir-gw0 onlink proto 87",
    ]);
  });

  it("leave the interface to the kernel while nobody knows it", () => {
    assert.deepEqual(routeLines([], WANTED.slice(1, 2), undefined), ["route add 10.10.3.1/32 via 172.18.0.9 proto 87"]);
  });

  it("change in one step, and follow the interface between nodes", () => {
    assert.deepEqual(routeLines(CURRENT, WANTED, "eth1"), [
      "route replace 10.10.3.1/32 via 172.18.0.9 dev eth1 proto 87",
    ]);
  });

  it("go when nobody wants them, whoever made them in our name and with what metric", () => {
    const strange = { ...CURRENT[0]!, metric: 5 };
    assert.deepEqual(routeLines([...CURRENT, strange], WANTED.slice(0, 1), "eth0"), [
      "route delete 10.10.3.1/32 via 172.18.0.9 dev eth0 proto 87",
      "route delete fd10:2::/64 dev weir-gw0 metric 1024 proto 87",
      "route delete 10.10.2.0/24 dev weir-gw0 metric 5 proto 87",
    ]);
  });

  it("lead from any state to any other at once", () => {
    fc.assert(
      fc.property(anyRoutes, anyRoutes, (from, to) => {
        const kernel = new Map<string, InstalledRoute>();
        execute(kernel, routeLines([], from.values(), "eth0"));
        execute(kernel, routeLines([...kernel.values()], to.values(), "eth0"));
        assert.equal(kernel.size, to.size);
        assert.deepEqual(routeLines([...kernel.values()], to.values(), "eth0"), []);
      }),
    );
  });
});

const anyRoute: fc.Arbitrary<HostRoute> = fc
  .record({
    destination: fc.constantFrom("10.1.0.0/24", "10.2.0.0/24", "10.2.0.0/16", "fd01::/64", "fd02::/64"),
    device: fc.constantFrom("gateway" as const, "transport" as const),
    hop: fc.constantFrom(undefined, "1", "2"),
    source: fc.constantFrom(undefined, "3", "4"),
  })
  .map(({ destination, device, hop, source }) => {
    const prefix = destination.includes(":") ? "fd18::" : "172.18.0.";
    const via = hop === undefined ? {} : { via: prefix + hop };
    return { destination, device, ...via, ...(source === undefined ? {} : { source: prefix + source }) };
  });

const anyRoutes: fc.Arbitrary<ReadonlyMap<string, HostRoute>> = fc
  .array(anyRoute, { maxLength: 5 })
  .map((routes) => new Map(routes.map((route) => [route.destination, route])));

/** As the kernel does: add refuses what is there, replace and delete what is not. */
function execute(kernel: Map<string, InstalledRoute>, lines: readonly string[]): void {
  for (const line of lines) {
    const [, verb = "", destination = "", ...rest] = line.split(" ");
    const word = (name: string) => (rest.includes(name) ? rest[rest.indexOf(name) + 1] : undefined);
    assert.equal(kernel.has(destination), verb !== "add", line);
    assert.equal(word("proto"), "87");
    if (verb === "delete") kernel.delete(destination);
    else {
      const metric = destination.includes(":") ? 1024 : undefined;
      const device = word("dev") ?? "";
      kernel.set(destination, { destination, via: word("via"), device, source: word("src"), metric });
    }
  }
}
