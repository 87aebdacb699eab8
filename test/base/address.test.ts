import assert from "node:assert/strict";
import { isIPv4, isIPv6 } from "node:net";
import fc from "fast-check";
import {
  addToIp,
  cidrContains,
  familyOf,
  formatCidr,
  formatIp,
  formatMac,
  type Ip,
  ipBytes,
  ipFromBytes,
  isIpv4,
  networkOf,
  parseCidr,
  parseIp,
  parseMac,
  prefixMask,
} from "#base/address.ts";

const ipv4 = fc.uint8Array({ minLength: 4, maxLength: 4 }).map(ipFromBytes);
const ipv6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(ipFromBytes);
const anyIp: fc.Arbitrary<Ip> = fc.oneof(ipv4, ipv6);
const ipAndPrefix = anyIp.chain((ip) => fc.tuple(fc.constant(ip), fc.integer({ min: 0, max: isIpv4(ip) ? 32 : 128 })));

function ip(text: string): Ip {
  const parsed = parseIp(text);
  assert.ok(parsed !== undefined, `${text} is an address`);
  return parsed;
}

describe("addresses", () => {
  it("reads what it prints, for every address of both families", () => {
    fc.assert(
      fc.property(anyIp, (address) => {
        const text = formatIp(address);
        assert.ok(familyOf(address) === 4 ? isIPv4(text) : isIPv6(text), text);
        assert.equal(parseIp(text), address);
      }),
    );
  });

  it("turns addresses into bytes in network order and back", () => {
    assert.deepEqual(ipBytes(ip("192.0.2.255")), [192, 0, 2, 255]);
    assert.deepEqual(ipBytes(ip("fd00::1")), [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    fc.assert(fc.property(anyIp, (address) => assert.equal(ipFromBytes(ipBytes(address)), address)));
  });

  it("keeps IPv4 addresses unsigned", () => {
    assert.equal(ip("255.255.255.255"), 0xffffffff);
    assert.equal(networkOf(ip("255.255.255.255"), 8), 0xff000000);
    assert.equal(prefixMask(4, 32), 0xffffffff);
    assert.equal(prefixMask(4, 0), 0);
  });

  it("prints IPv6 as RFC 5952 asks: lower case, the longest run of zeros shortened, no leading zeros", () => {
    assert.equal(formatIp(ip("FD00:0:0:1:0:0:0:0A")), "fd00:0:0:1::a");
    assert.equal(formatIp(ip("0:0:0:0:0:0:0:0")), "::");
    assert.equal(formatIp(ip("2001:db8:0:1:1:1:1:1")), "2001:db8:0:1:1:1:1:1");
  });

  it("reads the last 32 bits of an IPv6 address in dots as what they are, mapped or not", () => {
    assert.equal(ip("::1.2.3.4"), 0x01020304n);
    assert.equal(ip("::ffff:1.2.3.4"), 0xffff_0102_0304n);
    assert.equal(formatIp(ip("64:ff9b::192.0.2.33")), "64:ff9b::c000:221");
    assert.equal(parseIp("::256.0.0.1"), undefined);
  });

  for (const text of [
    "",
    "10.0.0",
    "10.0.0.256",
    "010.0.0.1",
    "1",
    "fe80::1%eth0",
    "fd00::/64",
    "10.0.0.1/8",
    "::g",
    " 10.0.0.1",
  ])
    it(`takes ${JSON.stringify(text)} for no address`, () => assert.equal(parseIp(text), undefined));

  it("adds an offset as a number does, within a family", () => {
    assert.equal(formatIp(addToIp(ip("10.0.0.255"), 1)), "10.0.1.0");
    assert.equal(formatIp(addToIp(ip("fd00::ffff"), 1)), "fd00::1:0");
  });
});

describe("networks", () => {
  it("reads what it prints", () => {
    fc.assert(
      fc.property(ipAndPrefix, ([address, prefixLength]) => {
        const cidr = { address: networkOf(address, prefixLength), prefixLength };
        assert.deepEqual(parseCidr(formatCidr(cidr)), cidr);
        assert.deepEqual(parseCidr(`${formatIp(address)}/${prefixLength}`), cidr, "host bits are cleared");
      }),
    );
  });

  it("contains exactly the addresses that share its first bits", () => {
    fc.assert(
      fc.property(ipAndPrefix, anyIp, ([address, prefixLength], other) => {
        const cidr = { address: networkOf(address, prefixLength), prefixLength };
        assert.ok(cidrContains(cidr, address));
        const bits = (value: Ip) =>
          ipBytes(value)
            .map((byte) => byte.toString(2).padStart(8, "0"))
            .join("");
        const shared =
          familyOf(other) === familyOf(address) && bits(other).startsWith(bits(address).slice(0, prefixLength));
        assert.equal(cidrContains(cidr, other), shared);
      }),
    );
  });

  it("keeps the families apart: 0.0.0.0/0 contains no IPv6 address, ::/0 no IPv4 one", () => {
    const all4 = parseCidr("0.0.0.0/0");
    const all6 = parseCidr("::/0");
    assert.ok(all4 !== undefined && all6 !== undefined);
    assert.equal(cidrContains(all4, ip("::")), false);
    assert.equal(cidrContains(all6, ip("0.0.0.0")), false);
    assert.equal(cidrContains(all4, ip("255.255.255.255")), true);
    assert.equal(cidrContains(all6, ip("ffff::")), true);
  });

  for (const text of [
    "10.0.0.0",
    "10.0.0.0/33",
    "fd00::/129",
    "10.0.0.0/08",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
    "/8",
    "10.0.0.0/",
  ])
    it(`takes ${JSON.stringify(text)} for no network`, () => assert.equal(parseCidr(text), undefined));
});

describe("MAC addresses", () => {
  it("reads what it prints, leading zeros kept", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 48 - 1 }), (value) => {
        const text = value.toString(16).padStart(12, "0").match(/../g)!.join(":");
        const mac = parseMac(text);
        assert.equal(mac, value);
        assert.equal(formatMac(mac!), text);
      }),
    );
  });

  it("takes upper case and prints lower case", () => {
    assert.equal(formatMac(parseMac("AA:BB:CC:0D:EE:FF")!), "aa:bb:cc:0d:ee:ff");
  });

  for (const text of ["", "aa:bb:cc:dd:ee", "aa-bb-cc-dd-ee-ff", "aa:bb:cc:dd:ee:fg", "aabbccddeeff", "a:b:c:d:e:f"])
    it(`takes ${JSON.stringify(text)} for no MAC address`, () => assert.equal(parseMac(text), undefined));
});
