import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { NetnsHelper } from "#controller/node/cni-server/netns-helper.ts";

const exec = promisify(execFile);
const HELPER = join(import.meta.dirname, "../../dist/weir-netns");
const NODE = "weir-t-helper-node";
const NETNS = "weir-t-helper-pod";
const HOST_END = "weir0123456789a";
const PLUG = ["plug", `/run/netns/${NETNS}`, "eth0", HOST_END, "0a:00:00:00:00:01", "1450", "nocsum"];
const ADDRESSES = ["10.10.1.5", "10.10.1.1", "fd10:1::5", "fd10:1::1"];
const ROUTER = "0a:ff:00:00:00:01";

async function inPod(...argv: string[]): Promise<string> {
  return (await exec("ip", ["netns", "exec", NETNS, ...argv])).stdout;
}

async function removeNamespaces(): Promise<void> {
  for (const netns of [NETNS, NODE]) await exec("ip", ["netns", "del", netns]).catch(() => {});
}

describe("weir-netns", () => {
  let directory: string;
  let helper: NetnsHelper;
  before(async () => {
    await removeNamespaces();
    directory = await mkdtemp(join(tmpdir(), "weir-t-helper-"));
    await exec("ip", ["netns", "add", NODE]);
    const inNode = join(directory, "weir-netns");
    await writeFile(inNode, `#!/bin/sh\nexec ip netns exec ${NODE} ${HELPER} "$@"\n`);
    await chmod(inNode, 0o755);
    helper = new NetnsHelper(inNode);
  });
  beforeEach(() => exec("ip", ["netns", "add", NETNS]));
  // In this order: with its namespace alone a pair goes some time later.
  afterEach(async () => {
    await helper.request("unplug", HOST_END);
    await exec("ip", ["netns", "del", NETNS]);
  });
  after(async () => {
    await removeNamespaces();
    await rm(directory, { recursive: true, force: true });
  });

  it("makes a pod's interface with addresses, routes, the router's MAC and whole checksums", async () => {
    await helper.request(...PLUG, ROUTER, ...ADDRESSES);
    const addresses = await inPod("ip", "-o", "address", "show", "dev", "eth0");
    assert.match(addresses, /inet 10\.10\.1\.5\/32 scope global eth0/);
    assert.match(addresses, /inet6 fd10:1::5\/128 scope global nodad/);
    assert.match(
      await inPod("ip", "link", "show", "eth0"),
      /UP,LOWER_UP.*mtu 1450[\s\S]*link\/ether 0a:00:00:00:00:01/,
    );
    assert.match(await inPod("ip", "route"), /default via 10\.10\.1\.1 dev eth0 \n10\.10\.1\.1 dev eth0 scope link/);
    assert.match(await inPod("ip", "-6", "route"), /default via fd10:1::1 dev eth0/);
    const neighbours = await inPod("ip", "neighbour");
    for (const gateway of ["10.10.1.1", "fd10:1::1"])
      assert.match(neighbours, new RegExp(`${gateway} dev eth0 lladdr ${ROUTER} PERMANENT`));
    assert.match(await inPod("ethtool", "-k", "eth0"), /tx-checksumming: off/);
  });

  it("has taken both ends away when it says so, and removes what is not there", async () => {
    for (let round = 0; round < 3; round++) {
      await helper.request(...PLUG, ROUTER, ...ADDRESSES);
      await helper.request("unplug", HOST_END);
      await assert.rejects(exec("ip", ["-n", NODE, "link", "show", HOST_END]), /does not exist/);
      assert.doesNotMatch(await inPod("ip", "link"), /eth0/);
    }
    await helper.request("unplug", HOST_END);
  });

  it("says which step failed, and why", async () => {
    const absent = ["plug", "/run/netns/weir-t-absent", ...PLUG.slice(2), ROUTER];
    await assert.rejects(helper.request(...absent, ...ADDRESSES), /open \/run\/netns\/weir-t-absent: No such file/);
    await helper.request(...PLUG, ROUTER, ...ADDRESSES);
    await assert.rejects(helper.request(...PLUG, ROUTER, ...ADDRESSES), /add eth0: File exists/);
    await assert.rejects(helper.request("dance"), /read request: Invalid argument/);
  });

  it("keeps requests apart that are under way at once", async () => {
    const requests = Array.from({ length: 20 }, (_, i) =>
      i % 2 === 0 ? helper.request("unplug", HOST_END) : assert.rejects(helper.request("dance"), /Invalid argument/),
    );
    assert.equal((await Promise.all(requests)).length, 20);
  });

  it("fails what was asked of one that ended, and asks another the next time", async () => {
    const ending = new NetnsHelper("/bin/false");
    await assert.rejects(ending.request("unplug", HOST_END), /ended with 1/);
    await assert.rejects(ending.request("unplug", HOST_END), /ended with 1/);
    await assert.rejects(new NetnsHelper("/nowhere/weir-netns").request("unplug", HOST_END), /ENOENT/);
  });
});
