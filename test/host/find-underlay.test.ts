import assert from "node:assert/strict";
import { parseCidr, parseIp } from "#base/address.ts";
import { findUnderlay } from "#controller/node/host/index.ts";
import { ingest } from "#pipeline/ingest/ingest.ts";

/** As `ip -j address show` prints it. */
const LISTED = JSON.stringify([
  { ifname: "lo", mtu: 65536, addr_info: [{ local: "127.0.0.1", prefixlen: 8, scope: "host" }, of("172.18.0.6", 32)] },
  {
    ifname: "eth0",
    mtu: 1500,
    addr_info: [
      of("172.18.0.5", 24),
      of("fd18::5", 64),
      { ...of("fd18::aaaa", 64), temporary: true },
      { local: "fe80::1", prefixlen: 64, scope: "link" },
    ],
  },
  { ifname: "eth1", mtu: 9000, addr_info: [of("192.168.0.5", 24)] },
  { ifname: "weir-gw0", mtu: 1450, addr_info: [of("10.10.1.1", 24)] },
]);
const ETH0 = { interface: "eth0", mtu: 1500, addresses: ["172.18.0.5/24", "fd18::5/64"] };

function of(local: string, prefixlen: number) {
  return { local, prefixlen, scope: "global" };
}

function find(addresses: readonly string[], transportInterface?: string) {
  const nodeAddresses = addresses.map((text) => parseIp(text)!);
  return findUnderlay(LISTED, { nodeAddresses, transportInterface });
}

describe("the interface between nodes", () => {
  it("is the one that holds an InternalIP of this node, of either family, the first address first", () => {
    assert.deepEqual(find(["172.18.0.5"]), { underlay: ETH0 });
    assert.deepEqual(find(["fd18::5"]), { underlay: ETH0 });
    assert.equal(find(["192.168.0.5", "172.18.0.5"]).underlay?.interface, "eth1");
    assert.equal(find(["10.0.0.1", "172.18.0.5"]).underlay?.interface, "eth0");
  });

  it("is the configured one, whatever the node's addresses are", () => {
    assert.equal(find([], "eth1").underlay?.interface, "eth1");
    assert.equal(find(["172.18.0.5"], "eth1").underlay?.interface, "eth1");
  });

  it("is neither loopback nor our own", () => {
    assert.match(find(["172.18.0.6"]).problem ?? "", /no interface holds an InternalIP of this node \(172\.18\.0\.6\)/);
    assert.match(find(["10.10.1.1"]).problem ?? "", /traffic\.transportInterface/);
  });

  it("is a problem when the configured one is not there", () => {
    assert.match(
      find([], "eth9").problem ?? "",
      /traffic\.transportInterface: there is no interface eth9; there are lo/,
    );
  });

  it("is not looked for as long as the node's addresses are not known", () => {
    assert.deepEqual(find([]), {});
  });

  it("is what the pipeline reads", () => {
    const object = find(["172.18.0.5"]).underlay;
    const { value, problems } = ingest("underlay", { kind: "Underlay", key: "underlay", object });
    const networks = ["172.18.0.0/24", "fd18::/64"].map((text) => parseCidr(text)!);
    assert.deepEqual(value, { interface: "eth0", mtu: 1500, networks });
    assert.deepEqual(problems, []);
  });
});
