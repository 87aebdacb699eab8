import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type HostProgram, HostRig, type HostSettings } from "./host-rig.ts";

const STATE = {
  gatewayAddresses: ["10.10.1.1/24", "fd10:1::1/64"],
  routes: [
    { destination: "10.10.2.0/24", device: "gateway", source: "10.10.1.1" },
    { destination: "10.10.3.0/24", via: "172.18.0.9", device: "transport" },
    { destination: "10.10.4.0/24", via: "10.10.4.1", device: "gateway", source: "10.10.1.1" },
    { destination: "fd10:2::/64", device: "gateway", source: "fd10:1::1" },
    { destination: "fd10:4::/64", via: "fd10:4::1", device: "gateway", source: "fd10:1::1" },
  ],
  localPodCidrs: ["10.10.1.0/24", "fd10:1::/64"],
  podCidrs: ["10.10.1.0/24", "10.10.2.0/24", "10.10.3.0/24", "10.10.4.0/24", "fd10:1::/64", "fd10:2::/64"],
  nodeAddresses: ["172.18.0.5", "172.18.0.9", "fd18::5"],
};
const SETTINGS: HostSettings = {
  datapath: "netdev",
  encapsulation: "hybrid",
  masquerade: true,
  mtu: 1450,
  transportInterface: "eth0",
};
const FOREIGN =
  "table inet neighbour {\n\tchain forward {\n\t\ttype filter hook forward priority filter; policy accept;\n\t}\n}";

