import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, globSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
  /** Resolves when it has ended; at once if it had already. */
  end(signal: NodeJS.Signals): Promise<void>;
}

export function startProcess(directory: string, name: string, program: string, argv: readonly string[]): RigProcess {
  const log = openSync(join(directory, `${name}.log`), "a");
  const child: ChildProcess = spawn(program, argv, { cwd: directory, stdio: ["ignore", log, log] });
  closeSync(log);
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
    isRunning: () => child.exitCode === null && child.signalCode === null,
    end(signal) {
      // Whoever waits for the end is held by it.
      child.ref();
      child.kill(signal);
      return exited;
    },
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
    // Without an owner's file it is being made at this moment, or another run is removing it.
    if (!existsSync(owner) || livingPid(owner) !== undefined) continue;
    for (const file of globSync(join(directory, "*.pid"))) endProcess(file);
    rmSync(directory, { recursive: true, force: true });
  }
}

function endProcess(pidFile: string): void {
  const pid = livingPid(pidFile);
  if (pid === undefined) return;
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It was quicker.
  }
}

/** The pid in a file, if that very process still runs: pids are used again, start times with them are not. */
function livingPid(path: string): number | undefined {
  if (!existsSync(path)) return undefined;
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
