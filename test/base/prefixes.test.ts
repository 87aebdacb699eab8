import assert from "node:assert/strict";
import fc from "fast-check";
import { cidrContains, formatCidr, ipFromBytes, parseCidr } from "#base/address.ts";
import { coverPorts, subtractCidrs } from "#base/prefixes.ts";

const cidr = (text: string) => parseCidr(text)!;

describe("prefixes", () => {
  it("cover a range of ports with the fewest masks", () => {
    assert.deepEqual(coverPorts(80, 80), [{ value: 80, mask: 0xffff }]);
    assert.deepEqual(coverPorts(0, 65535), [{ value: 0, mask: 0 }]);
    assert.deepEqual(coverPorts(8080, 8087), [{ value: 8080, mask: 0xfff8 }]);
  });

  it("cover exactly the range, whatever it is", () => {
    fc.assert(
      fc.property(fc.nat(65535), fc.nat(65535), fc.nat(65535), (a, b, port) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const hits = coverPorts(from, to).filter(({ value, mask }) => (port & mask) === value).length;
        assert.equal(hits, port >= from && port <= to ? 1 : 0);
      }),
    );
  });

  it("of a network less what is excepted are what is left", () => {
    assert.deepEqual(subtractCidrs(cidr("10.0.0.0/30"), [cidr("10.0.0.1/32")]).map(formatCidr), [
      "10.0.0.0/32",
      "10.0.0.2/31",
    ]);
    assert.deepEqual(subtractCidrs(cidr("10.0.0.0/24"), [cidr("10.0.0.0/8")]), []);
    assert.deepEqual(subtractCidrs(cidr("fd00::/16"), [cidr("fd80::/16")]).map(formatCidr), ["fd00::/16"]);
    assert.equal(subtractCidrs(cidr("::/0"), [cidr("fd00::1/128")]).length, 128);
  });

  it("hold an address exactly when the network does and no exception does", () => {
    const octet = fc.nat(3);
    const network = fc.record({ byte: octet, length: fc.integer({ min: 28, max: 32 }) });
    fc.assert(
      fc.property(network, fc.array(network, { maxLength: 4 }), octet, (whole, exceptions, last) => {
        const make = ({ byte, length }: { byte: number; length: number }) => cidr(`10.0.0.${byte * 3}/${length}`);
        const ip = ipFromBytes([10, 0, 0, last * 3 + 1]);
        const hits = subtractCidrs(make(whole), exceptions.map(make)).filter((one) => cidrContains(one, ip)).length;
        const expected = cidrContains(make(whole), ip) && !exceptions.some((one) => cidrContains(make(one), ip));
        assert.equal(hits, expected ? 1 : 0);
      }),
    );
  });
});
