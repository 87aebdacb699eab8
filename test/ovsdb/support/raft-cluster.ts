/** A clustered database: ovsdb-servers that speak Raft with each other over unix sockets in one temporary folder. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { connectOvsdb } from "#ovsdb/index.ts";
import { eventually } from "#test/ovsdb/support/eventually.ts";

const exec = promisify(execFile);
const PREFIX = "weir-t-raft-";

export interface RaftMember {
  /** "unix:.../1.sock" */
  readonly remote: string;
  /** Its database, or what it relays. */
  readonly file: string;
  start(): Promise<void>;
  /** SIGKILL, waited for. */
  kill(): Promise<void>;
  appctl(...argv: string[]): Promise<string>;
}

export interface RaftCluster {
  readonly members: readonly RaftMember[];
  /** All, with commas. */
  readonly remote: string;
  /** The member that leads, once there is one. */
  leader(): Promise<RaftMember>;
  /** A server that has nothing of its own; returns its remote. */
  startRelay(): Promise<string>;
  close(): Promise<void>;
}

export async function startCluster(schema: { readonly name: string }, size = 3): Promise<RaftCluster> {
  sweep();
  const directory = mkdtempSync(join(tmpdir(), PREFIX));
  writeFileSync(join(directory, "owner.pid"), `${process.pid}`);
  writeFileSync(join(directory, "schema"), JSON.stringify(schema));
  const members = Array.from({ length: size }, (_, i) => new Member(directory, i + 1, schema.name));
  const relays: Member[] = [];
  const [first, ...others] = members;
  await exec("ovsdb-tool", ["create-cluster", first!.file, join(directory, "schema"), first!.raft]);
  await first!.start();
  for (const member of others) {
    await exec("ovsdb-tool", ["join-cluster", member.file, schema.name, member.raft, first!.raft]);
    await member.start();
  }
  return {
    members,
    remote: members.map(({ remote }) => remote).join(),
    async leader() {
      let found: RaftMember | undefined;
      await eventually("there is a leader", async () => {
        for (const member of members) if (await member.leads()) found = member;
        return found !== undefined;
      });
      return found!;
    },
    async startRelay() {
      const source = `relay:${schema.name}:${members.map(({ remote }) => remote).join()}`;
      const relay = new Member(directory, members.length + relays.length + 1, schema.name, source);
      relays.push(relay);
      await relay.start();
      return relay.remote;
    },
    async close() {
      await Promise.all([...members, ...relays].map((member) => member.kill()));
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

class Member implements RaftMember {
  readonly remote: string;
  readonly raft: string;
  readonly file: string;
  readonly #at: (name: string) => string;
  readonly #database: string;
  #child: ChildProcess | undefined;

  constructor(directory: string, index: number, database: string, source?: string) {
    this.#at = (name) => join(directory, `${index}.${name}`);
    this.remote = `unix:${this.#at("sock")}`;
    this.raft = `unix:${this.#at("raft")}`;
    this.file = source ?? this.#at("db");
    this.#database = database;
  }

  async start(): Promise<void> {
    const at = this.#at;
    const files = [`--pidfile=${at("pid")}`, `--unixctl=${at("ctl")}`, `--log-file=${at("log")}`];
    const argv = [this.file, `--remote=p${this.remote}`, ...files, "-vconsole:off", "--no-chdir"];
    this.#child = spawn("ovsdb-server", argv, { stdio: "ignore" });
    await eventually("ovsdb-server answers", async () => {
      (await connectOvsdb({ remote: this.remote })).close();
    });
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  async leads(): Promise<boolean> {
    if (this.#child === undefined) return false;
    return /^Role: leader$/m.test(await this.appctl("cluster/status", this.#database));
  }

  async appctl(...argv: string[]): Promise<string> {
    return (await exec("ovs-appctl", ["-t", this.#at("ctl"), ...argv])).stdout;
  }
}

/** Ends what a run that died has left, known by the folder in the command lines. */
function sweep(): void {
  for (const name of readdirSync(tmpdir())) {
    const directory = join(tmpdir(), name);
    if (!name.startsWith(PREFIX) || !existsSync(join(directory, "owner.pid"))) continue;
    if (commandLine(join(directory, "owner.pid")) !== undefined) continue;
    for (const file of readdirSync(directory).filter((one) => one.endsWith(".pid"))) {
      const line = commandLine(join(directory, file));
      if (line?.includes(directory)) process.kill(Number(readFileSync(join(directory, file), "utf8")), "SIGKILL");
    }
    rmSync(directory, { recursive: true, force: true });
  }
}

function commandLine(pidFile: string): string | undefined {
  const path = `/proc/${Number(readFileSync(pidFile, "utf8"))}/cmdline`;
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}
