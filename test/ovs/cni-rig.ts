import { type ChildProcess, execFile, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const exec = promisify(execFile);
const PROGRAM = join(import.meta.dirname, "cni-node.ts");
const SHIM = join(import.meta.dirname, "../../dist/weir-cni");

export interface Answer {
  readonly code: number;
  readonly output: string;
}

/** One node with its own Open vSwitch in a namespace, and pods as namespaces; the CNI executable is the way in. */
export class CniRig {
  readonly #prefix: string;
  readonly directory: string;
  readonly #pods = new Set<string>();
  #node: ChildProcess | undefined;

  private constructor(prefix: string, directory: string) {
    this.#prefix = prefix;
    this.directory = directory;
  }

  static async create(name: string): Promise<CniRig> {
    const prefix = `weir-t-${name}`;
    const { stdout } = await exec("ip", ["netns", "list"]);
    const old = stdout.split("\n").map((line) => line.split(" ")[0]!);
    for (const one of old.filter((netns) => netns.startsWith(`${prefix}-`))) await endNamespace(one);
    const rig = new CniRig(prefix, await mkdtemp(join(tmpdir(), `${prefix}-`)));
    try {
      await rig.#startSwitch();
    } catch (error) {
      await rig.close();
      throw error;
    }
    return rig;
  }

  get socket(): string {
    return join(this.directory, "cni.sock");
  }

  get nodeNetns(): string {
    return `${this.#prefix}-node`;
  }

  async #startSwitch(): Promise<void> {
    const d = this.directory;
    await exec("ip", ["netns", "add", this.nodeNetns]);
    await this.inNode("ip", "link", "set", "lo", "up");
    await exec("ovsdb-tool", ["create", `${d}/conf.db`, "/usr/share/openvswitch/vswitch.ovsschema"]);
    const common = (name: string) => [
      ...[`--pidfile=${d}/${name}.pid`, `--unixctl=${d}/${name}.ctl`, `--log-file=${d}/${name}.log`],
      ...["-vconsole:off", "--detach", "--no-chdir"],
    ];
    const env = ["env", `OVS_RUNDIR=${d}`, `OVS_LOGDIR=${d}`, `OVS_DBDIR=${d}`];
    await this.inNode(...env, "ovsdb-server", `${d}/conf.db`, `--remote=punix:${d}/db.sock`, ...common("ovsdb"));
    await this.vsctl("--no-wait", "init");
    await this.inNode(...env, "ovs-vswitchd", `unix:${d}/db.sock`, ...common("vswitchd"));
  }

  async inNode(...argv: string[]): Promise<string> {
    return (await exec("ip", ["netns", "exec", this.nodeNetns, ...argv])).stdout;
  }

  async vsctl(...argv: string[]): Promise<string> {
    return (await exec("ovs-vsctl", [`--db=unix:${this.directory}/db.sock`, ...argv])).stdout;
  }

  /** Starts the node process; resolves when it listens. */
  async startNode(cidrs: string, crashAt = "-"): Promise<void> {
    const argv = ["netns", "exec", this.nodeNetns, process.execPath, PROGRAM];
    const child = spawn("ip", [...argv, `${this.directory}/db.sock`, this.socket, cidrs, crashAt], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#node = child;
    await new Promise<void>((resolve, reject) => {
      child.stdout?.once("data", () => resolve());
      child.once("error", reject);
      child.once("exit", (code, signal) => reject(new Error(`the node process ended with ${signal ?? code}`)));
    });
  }

  /** Resolves when the node process is no more, by itself or by the signal given. */
  async nodeEnded(signal?: NodeJS.Signals): Promise<void> {
    const child = this.#node;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    if (signal !== undefined) child.kill(signal);
    await ended;
  }

  async addPod(name: string): Promise<string> {
    const netns = `${this.#prefix}-${name}`;
    await exec("ip", ["netns", "add", netns]);
    this.#pods.add(netns);
    return `/run/netns/${netns}`;
  }

  async removePod(name: string): Promise<void> {
    const netns = `${this.#prefix}-${name}`;
    this.#pods.delete(netns);
    await exec("ip", ["netns", "del", netns]);
  }

  /** Calls the executable for a pod as a runtime does. */
  call(
    command: string,
    name: string,
    config: Readonly<Record<string, unknown>> = {},
    env: Record<string, string> = {},
  ) {
    const environment = {
      CNI_COMMAND: command,
      CNI_CONTAINERID: `container-${name}`,
      CNI_NETNS: `/run/netns/${this.#prefix}-${name}`,
      CNI_IFNAME: "eth0",
      CNI_PATH: "/opt/cni/bin",
      CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=${name};K8S_POD_UID=uid-${name}`,
      WEIR_CNI_SOCKET: this.socket,
      ...env,
    };
    const input = JSON.stringify({ cniVersion: "1.1.0", name: "weir", type: "weir", ...config });
    return execute(environment, input);
  }

  /** The host's ends of pods' pairs. */
  async links(): Promise<string[]> {
    const text = await this.inNode("ip", "-j", "link", "show", "type", "veth");
    const list: { ifname: string }[] = JSON.parse(text.trim() || "[]");
    return list.map(({ ifname }) => ifname).sort();
  }

  /** The names of pods' rows. */
  async rows(): Promise<string[]> {
    const text = await this.vsctl("--bare", "--columns=name", "find", "Interface", "external_ids:weir=pod");
    return text.split("\n").filter(Boolean).sort();
  }

  async close(): Promise<void> {
    await this.nodeEnded("SIGKILL");
    for (const name of ["vswitchd", "ovsdb"]) end(join(this.directory, `${name}.pid`));
    for (const netns of [...this.#pods, this.nodeNetns]) await endNamespace(netns);
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Runs the CNI executable with just this environment. */
export function execute(env: Record<string, string>, input: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const child = spawn(SHIM, [], { env, stdio: ["pipe", "pipe", "inherit"] });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? -1, output }));
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}

function end(pidfile: string): void {
  try {
    process.kill(Number(readFileSync(pidfile, "utf8")), "SIGKILL");
  } catch {
    // It never started, or is gone.
  }
}

/** Whatever runs in a namespace of ours is ours: an earlier run, killed, leaves its daemons there. */
async function endNamespace(netns: string): Promise<void> {
  const pids = await exec("ip", ["netns", "pids", netns]).catch(() => ({ stdout: "" }));
  for (const pid of pids.stdout.split("\n").filter(Boolean)) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // It was quicker.
    }
  }
  await exec("ip", ["netns", "del", netns]).catch(() => {});
}
