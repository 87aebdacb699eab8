import assert from "node:assert/strict";
import fc from "fast-check";
import { formatIp, type Ipv4, parseIp } from "#base/address.ts";
import { createNameTable, type Learning, type NameTable } from "#controller/node/dns/name-table.ts";

const learning = (name: string, ip: string, until: number, isNamed = true): Learning => ({
  ...{ name, ip: parseIp(ip)!, until, isNamed },
});

/** "a.com 192.0.2.1", with "-" before what has lapsed. */
function held(table: NameTable): readonly string[] {
  return [...table.entries()].map(({ name, ip, isLapsed }) => `${isLapsed ? "-" : ""}${name} ${formatIp(ip)}`).sort();
}

describe("what is known of names", () => {
  it("is the union of what was told, each for its time, and the longest time counts", () => {
    const table = createNameTable();
    assert.deepEqual(
      [...table.learn([learning("a.com", "192.0.2.1", 100), learning("b.com", "192.0.2.1", 50)])],
      ["a.com", "b.com"],
    );
    assert.deepEqual(
      [...table.learn([learning("a.com", "192.0.2.2", 70), learning("a.com", "192.0.2.1", 60)])],
      ["a.com"],
    );
    assert.equal(table.next, 50);
    assert.deepEqual([...table.lapse(70)].sort(), ["a.com", "b.com"]);
    assert.deepEqual(table.objectOf("a.com"), { addresses: ["192.0.2.1"], lapsed: ["192.0.2.2"] });
    assert.equal(table.next, 100);
    assert.deepEqual([...table.lapse(99)], []);
    assert.deepEqual([...table.lapse(100)], ["a.com"]);
    assert.equal(table.next, Number.POSITIVE_INFINITY);
  });

  it("comes back when it is told again, and goes when it is forgotten", () => {
    const table = createNameTable();
    table.learn([learning("a.com", "192.0.2.1", 10), learning("a.com", "2001:db8::1", 10)]);
    table.lapse(10);
    assert.deepEqual([...table.learn([learning("a.com", "192.0.2.1", 20)])], ["a.com"]);
    assert.deepEqual(table.objectOf("a.com"), { addresses: ["192.0.2.1"], lapsed: ["2001:db8::1"] });
    for (const ip of ["192.0.2.1", "2001:db8::1"]) table.forget("a.com", parseIp(ip)!);
    assert.equal(table.objectOf("a.com"), undefined);
    assert.deepEqual(table.counts, { names: 0, current: 0, lapsed: 0, refused: 0 });
  });

  it("has room for so much; what lapsed first goes first, and what has not lapsed stays", () => {
    const table = createNameTable({ addressesOfName: 2, addresses: 4, unnamed: 2 });
    table.learn([learning("a.com", "192.0.2.1", 10), learning("a.com", "192.0.2.2", 20)]);
    assert.deepEqual([...table.learn([learning("a.com", "192.0.2.3", 30)])], []);
    table.lapse(20);
    table.learn([learning("a.com", "192.0.2.4", 30)]);
    assert.deepEqual(held(table), ["-a.com 192.0.2.2", "a.com 192.0.2.4"]);
    table.learn([learning("b.com", "192.0.2.1", 30, false)]);
    table.learn([learning("c.com", "192.0.2.1", 30, false)]);
    table.learn([learning("d.com", "192.0.2.1", 30)]);
    assert.deepEqual([...table.learn([learning("d.com", "192.0.2.2", 30)])].sort(), ["a.com", "d.com"]);
    assert.deepEqual(held(table), ["a.com 192.0.2.4", "b.com 192.0.2.1", "d.com 192.0.2.1", "d.com 192.0.2.2"]);
    table.learn([learning("e.com", "192.0.2.1", 30)]);
    assert.deepEqual(table.counts, { names: 3, current: 4, lapsed: 0, refused: 3 });
  });

  it("has room for names that no policy says while it has names that are not in use any more", () => {
    const table = createNameTable({ addressesOfName: 2, addresses: 9, unnamed: 2 });
    table.learn([learning("a.com", "192.0.2.1", 10, false), learning("a.com", "192.0.2.2", 30, false)]);
    table.learn([learning("b.com", "192.0.2.1", 20, false)]);
    table.lapse(10);
    table.learn([learning("c.com", "192.0.2.1", 90, false)]);
    assert.equal(table.objectOf("c.com"), undefined);
    table.lapse(30);
    assert.deepEqual([...table.learn([learning("c.com", "192.0.2.1", 90, false)])].sort(), ["b.com", "c.com"]);
    assert.deepEqual(held(table), ["-a.com 192.0.2.1", "-a.com 192.0.2.2", "c.com 192.0.2.1"]);
    assert.deepEqual([...table.learn([learning("d.com", "192.0.2.1", 90, false)])].sort(), ["a.com", "d.com"]);
    assert.deepEqual(table.counts, { names: 2, current: 2, lapsed: 0, refused: 1 });
  });

  it("counts right, and is never more than there is room for, after whatever was told", () => {
    const limits = { addressesOfName: 3, addresses: 8, unnamed: 3 };
    const step = fc.oneof(
      fc.record({
        name: fc.constantFrom("a", "b", "c", "d", "e"),
        ip: fc.nat(5),
        life: fc.nat(9),
        isNamed: fc.boolean(),
      }),
      fc.record({ forget: fc.constantFrom("a", "b", "c"), ip: fc.nat(5) }),
      fc.record({ wait: fc.nat(6) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const table = createNameTable(limits);
        let now = 0;
        for (const one of steps) {
          if ("wait" in one) now += one.wait;
          if ("wait" in one) table.lapse(now);
          else if ("forget" in one) table.forget(one.forget, one.ip as Ipv4);
          else table.learn([{ ...one, ip: one.ip as Ipv4, until: now + one.life + 1 }]);
          const entries = [...table.entries()];
          const current = entries.filter(({ isLapsed }) => !isLapsed);
          const names = Map.groupBy(entries, ({ name }) => name);
          const { refused: _, ...counts } = table.counts;
          assert.deepEqual(counts, {
            names: names.size,
            current: current.length,
            lapsed: entries.length - current.length,
          });
          assert.ok(entries.length <= limits.addresses);
          assert.ok([...names.values()].every((own) => own.length <= limits.addressesOfName));
          for (const { until } of current) assert.ok(until > now && table.next <= until);
        }
      }),
    );
  });
});
