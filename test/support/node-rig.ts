import { execFile } from "node:child_process";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { stringify } from "yaml";
import { type Outcome, weirctl } from "#test/cli/run.ts";
import { nodeManifest } from "#test/support/cluster.ts";
import { createFabric, type Fabric, type FabricNode } from "../../demo/fabric.ts";
import { type NodePaths, startWeirNode, type WeirNode } from "../../demo/weir-node.ts";
import { type Answer, execute } from "../ovs/cni-rig.ts";

const exec = promisify(execFile);
const ROOT = join(import.meta.dirname, "../..");

export interface NodeRigOptions {
  readonly podCidrs?: readonly string[];
  readonly compareInterval?: number;
  /** The section `names` of the configuration. */
  readonly names?: Readonly<Record<string, unknown>>;
}

export interface Ended {
  readonly code: number;
  /** What it wrote, stdout and stderr. */
  readonly output: string;
}

type Daemon = "ovsdb" | "vswitchd";

/**
 * One machine of a fabric with its own Open vSwitch, the real node process on a folder of manifests, and pods as namespaces
 * that the real CNI executable plugs in. The node process is started by the test, so that it can look at the machine before.
 */
export class NodeRig {
  readonly fabric: Fabric;
  readonly machine: FabricNode;
  /** The folder that the node watches. */
  readonly manifests: string;
  readonly program = join(ROOT, "bin/weir-node");
  readonly #options: NodeRigOptions;
  #weir: WeirNode | undefined;

  private constructor(fabric: Fabric, machine: FabricNode, manifests: string, options: NodeRigOptions) {
    this.fabric = fabric;
    this.machine = machine;
    this.manifests = manifests;
    this.#options = options;
  }

  static async create(name: string, options: NodeRigOptions = {}): Promise<NodeRig> {
    const fabric = await createFabric(`weir-t-${name}`);
    try {
      const machine = await fabric.addNode("n1", { 4: "172.18.0.1", 6: "fd18::1" });
      const manifests = join(fabric.directory, "manifests");
      await exec("mkdir", ["-p", manifests]);
      const rig = new NodeRig(fabric, machine, manifests, options);
      const { podCidrs = ["10.10.1.0/24", "fd10:10:1::/64"] } = options;
      await rig.write("node.yaml", [{ ...nodeManifest("n1", 1, [4, 6], [4, 6]), spec: { podCIDRs: podCidrs } }]);
      return rig;
    } catch (error) {
      await fabric.close();
      throw error;
    }
  }

