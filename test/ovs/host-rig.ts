import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import type { HostOptions } from "#controller/node/host/index.ts";

const exec = promisify(execFile);
const PROGRAM = join(import.meta.dirname, "host-program.ts");

export interface HostSettings {
  readonly datapath: HostOptions["datapath"];
  readonly encapsulation: HostOptions["encapsulation"];
  readonly masquerade: boolean;
  readonly mtu: number;
  readonly transportInterface?: string;
}

const ROLES = ["node", "world", "pod"] as const;
type Role = (typeof ROLES)[number];

/**
 * A node's namespace with an uplink to another one, the world outside, and a pod's. weir-gw0 is a bridge device here, with
 * the pod behind it: on a node Open vSwitch makes it.
 */
export class HostRig {
  readonly #prefix: string;
  readonly directory: string;
  readonly #programs: HostProgram[] = [];

  private constructor(prefix: string, directory: string) {
    this.#prefix = prefix;
    this.directory = directory;
  }

  static async create(name: string): Promise<HostRig> {
    const prefix = `weir-t-host-${name}`;
    const rig = new HostRig(prefix, await mkdtemp(join(tmpdir(), `${prefix}-`)));
    for (const role of ROLES) {
      // A run that was killed leaves them.
      await exec("ip", ["netns", "delete", rig.#netns(role)]).catch(() => {});
      await exec("ip", ["netns", "add", rig.#netns(role)]);
      await rig.#in(role, ["ip", "link", "set", "lo", "up"]);
    }
    await rig.inNode("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", rig.#netns("world"));
    // No search for duplicates: its second or two would pass before anything can be sent.
    await rig.inNode("sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=0");
    await rig.inWorld("sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=0");
    await rig.inNode("ip", "link", "set", "eth0", "up");
    await rig.inNode("ip", "address", "add", "172.18.0.5/24", "dev", "eth0");
    await rig.inNode("ip", "address", "add", "fd18::5/64", "dev", "eth0", "nodad");
    await rig.inWorld("ip", "link", "set", "eth0", "up");
    return rig;
  }

  get stateDirectory(): string {
    return join(this.directory, "state");
  }

  /** As Open vSwitch does: an interface that is down, without addresses. One that has been up before shows no trace of it. */
  async addGateway(mtu = 1500): Promise<void> {
    await this.inNode("ip", "link", "add", "weir-gw0", "mtu", String(mtu), "type", "bridge");
    await this.inNode("ip", "link", "set", "weir-gw0", "up");
    await this.inNode("ip", "link", "set", "weir-gw0", "down");
    await this.addPodInterface("port0");
    await this.inNode("ip", "link", "set", "port0", "master", "weir-gw0", "mtu", String(mtu));
  }

  /** The host's end is up, the pod's is called eth0. */
  async addPodInterface(name: string): Promise<void> {
    await this.inNode("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", this.#netns("pod"));
    await this.inNode("sysctl", "-qw", `net.ipv6.conf.${name}.accept_dad=0`);
    await this.inNode("ip", "link", "set", name, "up");
    await this.inPod("sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=0");
    await this.inPod("ip", "link", "set", "eth0", "up");
  }

  inNode(...argv: string[]): Promise<string> {
    return this.#in("node", argv);
  }

  inWorld(...argv: string[]): Promise<string> {
    return this.#in("world", argv);
  }

  inPod(...argv: string[]): Promise<string> {
    return this.#in("pod", argv);
  }

  spawnInWorld(...argv: string[]): ChildProcess {
    return spawn("ip", ["netns", "exec", this.#netns("world"), ...argv], { stdio: ["ignore", "pipe", "inherit"] });
  }

  async pidsInNode(): Promise<number[]> {
    const { stdout } = await exec("ip", ["netns", "pids", this.#netns("node")]);
    return stdout.split("\n").filter(Boolean).map(Number);
  }

  async #in(role: Role, argv: readonly string[]): Promise<string> {
    return (await exec("ip", ["netns", "exec", this.#netns(role), ...argv])).stdout;
  }

  #netns(role: Role): string {
    return `${this.#prefix}-${role}`;
  }

  /** A process of its own in the node's namespace. */
  start(settings: HostSettings): HostProgram {
    const text = JSON.stringify({
      nodePortAddresses: [],
      ...settings,
      tunnel: "geneve",
      stateDirectory: this.stateDirectory,
    });
    const program = new HostProgram(
      spawn("ip", ["netns", "exec", this.#netns("node"), process.execPath, PROGRAM, text]),
    );
    this.#programs.push(program);
    return program;
  }

  async close(): Promise<void> {
    for (const program of this.#programs) await program.end();
    for (const role of ROLES) await exec("ip", ["netns", "delete", this.#netns(role)]);
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Lines of JSON in, lines of JSON out. */
export class HostProgram {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<void>;

  constructor(child: ChildProcess & { stdout: NodeJS.ReadableStream; stderr: NodeJS.ReadableStream }) {
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    this.#ended = new Promise((resolve) => child.once("close", () => resolve()));
    child.stderr.pipe(process.stderr);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async ask(request: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> {
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    return this.next();
  }

  /** The next line that it says. */
  async next(): Promise<Record<string, unknown>> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("the program ended");
    return JSON.parse(value);
  }

  async end(signal?: NodeJS.Signals): Promise<void> {
    if (signal === undefined) this.#child.stdin?.end();
    else this.#child.kill(signal);
    await this.#ended;
  }
}
