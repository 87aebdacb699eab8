/** A private ovsdb-server in a temporary folder, as a child of this process. Leftovers of crashed runs are swept first. */
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { connectOvsdb } from "#ovsdb/index.ts";
import { eventually } from "#test/ovsdb/support/eventually.ts";

export interface OvsdbProcess {
  readonly directory: string;
  /** "unix:.../db.sock" */
  readonly remote: string;
  readonly pid: number;
  signal(name: NodeJS.Signals): void;
  /** SIGKILL, waited for. */
  kill(): Promise<void>;
  /** Starts it again over the same database. */
  start(): Promise<void>;
  appctl(...argv: string[]): Promise<string>;
  /** The port of a remote `ptcp:0:...` or `pssl:0:...`. */
  port(): Promise<number>;
  /** Ends it and removes every trace. */
  close(): Promise<void>;
}

export interface OvsdbProcessOptions {
  /** Path of a schema; without it that of Open_vSwitch. */
  readonly schema?: string;
  /** Text of a schema. */
  readonly schemaText?: string;
  readonly argv?: readonly string[];
}

const exec = promisify(execFile);
const PREFIX = "weir-t-ovsdb-";
const SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema";

export async function startOvsdb(options: OvsdbProcessOptions = {}): Promise<OvsdbProcess> {
  sweep();
  const directory = mkdtempSync(join(tmpdir(), PREFIX));
  writeFileSync(join(directory, "owner.pid"), `${process.pid}`);
  let schema = options.schema ?? SCHEMA;
  if (options.schemaText !== undefined) {
    schema = join(directory, "test.ovsschema");
    writeFileSync(schema, options.schemaText);
  }
  execFileSync("ovsdb-tool", ["create", join(directory, "conf.db"), schema]);
  const server = new Server(directory, options.argv ?? []);
  await server.start();
  return server;
}

class Server implements OvsdbProcess {
  readonly directory: string;
  readonly remote: string;
  readonly #argv: readonly string[];
  #child: ChildProcess | undefined;

  constructor(directory: string, argv: readonly string[]) {
    this.directory = directory;
    this.remote = `unix:${join(directory, "db.sock")}`;
    this.#argv = argv;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  async start(): Promise<void> {
    const at = (name: string) => join(this.directory, name);
    const argv = [
      at("conf.db"),
      `--remote=punix:${at("db.sock")}`,
      `--pidfile=${at("ovsdb.pid")}`,
      `--unixctl=${at("ovsdb.ctl")}`,
      `--log-file=${at("ovsdb.log")}`,
      "-vconsole:off",
      "--no-chdir",
      ...this.#argv,
    ];
    this.#child = spawn("ovsdb-server", argv, { stdio: "ignore" });
    await eventually("ovsdb-server answers", async () => {
      const client = await connectOvsdb({ remote: this.remote });
      await client.echo();
      client.close();
    });
  }

  async appctl(...argv: string[]): Promise<string> {
    return (await exec("ovs-appctl", ["-t", join(this.directory, "ovsdb.ctl"), ...argv])).stdout;
  }

  async port(): Promise<number> {
    let port = 0;
    await eventually("it listens", () => {
      port = Number(/listening on port (\d+)/.exec(readFileSync(join(this.directory, "ovsdb.log"), "utf8"))?.[1] ?? 0);
      return port > 0;
    });
    return port;
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Ends servers whose test process is gone, known by the folder in their command line. */
function sweep(): void {
  for (const name of readdirSync(tmpdir())) {
    const directory = join(tmpdir(), name);
    if (!name.startsWith(PREFIX) || !existsSync(join(directory, "owner.pid"))) continue;
    if (isRunning(readPid(join(directory, "owner.pid")), "")) continue;
    const pid = readPid(join(directory, "ovsdb.pid"));
    if (isRunning(pid, directory)) process.kill(pid, "SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  }
}

function readPid(file: string): number {
  return existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
}

function isRunning(pid: number, inCommandLine: string): boolean {
  if (!(pid > 0) || !existsSync(`/proc/${pid}/cmdline`)) return false;
  return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(inCommandLine);
}