describe("the host of a node", function () {
  this.timeout(60_000);
  let rig: HostRig;

  beforeEach(async () => {
    rig = await HostRig.create("apply");
  });
  afterEach(() => rig.close());

  const apply = async (program: HostProgram, state: object = STATE) => program.ask({ do: "apply", state });

  /** All that is ours to change and to give back. */
  async function snapshot(): Promise<Record<string, string>> {
    const sysctls = await rig.inNode("sysctl", "-a", "-r", "^net\\.(ipv4\\.(ip_forward|conf)|ipv6\\.conf)");
    return {
      links: await rig.inNode("ip", "-o", "link"),
      // Of both families.
      routes: withoutLinkLocal(await rig.inNode("ip", "route", "show", "table", "all")),
      addresses: withoutLinkLocal(await rig.inNode("ip", "-o", "address")),
      // Tables are listed in the order of their making.
      ruleset: (await rig.inNode("nft", "list", "ruleset"))
        .split(/^(?=table )/m)
        .sort()
        .join(""),
      sysctls: withoutVolatile(sysctls),
    };
  }

  it("is made so, and a second look, by this process or another, finds nothing to do", async () => {
    await rig.addGateway();
    const first = rig.start(SETTINGS);
    const { changes } = await apply(first);
    assert.ok(Number(changes) > 0);
    assert.deepEqual(await apply(first), { changes: 0 });
    assert.deepEqual(await apply(rig.start(SETTINGS)), { changes: 0 });

    const gateway = JSON.parse(await rig.inNode("ip", "-j", "address", "show", "dev", "weir-gw0"))[0];
    assert.equal(gateway.mtu, 1450);
    assert.ok(gateway.flags.includes("UP"));
    const addresses = gateway.addr_info.filter((entry: { scope: string }) => entry.scope === "global");
    assert.deepEqual(
      addresses.map((entry: { local: string; prefixlen: number }) => `${entry.local}/${entry.prefixlen}`),
      STATE.gatewayAddresses,
    );
    assert.match(await rig.inNode("ip", "route", "get", "10.10.2.7"), /dev weir-gw0 src 10\.10\.1\.1/);
    assert.match(await rig.inNode("ip", "route", "get", "10.10.4.7"), /via 10\.10\.4\.1 dev weir-gw0 src 10\.10\.1\.1/);
    assert.match(await rig.inNode("ip", "route", "get", "10.10.3.7"), /via 172\.18\.0\.9 dev eth0/);
    assert.match(await rig.inNode("ip", "route", "get", "fd10:2::7"), /dev weir-gw0 .*src fd10:1::1/);
    assert.match(await rig.inNode("ip", "route", "get", "fd10:4::7"), /via fd10:4::1 dev weir-gw0 .*src fd10:1::1/);
    assert.equal((await rig.inNode("cat", "/proc/sys/net/ipv4/ip_forward")).trim(), "1");
    assert.equal((await rig.inNode("cat", "/proc/sys/net/ipv6/conf/all/forwarding")).trim(), "1");
  });

  it("has nftables tables that nft can read from what it prints, as an administrator's saved rules are", async () => {
    await rig.addGateway();
    await apply(rig.start(SETTINGS));
    const file = join(rig.directory, "ruleset");
    await writeFile(file, await rig.inNode("nft", "list", "ruleset"));
    await rig.inNode("nft", "--check", "--file", file);
  });

  it("is repaired, whatever somebody has changed by hand", async () => {
    await rig.addGateway();
    const program = rig.start(SETTINGS);
    await apply(program);
    const wanted = await snapshot();
    const damages: readonly (readonly string[])[] = [
      ["ip", "link", "set", "weir-gw0", "mtu", "1300"],
      ["ip", "link", "set", "weir-gw0", "down"],
      ["ip", "address", "delete", "10.10.1.1/24", "dev", "weir-gw0"],
      ["ip", "address", "add", "10.99.0.1/24", "dev", "weir-gw0"],
      ["ip", "route", "delete", "10.10.3.0/24"],
      ["ip", "route", "replace", "10.10.2.0/24", "dev", "eth0", "proto", "87"],
      ["ip", "route", "add", "10.77.0.0/16", "dev", "eth0", "proto", "87"],
      ["ip", "-6", "route", "delete", "fd10:2::/64"],
      ["sysctl", "-qw", "net.ipv4.ip_forward=0"],
      ["sysctl", "-qw", "net.ipv6.conf.weir-gw0.accept_ra=1"],
      ["nft", "delete", "table", "inet", "weir"],
      ["nft", "flush", "chain", "inet", "weir", "pods_leaving"],
      ["nft", "add", "element", "inet", "weir", "pods_4", "{ 10.200.0.0/16 }"],
      ["nft", "add", "rule", "arp", "weir", "pods_in", "accept"],
    ];
    for (const damage of damages) {
      await rig.inNode(...damage);
      const { changes, error } = await apply(program);
      assert.ok(Number(changes) > 0, `${damage.join(" ")}: ${error}`);
      assert.deepEqual(await snapshot(), wanted, damage.join(" "));
      assert.deepEqual(await apply(program), { changes: 0 }, damage.join(" "));
    }
  });

  it("follows the state: what nobody wants any more goes, also when another process had made it", async () => {
    await rig.addGateway();
    await apply(rig.start(SETTINGS));
    const state = {
      gatewayAddresses: ["10.10.9.1/24"],
      routes: [{ destination: "10.10.3.0/24", via: "172.18.0.8", device: "transport" }],
      localPodCidrs: ["10.10.9.0/24"],
      podCidrs: ["10.10.9.0/24", "10.10.3.0/24"],
      nodeAddresses: ["172.18.0.5"],
    };
    const next = rig.start({ ...SETTINGS, datapath: "system", masquerade: false });
    await apply(next, state);
    assert.deepEqual(await apply(next, state), { changes: 0 });
    assert.equal(await rig.inNode("ip", "route", "show", "proto", "87"), "10.10.3.0/24 via 172.18.0.8 dev eth0 \n");
    assert.equal(await rig.inNode("ip", "-6", "route", "show", "proto", "87"), "");
    const ruleset = await rig.inNode("nft", "list", "ruleset");
    assert.doesNotMatch(ruleset, /pods_leaving|table arp|weir\*/);
    assert.match(ruleset, /udp dport 6081 ip daddr @nodes_4 notrack/);
  });

  it("leaves alone what is not ours, and says so when that is in the way", async () => {
    await rig.addGateway();
    await rig.inNode("nft", FOREIGN);
    await rig.inNode("ip", "route", "add", "10.10.2.0/24", "via", "172.18.0.77", "dev", "eth0");
    await rig.inNode("ip", "route", "add", "10.50.0.0/16", "dev", "eth0", "proto", "static");
    await rig.inNode("ip", "route", "add", "10.51.0.0/16", "dev", "eth0", "proto", "87", "table", "99");
    const program = rig.start(SETTINGS);
    const { error } = await apply(program);
    assert.match(String(error), /still to be done: ip route add 10\.10\.2\.0\/24 .*see `ip route`/);
    // Everything else is done nevertheless.
    assert.match(await rig.inNode("ip", "route", "get", "10.10.3.7"), /via 172\.18\.0\.9/);
    assert.match(await rig.inNode("ip", "route", "get", "10.10.2.7"), /via 172\.18\.0\.77/);
    assert.match(await rig.inNode("nft", "list", "ruleset"), /masquerade/);
    await program.ask({ do: "uninstall" });
    assert.equal((await rig.inNode("nft", "list", "ruleset")).trim(), FOREIGN);
    assert.match(await rig.inNode("ip", "route", "show", "10.50.0.0/16"), /proto static/);
    assert.match(await rig.inNode("ip", "route", "show", "table", "99"), /10\.51\.0\.0\/16/);
    assert.match(await rig.inNode("ip", "route", "show", "10.10.2.0/24"), /via 172\.18\.0\.77/);
  });

  it("is as it was after uninstall, by a process that knows nothing, as often as it is called", async () => {
    await rig.addGateway(1450);
    await rig.inNode("nft", FOREIGN);
    await rig.inNode("ip", "route", "add", "10.50.0.0/16", "dev", "eth0", "proto", "static");
    // A hardened host: with these, switching forwarding back would not be enough.
    await rig.inNode("sysctl", "-qw", "net.ipv4.conf.all.accept_redirects=0", "net.ipv4.conf.eth0.forwarding=1");
    const before = await snapshot();
    const crashed = rig.start(SETTINGS);
    await apply(crashed);
    assert.notDeepEqual(await snapshot(), before);
    await crashed.end("SIGKILL");
    const program = rig.start(SETTINGS);
    assert.deepEqual(await program.ask({ do: "uninstall" }), { done: true });
    assert.deepEqual(await snapshot(), before);
    await assert.rejects(readFile(join(rig.stateDirectory, "host.json")), /ENOENT/);
    assert.deepEqual(await program.ask({ do: "uninstall" }), { done: true });
    assert.deepEqual(await snapshot(), before);
  });

  it("is uninstalled without weir-gw0, which may have gone with the bridge", async () => {
    const before = await snapshot();
    await rig.addGateway();
    const program = rig.start(SETTINGS);
    await apply(program);
    await rig.inNode("ip", "link", "delete", "port0");
    await rig.inNode("ip", "link", "delete", "weir-gw0");
    assert.deepEqual(await program.ask({ do: "uninstall" }), { done: true });
    assert.deepEqual(await snapshot(), before);
  });

  it("is not touched by a damaged record of former values until somebody has looked", async () => {
    await rig.addGateway();
    const program = rig.start(SETTINGS);
    await apply(program);
    await writeFile(join(rig.stateDirectory, "host.json"), "{");
    const { error } = await rig.start(SETTINGS).ask({ do: "uninstall" });
    assert.match(String(error), /host\.json, which says what sysctls were before Weir, cannot be read/);
    assert.doesNotMatch(await rig.inNode("nft", "list", "ruleset"), /weir/);
    assert.equal((await rig.inNode("cat", "/proc/sys/net/ipv4/ip_forward")).trim(), "1");
  });

  it("waits for weir-gw0, which Open vSwitch makes when it has read its database", async () => {
    const program = rig.start(SETTINGS);
    const answer = apply(program);
    await rig.addGateway();
    assert.ok(Number((await answer)["changes"]) > 0);
  });

  it("without weir-gw0 is an error that says who makes it", async () => {
    const { error } = await apply(rig.start(SETTINGS));
    assert.match(String(error), /there is no interface weir-gw0; Open vSwitch makes it with the bridge/);
  });

  it("keeps the default route that a router has announced", async () => {
    await rig.addGateway();
    await rig.inNode("ip", "-6", "route", "add", "default", "via", "fe80::9", "dev", "eth0", "proto", "ra");
    await apply(rig.start(SETTINGS));
    assert.equal((await rig.inNode("cat", "/proc/sys/net/ipv6/conf/eth0/accept_ra")).trim(), "2");
    await rig.start(SETTINGS).ask({ do: "uninstall" });
    assert.equal((await rig.inNode("cat", "/proc/sys/net/ipv6/conf/eth0/accept_ra")).trim(), "1");
  });
});

/** The kernel's own: they come a second or two after an interface is up. */
function withoutLinkLocal(text: string): string {
  return withoutLines(text, "fe80:");
}

/** What the kernel draws by lot for each namespace. */
function withoutVolatile(text: string): string {
  return withoutLines(text, "stable_secret");
}

function withoutLines(text: string, part: string): string {
  return text
    .split("\n")
    .filter((line) => !line.includes(part))
    .join("\n");
}
