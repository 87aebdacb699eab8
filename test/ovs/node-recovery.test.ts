import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { type Cluster, startCluster } from "#test/support/cluster.ts";
import { probe } from "../../demo/probing.ts";

const exec = promisify(execFile);

describe("A node whose parts die or are tampered with", function () {
  this.timeout(60_000);
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster({ name: "recover", families: [4, 6], podsPerNode: 2 });
  });
  after(() => cluster?.close());

  const n1 = () => cluster.lab.nodes.get("n1")!.fabricNode;
  const inNode = async (...argv: string[]) => (await exec("ip", ["netns", "exec", n1().netns, ...argv])).stdout;
  const vsctl = async (...argv: string[]) =>
    (await exec("ovs-vsctl", [`--db=unix:${n1().ovsDirectory}/db.sock`, ...argv])).stdout;
  const ofctl = async (...argv: string[]) => {
    const [command = "", ...rest] = argv;
    return (await exec("ovs-ofctl", ["-O", "OpenFlow15", command, `unix:${n1().ovsDirectory}/br-weir.mgmt`, ...rest]))
      .stdout;
  };
  const weirctl = async (...argv: string[]) => {
    const { controlSocket } = cluster.lab.nodes.get("n1")!.weir.paths;
    const program = join(import.meta.dirname, "../../bin/weirctl");
    const { stdout } = await exec(program, [...argv, "--socket", controlSocket]).catch((error) => error);
    return String(stdout);
  };
  const kill = async (daemon: "ovsdb" | "vswitchd") => {
    const pid = Number(readFileSync(join(n1().ovsDirectory, `${daemon}.pid`), "utf8"));
    process.kill(pid, "SIGKILL");
    await until(`${daemon} is gone`, () => !isAlive(pid));
  };

  async function until(what: string, holds: () => unknown): Promise<void> {
    const deadline = performance.now() + 20_000;
    while (!(await holds())) {
      assert.ok(performance.now() < deadline, `still not so after 20 s: ${what}`);
      await sleep(20);
    }
  }
  /** Everybody reaches everybody; a first try may fall into the gap that was made. */
  async function assertConnected(): Promise<void> {
    let faults: string[] = [];
    for (let attempt = 0; attempt < 3; attempt++) {
      const cells = await probe(cluster.lab.endpoints);
      faults = cells.flatMap(({ from, to, fault }) =>
        fault === undefined ? [] : [`${from.label} -> ${to.label}: ${fault}`],
      );
      if (faults.length === 0) return;
    }
    assert.deepEqual(faults, []);
  }
  const flows = async () =>
    (await ofctl("dump-flows", "--no-stats"))
      .split("\n")
      .filter((line) => line.includes("actions="))
      .sort();
  const isReady = async () => /^node +n1\nready +yes/.test(await weirctl("status"));

  it("gets its flows back after ovs-vswitchd was killed and started again", async () => {
    const before = await flows();
    await kill("vswitchd");
    await until("the node says that it is not ready", async () => !(await isReady()));
    await startDaemon("ovs-vswitchd", [`unix:${n1().ovsDirectory}/db.sock`], "vswitchd");
    await until("the node is ready", isReady);
    assert.deepEqual(await flows(), before);
    await assertConnected();
  });

  // What the main thread of ovs-vswitchd forwards in user space rests while its database is away; the kernel's datapath goes on.
  it("says that ovsdb-server is away, and goes on with the same flows when it is back", async () => {
    const before = await flows();
    await kill("ovsdb");
    await until("the node says that it is not ready", async () => /ovsdb +failed/.test(await weirctl("status")));
    const d = n1().ovsDirectory;
    await startDaemon("ovsdb-server", [`${d}/conf.db`, `--remote=punix:${d}/db.sock`], "ovsdb");
    await until("the node is ready", isReady);
    assert.deepEqual(await flows(), before);
    await assertConnected();
  });

  it("repairs flows, routes, addresses and nftables rules that somebody removed, within a comparison", async () => {
    const before = await flows();
    await ofctl("del-flows", "table=70");
    await ofctl("add-flow", "table=70,priority=7,ip,nw_dst=9.9.9.9,actions=drop");
    await inNode("ip", "route", "del", "10.10.2.0/24");
    await inNode("nft", "delete", "table", "inet", "weir");
    // A restart compares at once what the running process would compare within a minute.
    await cluster.stop("n1", "SIGTERM");
    await cluster.restart("n1");
    assert.deepEqual(await flows(), before);
    await assertConnected();
  });

  it("makes the bridge again when somebody has deleted it", async () => {
    await vsctl("del-br", "br-weir");
    await until("the bridge is there", async () => (await vsctl("list-br")).includes("br-weir"));
    await until("the node is ready", isReady);
    assert.match(await weirctl("get", "pods", "-o", "json"), /^\[\]/);
  });

  async function startDaemon(program: string, argv: string[], name: string): Promise<void> {
    const d = n1().ovsDirectory;
    const env = ["RUNDIR", "LOGDIR", "DBDIR"].map((variable) => `OVS_${variable}=${d}`);
    const files = [`--pidfile=${d}/${name}.pid`, `--unixctl=${d}/${name}.ctl`, `--log-file=${d}/${name}.log`];
    await inNode("env", ...env, program, ...argv, ...files, "-vconsole:off", "--detach", "--no-chdir");
  }
});

function isAlive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}
