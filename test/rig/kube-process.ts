import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const PREFIX = "weir-kube-";

/** A folder whose name begins so belongs to a rig: sweepLeftovers knows it again. */
export const FOLDER_PREFIX = join(tmpdir(), PREFIX);

/** A program that writes to a log file and whose pid stands in a file, with its start time, for a later run to end it. */
export interface RigProcess {
  readonly pid: number;
  isRunning(): boolean;
  signal(name: NodeJS.Signals): void;
  readonly exited: Promise<void>;
}

export function startProcess(directory: string, name: string, program: string, argv: readonly string[]): RigProcess {
  const log = openSync(join(directory, `${name}.log`), "a");
  const child: ChildProcess = spawn(program, argv, { cwd: directory, stdio: ["ignore", log, log] });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${program} does not start`);
  writeFileSync(join(directory, `${name}.pid`), `${pid} ${startTime(pid)}`);
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  child.unref();
  return {
    pid,
    exited,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    signal: (signal) => void child.kill(signal),
  };
}

/** Marks a folder as in use by this process. */
export function claimFolder(directory: string): void {
  writeFileSync(join(directory, "owner"), `${process.pid} ${startTime(process.pid)}`);
}

/** Ends what rigs left behind whose own process is gone, and removes their folders. */
export function sweepLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(PREFIX)) continue;
    const directory = join(tmpdir(), name);
    const owner = join(directory, "owner");
    // Without an owner's file it is being made at this moment.
    if (!existsSync(owner) || livingPid(owner) !== undefined) continue;
    for (const file of readdirSync(directory)) {
      const pid = file.endsWith(".pid") ? livingPid(join(directory, file)) : undefined;
      if (pid !== undefined) process.kill(pid, "SIGKILL");
    }
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The pid in a file, if that very process still runs: pids are used again, start times with them are not. */
function livingPid(path: string): number | undefined {
  const [pid, start] = readFileSync(path, "utf8").split(" ");
  return start !== "" && start === startTime(Number(pid)) ? Number(pid) : undefined;
}

/** Field 22 of proc(5)'s stat, after the name, which may hold anything. */
function startTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}

/** Ports that are free now, on the loopback interface. */
export async function findFreePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  const ports: number[] = [];
  for (const server of servers) {
    if (!server.listening) await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address();
    if (address !== null && typeof address === "object") ports.push(address.port);
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Waits until `check` is so; fails with the end of a program's log when it dies or the bound is reached. */
export async function waitFor(
  what: string,
  program: RigProcess,
  log: string,
  check: () => Promise<boolean>,
  bound = 60_000,
): Promise<void> {
  const end = performance.now() + bound;
  while (!(await check().catch(() => false))) {
    if (program.isRunning() && performance.now() < end) {
      await sleep(20);
      continue;
    }
    const tail = readFileSync(log, "utf8").trimEnd().split("\n").slice(-10).join("\n");
    throw new Error(`${what} ${program.isRunning() ? "is not ready" : "ended"}:\n${tail}`);
  }
}
