import assert from "node:assert/strict";
import { silentLog } from "#base/log.ts";
import {
  type BridgeSettings,
  createPortReplica,
  ensureBridge,
  type PortReplica,
} from "#controller/node/ports/index.ts";
import { PORTS } from "#pipeline/layout/ports.ts";
import { CniRig } from "./cni-rig.ts";

const SETTINGS: BridgeSettings = { bridge: "br-weir", datapath: "netdev", encapsulation: "always", tunnel: "geneve" };

describe("the bridge", function () {
  this.timeout(30_000);
  let rig: CniRig;
  let replica: PortReplica;
  before(async () => {
    rig = await CniRig.create("bridge");
    replica = createPortReplica({ remote: `unix:${rig.directory}/db.sock`, log: silentLog, onBatch() {} });
  });
  after(async () => {
    replica?.close();
    await rig?.close();
  });

  it("is refused where somebody else's has the name", async () => {
    await replica.whenSynced();
    await rig.vsctl("add-br", "br-other", "--", "set", "bridge", "br-other", "datapath_type=netdev");
    await assert.rejects(ensureBridge(replica, { ...SETTINGS, bridge: "br-other" }), /br-other exists/);
  });

  it("is made once, and repaired where it differs", async () => {
    assert.equal(await ensureBridge(replica, SETTINGS), true);
    assert.equal(await ensureBridge(replica, SETTINGS), false);
    await rig.vsctl("set", "bridge", "br-weir", "fail_mode=standalone");
    assert.equal(await ensureBridge(replica, SETTINGS), true);
    assert.equal((await rig.vsctl("get", "bridge", "br-weir", "fail_mode")).trim(), "secure");
    const numbers = await rig.vsctl(
      "get",
      "Interface",
      "weir-tun0",
      "ofport",
      "--",
      "get",
      "Interface",
      "weir-gw0",
      "ofport",
    );
    assert.deepEqual(numbers.trim().split("\n").map(Number), [PORTS.tunnel, PORTS.gateway]);
  });

  it("has weir-gw0 at the pods' MTU, a larger one than its ports' too, while pods come and go", async () => {
    const mtu = async () => (await rig.vsctl("get", "Interface", "weir-gw0", "mtu")).trim();
    assert.equal(await ensureBridge(replica, { ...SETTINGS, mtu: () => 8950 }), true);
    assert.equal(await ensureBridge(replica, { ...SETTINGS, mtu: () => 8950 }), false);
    assert.equal(await ensureBridge(replica, SETTINGS), false, "while it is not known it stays");
    assert.equal(await mtu(), "8950");
    await rig.inNode("ip", "link", "add", "small", "mtu", "1400", "type", "veth", "peer", "name", "other");
    await rig.vsctl("add-port", "br-weir", "small");
    assert.equal(await mtu(), "8950");
    await rig.vsctl("del-port", "small");
    assert.equal(await mtu(), "8950");
  });

  it("changes its tunnel's type in place, and has none without encapsulation", async () => {
    const before = await rig.vsctl("get", "Interface", "weir-tun0", "_uuid");
    assert.equal(await ensureBridge(replica, { ...SETTINGS, tunnel: "vxlan" }), true);
    assert.equal(await rig.vsctl("get", "Interface", "weir-tun0", "_uuid"), before);
    assert.equal((await rig.vsctl("get", "Interface", "weir-tun0", "type")).trim(), "vxlan");
    assert.equal(await ensureBridge(replica, { ...SETTINGS, encapsulation: "never" }), true);
    assert.doesNotMatch(await rig.vsctl("list-ports", "br-weir"), /weir-tun0/);
  });
});
