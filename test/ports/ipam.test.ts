import assert from "node:assert/strict";
import { formatIp, type Ip, parseCidr } from "#base/address.ts";
import { Ipam } from "#controller/node/ports/index.ts";

const SMALL = parseCidr("10.0.0.0/29")!;

describe("address allocation", () => {
  it("goes on behind the last address, so that a released one is used late", () => {
    const ipam = new Ipam(() => []);
    const given: string[] = [];
    for (let i = 0; i < 6; i++) {
      const ips = ipam.reserve([SMALL]);
      given.push(...ips.map(formatIp));
      ipam.release(ips);
    }
    assert.deepEqual(given, ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.2"]);
  });

  it("never gives what a row holds or another call has reserved, and names the full podCIDR", () => {
    const rows: Ip[] = [];
    const ipam = new Ipam(() => rows);
    rows.push(...ipam.reserve([SMALL]));
    ipam.release(rows);
    for (let i = 0; i < 4; i++) assert.ok(!ipam.reserve([SMALL]).includes(rows[0]!));
    assert.throws(() => ipam.reserve([SMALL]), /no address is free in 10\.0\.0\.0\/29: 5 of 5 are in use/);
  });

  it("reserves of all networks or of none", () => {
    const six = parseCidr("fd00::/64")!;
    const ipam = new Ipam(() => []);
    for (let i = 0; i < 5; i++) ipam.reserve([SMALL]);
    assert.throws(() => ipam.reserve([six, SMALL]), /E_IPAM|no address is free/);
    assert.deepEqual(ipam.reserve([six]).map(formatIp), ["fd00::2"]);
  });
});
