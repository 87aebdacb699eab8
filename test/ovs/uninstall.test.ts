import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { podManifest } from "#test/support/cluster.ts";
import { type HostSnapshot, takeSnapshot } from "#test/support/host-snapshot.ts";
import { NodeRig } from "#test/support/node-rig.ts";
import { until } from "../watch/until.ts";

const PODS = ["a", "b"];

describe("weir-node uninstall", function () {
  this.timeout(60_000);
  let rig: NodeRig;
  let before: HostSnapshot;

  /** A machine with things of its own, some of them where Weir has to pass. */
  beforeEach(async () => {
    rig = await NodeRig.create("uninstall");
    await rig.inNode("sysctl", "-qw", "net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0");
    await rig.inNode("sysctl", "-qw", "net.ipv4.conf.br-phy.forwarding=1", "net.ipv4.conf.all.accept_redirects=0");
    await rig.vsctl("add-br", "br-other", "--", "set", "bridge", "br-other", "datapath_type=netdev");
    await rig.vsctl("set", "bridge", "br-other", "external_ids:owner=somebody");
    await rig.inNode("nft", "table inet other { chain c { type filter hook forward priority 0; policy accept; }\n}");
    await rig.inNode("ip", "route", "add", "10.50.0.0/16", "via", "172.18.0.77", "proto", "static");
    await rig.inNode("ip", "rule", "add", "from", "10.60.0.0/16", "lookup", "99");
    await mkdir(join(rig.machine.directory, "net.d"));
    await writeFile(join(rig.machine.directory, "net.d", "20-other.conflist"), "{}\n");
    before = await takeSnapshot(rig);
    await rig.write(
      "pods.yaml",
      PODS.map((pod) => podManifest(pod, "n1")),
    );
    await rig.start();
    for (const pod of PODS) {
      await rig.addPod(pod);
      const { code, output } = await rig.cni("ADD", pod);
      assert.equal(code, 0, output);
    }
    assert.equal(await rig.ping("a", "10.10.1.1"), 1);
  });
  afterEach(() => rig?.close());

  async function isAsBefore(): Promise<void> {
    const after = await takeSnapshot(rig);
    for (const [part, text] of Object.entries(before)) assert.equal(after[part], text, part);
    // Nothing is left of a pod's network but its loopback device.
    for (const pod of PODS) assert.equal((await rig.inPod(pod, "ip", "-o", "link")).trim().split("\n").length, 1);
  }

  it("leaves the host as it was, pods still plugged in or not, foreign things among ours or not, and again", async () => {
    const during = await takeSnapshot(rig);
    for (const part of ["links", "addresses", "routes", "routes6", "nftables", "sysctls", "ovs Bridge", "files"])
      assert.notEqual(during[part], before[part], `${part}: Weir has changed nothing of it`);
    await rig.stop();
    assert.equal((await rig.cni("DEL", "b")).code, 1, "nobody is there to answer");
    for (const _ of ["once", "again"]) {
      assert.deepEqual((await rig.weirNode("uninstall")).code, 0);
      await isAsBefore();
    }
  });

  it("leaves the host as it was after the node process was killed", async () => {
    await rig.stop("SIGKILL");
    // Killed while it wrote this file, it leaves its beginning.
    await writeFile(join(rig.machine.directory, "net.d", ".10-weir.conflist.new"), "{");
    assert.equal((await rig.weirNode("uninstall")).code, 0);
    await isAsBefore();
  });

  it("keeps what sysctls were before Weir while they cannot be restored", async () => {
    await rig.stop();
    const state = join(rig.machine.directory, "state");
    const former = await readFile(join(state, "host.json"), "utf8");
    await writeFile(join(state, "host.json"), former.slice(0, 20));
    const { code, output } = await rig.weirNode("uninstall");
    assert.equal(code, 1);
    assert.match(output, /host\.json, which says what sysctls were before Weir, cannot be read/);
    await writeFile(join(state, "host.json"), former);
    assert.equal((await rig.weirNode("uninstall")).code, 0);
    await isAsBefore();
  });

  it("empties a state directory that is mounted, as into a container", async () => {
    await rig.stop();
    const state = join(rig.machine.directory, "state");
    const command = `mount --bind ${state} ${state} && exec ${rig.program} uninstall --config ${rig.paths.config}`;
    await rig.inNode("sh", "-c", command);
    assert.deepEqual(await readdir(state), []);
    await rmdir(state);
    await isAsBefore();
  });

  it("is refused while the node process runs, and changes nothing", async () => {
    const during = await takeSnapshot(rig);
    const { code, output } = await rig.weirNode("uninstall");
    assert.equal(code, 1);
    assert.match(output, /weir-node runs on this node and would make everything anew; stop it first/);
    assert.deepEqual(await takeSnapshot(rig), during);
  });

  it("without Open vSwitch's database says so and does the rest; called again when it is back, it does that too", async () => {
    await rig.stop();
    await rig.killDaemon("ovsdb");
    const { code, output } = await rig.weirNode("uninstall");
    assert.equal(code, 1);
    assert.match(output, /not everything was removed.*db\.sock does not answer; start it .*and run this again/);
    assert.doesNotMatch(await rig.inNode("nft", "list", "ruleset"), /weir/);
    assert.equal(await rig.inNode("ip", "route", "show", "proto", "87"), "");
    await rig.startDaemon("ovsdb");
    assert.equal((await rig.weirNode("uninstall")).code, 0);
    await isAsBefore();
  });

  it("without ovs-vswitchd removes what the daemon would have removed, and it finds nothing of ours when it is back", async () => {
    await rig.stop();
    await rig.killDaemon("vswitchd");
    assert.equal((await rig.weirNode("uninstall")).code, 0);
    await rig.startDaemon("vswitchd");
    await until(async () => (await rig.vsctl("get", "Interface", "br-phy", "ofport")).trim() !== "[]");
    await isAsBefore();
  });
});