  get paths(): NodePaths {
    if (this.#weir === undefined) throw new Error("the node has not been started yet");
    return this.#weir.paths;
  }

  get pid(): number {
    return this.#weir?.pid ?? 0;
  }

  /** Starts the node process without waiting for anything. */
  async spawn(): Promise<WeirNode> {
    const { machine, manifests } = this;
    const { compareInterval, names } = this.#options;
    this.#weir = await startWeirNode({
      ...{ name: "n1", ...machine, source: { manifests } },
      ...(compareInterval !== undefined && { compareInterval }),
      ...(names !== undefined && { names }),
    });
    return this.#weir;
  }

  /** Resolves when pods can be plugged in. */
  async start(): Promise<void> {
    await (await this.spawn()).whenReady(20_000);
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    await this.#weir?.stop(signal);
  }

  /** Runs `weir-node COMMAND` beside, with the configuration of the node. */
  weirNode(command: string): Promise<Ended> {
    return run(["ip", "netns", "exec", this.machine.netns, this.program, command, "--config", this.paths.config]);
  }

  write(file: string, content: readonly object[] | string): Promise<void> {
    const text = typeof content === "string" ? content : content.map((object) => stringify(object)).join("---\n");
    return writeFile(join(this.manifests, file), text);
  }

  /** For the node there is no such folder until it is shown again. */
  hideManifests(): Promise<void> {
    return rename(this.manifests, `${this.manifests}.hidden`);
  }

  showManifests(): Promise<void> {
    return rename(`${this.manifests}.hidden`, this.manifests);
  }

  addPod(name: string): Promise<string> {
    return this.fabric.addNamespace(name);
  }

  async removePod(name: string): Promise<void> {
    await this.fabric.removeNamespace(`${this.fabric.name}-${name}`);
  }

  /** Calls the executable as a runtime does. */
  cni(
    command: string,
    pod: string,
    config: Readonly<Record<string, unknown>> = {},
    env: Record<string, string> = {},
  ): Promise<Answer> {
    const environment = {
      PATH: process.env["PATH"] ?? "",
      CNI_COMMAND: command,
      CNI_CONTAINERID: `container-${pod}`,
      CNI_NETNS: `/run/netns/${this.fabric.name}-${pod}`,
      CNI_IFNAME: "eth0",
      CNI_PATH: "/opt/cni/bin",
      CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=${pod};K8S_POD_UID=uid-${pod}`,
      WEIR_CNI_SOCKET: this.paths.cniSocket,
      ...env,
    };
    return execute(environment, JSON.stringify({ cniVersion: "1.1.0", name: "weir", type: "weir", ...config }));
  }

  async inNode(...argv: string[]): Promise<string> {
    return (await exec("ip", ["netns", "exec", this.machine.netns, ...argv], { maxBuffer: 64 << 20 })).stdout;
  }

  async inPod(pod: string, ...argv: string[]): Promise<string> {
    return (await exec("ip", ["netns", "exec", `${this.fabric.name}-${pod}`, ...argv])).stdout;
  }

  /** How many of `count` pings, ten milliseconds apart, were answered. */
  async ping(pod: string, address: string, count = 1): Promise<number> {
    const argv = ["ping", "-n", "-q", "-i", "0.01", "-W", "2", "-c", String(count), address];
    const { output } = await run(["ip", "netns", "exec", `${this.fabric.name}-${pod}`, ...argv]);
    return Number(/(\d+) received/.exec(output)?.[1]);
  }

  async vsctl(...argv: string[]): Promise<string> {
    return (await exec("ovs-vsctl", [`--db=unix:${this.machine.ovsDirectory}/db.sock`, ...argv])).stdout;
  }

  ofctl(command: string, ...argv: string[]): Promise<string> {
    return this.ofctlOf("br-weir", command, ...argv);
  }

  async ofctlOf(bridge: string, command: string, ...argv: string[]): Promise<string> {
    const socket = `unix:${this.machine.ovsDirectory}/${bridge}.mgmt`;
    const version = bridge === "br-weir" ? ["-O", "OpenFlow15"] : [];
    return (await exec("ovs-ofctl", [...version, command, socket, ...argv], { maxBuffer: 64 << 20 })).stdout;
  }

  /** The live table as ovs-ofctl prints it, without counters, sorted. */
  async flows(): Promise<string[]> {
    const text = await this.ofctl("dump-flows", "--no-stats");
    return text
      .split("\n")
      .filter((line) => line.includes("actions="))
      .sort();
  }

  weirctl(argv: readonly string[], input = ""): Promise<Outcome> {
    return weirctl([...argv, "--socket", this.paths.controlSocket], input);
  }

  /** Asks the node's own address for probes and metrics: "503 [-]switch failed: ...". */
  async http(path: string): Promise<string> {
    const { output } = await run([
      ...["ip", "netns", "exec", this.machine.netns, "curl", "-s", "-w", "\n%{http_code}"],
      `http://127.0.0.1:10350${path}`,
    ]);
    const at = output.lastIndexOf("\n");
    return `${output.slice(at + 1)} ${output.slice(0, at)}`;
  }

  /** The names of pods' rows, and of the host's ends of their pairs. */
  async traces(): Promise<{ readonly rows: string[]; readonly links: string[] }> {
    const rows = await this.vsctl("--bare", "--columns=name", "find", "Interface", "external_ids:weir=pod");
    const links: { ifname: string }[] = JSON.parse((await this.inNode("ip", "-j", "link", "show")).trim() || "[]");
    const names = links.map(({ ifname }) => ifname).filter((name) => /^weir[0-9a-f]{11}$/.test(name));
    return { rows: rows.split("\n").filter(Boolean).sort(), links: names.sort() };
  }

  /** SIGKILL; resolves when it is gone. */
  async killDaemon(daemon: Daemon): Promise<void> {
    const pid = Number(await readFile(join(this.machine.ovsDirectory, `${daemon}.pid`), "utf8"));
    process.kill(pid, "SIGKILL");
    while (await isAlive(pid)) await sleep(5);
  }

  async startDaemon(daemon: Daemon): Promise<void> {
    const d = this.machine.ovsDirectory;
    const env = ["RUNDIR", "LOGDIR", "DBDIR"].map((variable) => `OVS_${variable}=${d}`);
    const files = [`--pidfile=${d}/${daemon}.pid`, `--unixctl=${d}/${daemon}.ctl`, `--log-file=${d}/${daemon}.log`];
    const program =
      daemon === "ovsdb"
        ? ["ovsdb-server", `${d}/conf.db`, `--remote=punix:${d}/db.sock`]
        : ["ovs-vswitchd", `unix:${d}/db.sock`];
    await this.inNode("env", ...env, ...program, ...files, "-vconsole:off", "--detach", "--no-chdir");
  }

  async close(): Promise<void> {
    await this.stop("SIGKILL");
    await this.fabric.close();
  }
}

/** Runs a program to its end, whatever that is. */
export function run(argv: readonly string[]): Promise<Ended> {
  const [file = "", ...rest] = argv;
  return new Promise((resolve) =>
    execFile(file, rest, { maxBuffer: 64 << 20 }, (error, output, complaint) => {
      const code = error === null ? 0 : Number(error.code ?? -1);
      resolve({ code, output: `${output}${complaint}` });
    }),
  );
}

async function isAlive(pid: number): Promise<boolean> {
  return readFile(`/proc/${pid}/stat`, "utf8").then(
    (stat) => !stat.includes(") Z "),
    () => false,
  );
}
