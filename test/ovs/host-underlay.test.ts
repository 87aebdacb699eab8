import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { type HostProgram, HostRig, type HostSettings } from "./host-rig.ts";

const SETTINGS: HostSettings = { datapath: "system", encapsulation: "always", masquerade: false, mtu: 1450 };

describe("the interface between nodes, as a source", function () {
  this.timeout(30_000);
  let rig: HostRig;
  let program: HostProgram;

  beforeEach(async () => {
    rig = await HostRig.create("underlay");
    program = rig.start(SETTINGS);
  });
  afterEach(() => rig.close());

  const watch = (...nodeAddresses: string[]) => program.ask({ do: "watch", nodeAddresses });
  const batch = (object: unknown) => ({
    source: "underlay",
    synced: true,
    changes: [{ kind: "Underlay", key: "underlay", ...(object === undefined ? {} : { object }) }],
  });
  const eth0 = { interface: "eth0", mtu: 1500, addresses: ["172.18.0.5/24", "fd18::5/64"] };

  it("is complete with its first batch, and follows MTU and addresses", async () => {
    assert.deepEqual(await watch("172.18.0.5"), batch(eth0));
    await rig.inNode("ip", "link", "set", "eth0", "mtu", "1400");
    assert.deepEqual(await program.next(), batch({ ...eth0, mtu: 1400 }));
    await rig.inNode("ip", "address", "delete", "172.18.0.5/24", "dev", "eth0");
    assert.deepEqual(await program.next(), batch(undefined));
    await rig.inNode("ip", "address", "add", "172.18.0.5/16", "dev", "eth0");
    const found = { ...eth0, mtu: 1400, addresses: ["172.18.0.5/16", "fd18::5/64"] };
    assert.deepEqual(await program.next(), batch(found));
  });

  it("opens the gate with an empty batch as long as nothing is found, and looks again when asked to", async () => {
    assert.deepEqual(await watch(), { source: "underlay", synced: true, changes: [] });
    assert.deepEqual(await program.ask({ do: "refresh", nodeAddresses: ["fd18::5"] }), batch(eth0));
  });

  it("is watched on when the watcher is killed, and the watcher goes with the process", async () => {
    await watch("172.18.0.5");
    const [first] = await monitors();
    process.kill(first!, "SIGKILL");
    await until(async () => (await monitors()).some((pid) => pid !== first));
    await rig.inNode("ip", "link", "set", "eth0", "mtu", "1300");
    assert.deepEqual(await program.next(), batch({ ...eth0, mtu: 1300 }));
    await program.end("SIGKILL");
    // Its pipe is broken, which it finds when it has something to say.
    await rig.inNode("ip", "link", "set", "eth0", "mtu", "1200");
    await until(async () => (await monitors()).length === 0);
  });

  /** Process ids of `ip monitor` in the node's namespace. */
  async function monitors(): Promise<number[]> {
    const pids = (await rig.pidsInNode()).map(async (pid) => {
      const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      return command.includes("monitor") ? [pid] : [];
    });
    return (await Promise.all(pids)).flat();
  }
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!(await condition())) {
    if (performance.now() > deadline) assert.fail("it did not come so within 5 s");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
