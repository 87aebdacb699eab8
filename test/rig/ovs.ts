import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const exec = promisify(execFile);
const SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema";

type Daemon = "ovsdb" | "vswitchd";

/** A private Open vSwitch in a network namespace of its own. What a killed run left under the same name goes first. */
export class OvsRig {
  readonly netns: string;
  /** Open vSwitch's run directory. */
  readonly directory: string;

  private constructor(netns: string, directory: string) {
    this.netns = netns;
    this.directory = directory;
  }

  static async start(name: string): Promise<OvsRig> {
    const netns = `weir-t-${name}`;
    await endNamespace(netns);
    const rig = new OvsRig(netns, await mkdtemp(join(tmpdir(), `${netns}-`)));
    await exec("ip", ["netns", "add", netns]);
    await rig.inside("ip", "link", "set", "lo", "up");
    await exec("ovsdb-tool", ["create", join(rig.directory, "conf.db"), SCHEMA]);
    await rig.startDatabase();
    await rig.vsctl("--no-wait", "init");
    await rig.startSwitch();
    return rig;
  }

  get database(): string {
    return `unix:${this.directory}/db.sock`;
  }

  management(bridge: string): string {
    return `unix:${this.directory}/${bridge}.mgmt`;
  }

  async startDatabase(): Promise<void> {
    const d = this.directory;
    await this.#daemon("ovsdb-server", `${d}/conf.db`, `--remote=punix:${d}/db.sock`, ...this.#files("ovsdb"));
  }

  async startSwitch(): Promise<void> {
    await this.#daemon("ovs-vswitchd", this.database, ...this.#files("vswitchd"));
  }

  async kill(daemon: Daemon, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const pid = Number(readFileSync(join(this.directory, `${daemon}.pid`), "utf8"));
    process.kill(pid, signal);
    while (isAlive(pid)) await sleep(5);
  }

  async inside(...argv: string[]): Promise<string> {
    return (await exec("ip", ["netns", "exec", this.netns, ...argv], { maxBuffer: 256 << 20 })).stdout;
  }

  async vsctl(...argv: string[]): Promise<string> {
    return (await exec("ovs-vsctl", [`--db=${this.database}`, "--timeout=10", ...argv])).stdout;
  }

  async ofctl(...argv: string[]): Promise<string> {
    return (await exec("ovs-ofctl", ["-O", "OpenFlow15", ...argv], { maxBuffer: 256 << 20 })).stdout;
  }

  async appctl(...argv: string[]): Promise<string> {
    return (await exec("ovs-appctl", ["-t", join(this.directory, "vswitchd.ctl"), ...argv])).stdout;
  }

  /** A bridge of the userspace datapath that drops what no flow takes. */
  async addBridge(name: string): Promise<void> {
    await this.vsctl("add-br", name, "--", "set", "bridge", name, "datapath_type=netdev", "fail_mode=secure");
  }

  async close(): Promise<void> {
    await endNamespace(this.netns);
    await rm(this.directory, { recursive: true, force: true });
  }

  async #daemon(program: string, ...argv: string[]): Promise<void> {
    const env = ["RUNDIR", "LOGDIR", "DBDIR"].map((name) => `OVS_${name}=${this.directory}`);
    await this.inside("env", ...env, program, ...argv, "-vconsole:off", "--detach", "--no-chdir");
  }

  #files(daemon: Daemon): string[] {
    const file = join(this.directory, daemon);
    return [`--pidfile=${file}.pid`, `--unixctl=${file}.ctl`, `--log-file=${file}.log`];
  }
}

/** Whatever runs in a namespace of ours is ours: an earlier run, killed, leaves its daemons there. */
export async function endNamespace(netns: string): Promise<void> {
  const pids = await exec("ip", ["netns", "pids", netns]).catch(() => ({ stdout: "" }));
  const living = pids.stdout.split("\n").filter(Boolean).map(Number);
  for (const pid of living) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It was quicker.
    }
  }
  while (living.some(isAlive)) await sleep(5);
  await exec("ip", ["netns", "del", netns]).catch(() => {});
}

function isAlive(pid: number): boolean {
  try {
    // A dead child that nobody has waited for yet is dead.
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}
