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

/**
 * A node's namespace with an uplink to another namespace, the world outside. weir-gw0 is a bridge device here, with a veth
 * in it for a carrier: on a node Open vSwitch makes it.
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
    // A run that was killed leaves them.
    for (const netns of [rig.#node, rig.#world]) await exec("ip", ["netns", "delete", netns]).catch(() => {});
    await exec("ip", ["netns", "add", rig.#node]);
    await exec("ip", ["netns", "add", rig.#world]);
    await rig.inNode("ip", "link", "set", "lo", "up");
    await rig.inNode("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", rig.#world);
    await rig.inNode("ip", "link", "set", "eth0", "up");
    await rig.inNode("ip", "address", "add", "172.18.0.5/24", "dev", "eth0");
    await rig.inNode("ip", "address", "add", "fd18::5/64", "dev", "eth0", "nodad");
    await rig.inWorld("ip", "link", "set", "eth0", "up");
    await rig.inWorld("ip", "address", "add", "172.18.0.9/24", "dev", "eth0");
    return rig;
  }

  get #node(): string {
    return `${this.#prefix}-node`;
  }

  get #world(): string {
    return `${this.#prefix}-world`;
  }

  get stateDirectory(): string {
    return join(this.directory, "state");
  }

  /** As Open vSwitch does: an interface that is down, without addresses. One that has been up before shows no trace of it. */
  async addGateway(mtu = 1500): Promise<void> {
    await this.inNode("ip", "link", "add", "weir-gw0", "mtu", String(mtu), "type", "bridge");
    await this.inNode("ip", "link", "set", "weir-gw0", "up");
    await this.inNode("ip", "link", "set", "weir-gw0", "down");
    await this.inNode("ip", "link", "add", "port0", "mtu", String(mtu), "type", "veth", "peer", "name", "port1");
    await this.inNode("ip", "link", "set", "port1", "up");
    await this.inNode("ip", "link", "set", "port0", "master", "weir-gw0", "up");
  }

  async inNode(...argv: string[]): Promise<string> {
    return (await exec("ip", ["netns", "exec", this.#node, ...argv])).stdout;
  }

  async inWorld(...argv: string[]): Promise<string> {
    return (await exec("ip", ["netns", "exec", this.#world, ...argv])).stdout;
  }

  /** A process of its own in the node's namespace. */
  start(settings: HostSettings): HostProgram {
    const text = JSON.stringify({ ...settings, tunnel: "geneve", stateDirectory: this.stateDirectory });
    const program = new HostProgram(spawn("ip", ["netns", "exec", this.#node, process.execPath, PROGRAM, text]));
    this.#programs.push(program);
    return program;
  }

  async close(): Promise<void> {
    for (const program of this.#programs) await program.end();
    for (const netns of [this.#node, this.#world]) await exec("ip", ["netns", "delete", netns]);
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
