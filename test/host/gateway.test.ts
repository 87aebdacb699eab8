import assert from "node:assert/strict";
import { gatewayLines, readGateway } from "#controller/node/host/gateway.ts";

/** As `ip -j address show` prints it. */
const LISTED = JSON.stringify([
  {
    ifname: "weir-gw0",
    flags: ["BROADCAST", "MULTICAST", "UP", "LOWER_UP"],
    mtu: 1450,
    addr_info: [
      { family: "inet", local: "10.10.1.1", prefixlen: 24, scope: "global", label: "weir-gw0" },
      { family: "inet6", local: "fd10:1:0:0::1", prefixlen: 64, scope: "global", nodad: true },
      { family: "inet6", local: "fe80::1", prefixlen: 64, scope: "link" },
    ],
  },
]);

describe("weir-gw0", () => {
  const current = { up: true, mtu: 1450, addresses: ["10.10.1.1/24", "fd10:1::1/64"] };

  it("is read without its link-local addresses, in canonical text", () => {
    assert.deepEqual(readGateway(LISTED), current);
  });

  it("is not there when nothing is listed", () => {
    assert.equal(readGateway("[]"), undefined);
    assert.equal(readGateway(""), undefined);
  });

  it("needs nothing when all is as it should be", () => {
    assert.deepEqual(gatewayLines(current, { mtu: 1450, addresses: ["fd10:1::1/64", "10.10.1.1/24"] }), []);
  });

  it("keeps its MTU while nobody knows what it should be", () => {
    assert.deepEqual(gatewayLines(current, { mtu: undefined, addresses: current.addresses }), []);
  });

  it("comes up with MTU and addresses, IPv6 without a search for duplicates", () => {
    const lines = gatewayLines({ up: false, mtu: 1500, addresses: [] }, { mtu: 1450, addresses: current.addresses });
    assert.deepEqual(lines, [
      "link set dev weir-gw0 mtu 1450 up",
      "address add 10.10.1.1/24 dev weir-gw0",
      "address add fd10:1::1/64 dev weir-gw0 nodad",
    ]);
  });

  it("loses what is not wanted any more before it gets what is", () => {
    assert.deepEqual(gatewayLines(current, { mtu: 1450, addresses: ["10.10.1.1/25", "fd10:1::1/64"] }), [
      "address delete 10.10.1.1/24 dev weir-gw0",
      "address add 10.10.1.1/25 dev weir-gw0",
    ]);
  });
});
