import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "yaml";

const REPOSITORY = dirname(import.meta.dirname);

export interface WeirNodeOptions {
  readonly name: string;
  /** The node's network namespace, with Open vSwitch running in it. */
  readonly netns: string;
  /** Open vSwitch's run directory, with db.sock in it. */
  readonly ovsDirectory: string;
  /** Sockets, logs and the CNI configuration go here. */
  readonly directory: string;
  readonly source: { readonly manifests: string } | { readonly kubernetes: { readonly kubeconfig: string } };
  readonly traffic?: Readonly<Record<string, unknown>>;
  /** Sections of the configuration. */
  readonly policies?: Readonly<Record<string, unknown>>;
  readonly names?: Readonly<Record<string, unknown>>;
  /** Seconds between comparisons; the node's default unless it is given. */
  readonly compareInterval?: number;
  /** The program to run instead of the checkout's, such as a bundle. */
  readonly program?: string;
}

export interface WeirNode {
  readonly pid: number;
  readonly paths: NodePaths;
  /** Resolves when the CNI configuration stands: the node process writes it last of all. Rejects when the process ends. */
  whenReady(patience: number): Promise<void>;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface NodePaths {
  readonly config: string;
  readonly log: string;
  readonly cniSocket: string;
  readonly controlSocket: string;
  readonly conflist: string;
}

/** Runs a Weir node process inside a node's network namespace, as a DaemonSet's container would. */
export async function startWeirNode(options: WeirNodeOptions): Promise<WeirNode> {
  const paths = await writeConfig(options);
  const log = openSync(paths.log, "a");
  const program =
    options.program === undefined ? [join(REPOSITORY, "bin/weir-node")] : [process.execPath, options.program];
  // Detached: Ctrl-C at the terminal reaches the demonstration alone, which then ends its children in order.
  const child = spawn("ip", ["netns", "exec", options.netns, ...program, "run", "--config", paths.config], {
    stdio: ["ignore", log, log],
    detached: true,
  });
  closeSync(log);
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(`ended with ${signal ?? code}`));
  });
  return {
    pid: child.pid ?? 0,
    paths,
    whenReady: (patience) => whenReady(options.name, paths, ended, patience),
    stop: (signal = "SIGTERM") => stop(child, ended, signal),
  };
}

async function writeConfig(options: WeirNodeOptions): Promise<NodePaths> {
  const { name, directory, ovsDirectory, source, compareInterval, traffic = {}, policies = {}, names = {} } = options;
  const paths = {
    config: join(directory, "weir.yaml"),
    log: join(directory, "weir.log"),
    cniSocket: join(directory, "cni.sock"),
    controlSocket: join(directory, "control.sock"),
    conflist: join(directory, "net.d", "10-weir.conflist"),
  };
  await mkdir(join(directory, "net.d"), { recursive: true });
  await rm(paths.conflist, { force: true });
  const config = {
    nodeName: name,
    source,
    ovs: {
      ...{ database: `unix:${ovsDirectory}/db.sock`, runDirectory: ovsDirectory, datapath: "netdev" },
      controlSocket: join(ovsDirectory, "vswitchd.ctl"),
    },
    ...{ traffic, policies, names },
    cni: { socket: paths.cniSocket, configDirectory: join(directory, "net.d") },
    control: { socket: paths.controlSocket },
    stateDirectory: join(directory, "state"),
    ...(compareInterval !== undefined && { compareInterval }),
  };
  await writeFile(paths.config, stringify(config));
  return paths;
}

async function whenReady(name: string, paths: NodePaths, ended: Promise<string>, patience: number): Promise<void> {
  const deadline = performance.now() + patience;
  let reason: string | undefined;
  void ended.then((text) => {
    reason = text;
  });
  while (performance.now() < deadline) {
    if (reason !== undefined) throw new Error(`weir-node ${name} ${reason}; its log's end:\n${await tail(paths.log)}`);
    if ((await readFile(paths.conflist, "utf8").catch(() => "")) !== "") return;
    await sleep(5);
  }
  throw new Error(
    `weir-node ${name} was not ready within ${patience / 1000} s; its log's end:\n${await tail(paths.log)}`,
  );
}

async function tail(path: string): Promise<string> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.trimEnd().split("\n").slice(-15).join("\n");
}

async function stop(child: ChildProcess, ended: Promise<string>, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
  await ended;
  clearTimeout(timer);
}
