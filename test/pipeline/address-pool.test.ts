import assert from "node:assert/strict";
import fc from "fast-check";
import { formatIp, type Ip, parseCidr, parseIp } from "#base/address.ts";
import { ingest } from "#pipeline/ingest/ingest.ts";
import { type AddressPool, poolHolds, poolOf } from "#pipeline/model/address-pool.ts";

function read(spec: object, metadata: object = {}) {
  const { value, problems } = ingest("test", { kind: "AddressPool", key: "blue", object: { metadata, spec } });
  return { pool: value as AddressPool, problems: problems.map(({ field, message }) => `${field} ${message}`) };
}
const rangesOf = (...addresses: unknown[]) =>
  read({ addresses }).pool.ranges.map(({ first, last }) => `${formatIp(first)}-${formatIp(last)}`);

describe("An AddressPool, read", () => {
  it("is for everybody and announced by every node where it says nothing", () => {
    const { pool, problems } = read({ addresses: ["192.0.2.0/24"] });
    assert.deepEqual(problems, []);
    const { serviceSelector, namespaceSelector, nodeSelector, interfaces, autoAssign, terminating } = pool;
    assert.deepEqual(
      [serviceSelector, namespaceSelector, nodeSelector].map((selector) => selector?.text),
      ["", "", ""],
    );
    assert.deepEqual([interfaces, autoAssign, terminating], [[], true, false]);
  });

  it("gives away what is a host's: of a network not its own address and not that of all, of pairs and ranges all", () => {
    assert.deepEqual(rangesOf("192.0.2.0/24"), ["192.0.2.1-192.0.2.254"]);
    assert.deepEqual(rangesOf("192.0.2.0/31"), ["192.0.2.0-192.0.2.1"]);
    assert.deepEqual(rangesOf("192.0.2.7/32"), ["192.0.2.7-192.0.2.7"]);
    assert.deepEqual(rangesOf("192.0.2.0-192.0.2.255"), ["192.0.2.0-192.0.2.255"]);
    assert.deepEqual(rangesOf("2001:db8::/64"), ["2001:db8::1-2001:db8::ffff:ffff:ffff:ffff"]);
    assert.deepEqual(rangesOf("2001:db8::/127", "2001:db8::9"), ["2001:db8::-2001:db8::1", "2001:db8::9-2001:db8::9"]);
  });

  it("has what overlaps or touches once", () => {
    const given = ["192.0.2.20-192.0.2.30", "192.0.2.10-192.0.2.19", "192.0.2.25", "2001:db8::5", "192.0.2.32"];
    assert.deepEqual(rangesOf(...given), ["192.0.2.10-192.0.2.30", "192.0.2.32-192.0.2.32", "2001:db8::5-2001:db8::5"]);
  });

  it("leaves out what is no address of a host, and tells", () => {
    const wrong = [
      "192.0.2.9-192.0.2.1",
      "192.0.2.1-2001:db8::1",
      "x",
      "127.0.0.1",
      "169.254.0.0/24",
      "0.0.0.0/0",
      "::/0",
    ];
    const { pool, problems } = read({ addresses: [...wrong, "1-2-3", 7, "10.0.0.0/7", "192.0.2.1"] });
    assert.equal(problems.length, wrong.length + 3);
    assert.match(
      problems[0]!,
      /^spec\.addresses\[0\] is "192\.0\.2\.9-192\.0\.2\.1"; a network, a range or an address/,
    );
    assert.deepEqual(pool.ranges.length, 1);
  });

  it("selects nobody by a selector that is wrong", () => {
    const wrong = { matchExpressions: [{ key: "a", operator: "Near" }] };
    const { pool, problems } = read({ addresses: ["192.0.2.1"], serviceSelector: wrong, nodeSelector: { a: "b" } });
    assert.deepEqual(
      [pool.serviceSelector, pool.nodeSelector, pool.namespaceSelector?.text],
      [undefined, undefined, ""],
    );
    assert.equal(problems.length, 2);
  });

  it("holds exactly the addresses of its networks", () => {
    const network = fc.tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 20, max: 32 }));
    fc.assert(
      fc.property(fc.array(network, { maxLength: 5 }), fc.integer({ min: 0, max: 1023 }), (networks, place) => {
        const texts = networks.map(([third, length]) => `10.0.${third}.0/${length}`);
        const { pool } = read({ addresses: texts });
        const ip = parseIp(`10.0.${place >> 8}.${place & 255}`)!;
        const expected = texts.some((text) => {
          const { address, prefixLength } = parseCidr(text)!;
          const size = 2 ** (32 - prefixLength);
          const offset = Number(ip) - Number(address);
          return offset >= 0 && offset < size && (size <= 2 || (offset > 0 && offset < size - 1));
        });
        assert.equal(poolHolds(pool, ip), expected);
      }),
    );
  });

  it("is the pool of an address that it holds, first by name", () => {
    const pool = (name: string, ...addresses: string[]): AddressPool => ({ ...read({ addresses }).pool, name });
    const pools = [pool("c", "192.0.2.1-192.0.2.9"), pool("b", "192.0.2.5"), pool("a", "2001:db8::1")];
    const nameOf = (text: string) => poolOf(parseIp(text) as Ip, pools)?.name;
    assert.deepEqual(["192.0.2.1", "192.0.2.5", "2001:db8::1", "192.0.2.10"].map(nameOf), ["c", "b", "a", undefined]);
  });
});
