import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { feed, ipBatch, shell } from "./shell.ts";

/**
 * Nodes as network namespaces around one namespace that is the wire and the world outside: a bridge with an address, to which
 * each node's eth0 leads. A node's eth0 is a port of its own Open vSwitch bridge br-phy, which holds the node's addresses:
 * in user space, tunnels leave through such a bridge only.
 *
 * Every namespace and folder begins with the fabric's name, and whatever runs in such a namespace is ours: that is how the
 * leftovers of a run that was killed are known.
 */
export interface Fabric {
  readonly name: string;
  readonly directory: string;
  readonly outside: { readonly netns: string; readonly addresses: Addresses };
  addNode(name: string, addresses: Addresses): Promise<FabricNode>;
  /** A namespace for a pod: nothing in it but a loopback device. */
  addNamespace(name: string): Promise<string>;
  removeNamespace(netns: string): Promise<void>;
  close(): Promise<void>;
}

export interface Addresses {
  readonly 4?: string;
  readonly 6?: string;
}

export interface FabricNode {
  readonly netns: string;
  /** Its own folder; Open vSwitch's sockets are in `ovs` below it. */
  readonly directory: string;
  readonly ovsDirectory: string;
  readonly vswitchd: number;
  remove(): Promise<void>;
}

const OUTSIDE: Addresses = { 4: "172.18.0.254", 6: "fd18::254" };
const SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema";
/** AF_PACKET sockets take the default at their birth, and the usual 200 kB lose a tenth of a fast stream. */
const RECEIVE_BUFFER = 16 << 20;
const RMEM = "/proc/sys/net/core/rmem_default";

export async function createFabric(name: string): Promise<Fabric> {
  const directory = `/run/${name}`;
  const owner = await readFile(join(directory, "owner"), "utf8").catch(() => "");
  if (owner !== "" && owner === describeProcess(owner.split(" ")[0]!))
    throw new Error(`another ${name} is running, process ${owner.split(" ")[0]}: end it first`);
  await sweepFabric(name);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "owner"), describeProcess(String(process.pid)));
  const before = (await readFile(RMEM, "utf8")).trim();
  if (Number(before) < RECEIVE_BUFFER) {
    await writeFile(join(directory, "rmem_default"), before);
    await writeFile(RMEM, String(RECEIVE_BUFFER));
  }
  const outside = `${name}-outside`;
  await shell("ip", "netns", "add", outside);
  await ipBatch(outside, [
    "link set lo up",
    "link add wire type bridge",
    "link set wire up",
    `address add ${OUTSIDE[4]}/24 dev wire`,
    `address add ${OUTSIDE[6]}/64 dev wire nodad`,
  ]);
  await shell("ip", "netns", "exec", outside, "ethtool", "-K", "wire", "tx", "off");
  let count = 0;
  return {
    name,
    directory,
    outside: { netns: outside, addresses: OUTSIDE },
    addNode: (node, addresses) => addNode(name, directory, outside, { name: node, index: ++count, addresses }),
    async addNamespace(pod) {
      const netns = `${name}-${pod}`;
      await shell("ip", "netns", "add", netns);
      await ipBatch(netns, ["link set lo up"]);
      return netns;
    },
    removeNamespace,
    close: () => sweepFabric(name),
  };
}

interface NodePlan {
  readonly name: string;
  readonly index: number;
  readonly addresses: Addresses;
}

async function addNode(fabric: string, root: string, outside: string, plan: NodePlan): Promise<FabricNode> {
  const netns = `${fabric}-${plan.name}`;
  const directory = join(root, plan.name);
  const ovsDirectory = join(directory, "ovs");
  await mkdir(ovsDirectory, { recursive: true });
  await shell("ip", "netns", "add", netns);
  await ipBatch(outside, [
    `link add n${plan.index} type veth peer name eth0 netns ${netns}`,
    `link set n${plan.index} master wire up`,
  ]);
  await ipBatch(netns, ["link set lo up", "link set eth0 up"]);
  await shell("ip", "netns", "exec", netns, "ethtool", "-K", "eth0", "tx", "off");
  await shell("ip", "netns", "exec", outside, "ethtool", "-K", `n${plan.index}`, "tx", "off");
  // The kernel hears the same frames as Open vSwitch does on eth0, and must answer none of them.
  const drop =
    "table netdev fabric { chain eth0 { type filter hook ingress device eth0 priority -500; policy drop; }\n}\n";
  await feed(["ip", "netns", "exec", netns, "nft", "-f", "-"], drop);
  await startSwitch(netns, ovsDirectory);
  await makeUplink(netns, ovsDirectory, plan);
  return {
    netns,
    directory,
    ovsDirectory,
    vswitchd: Number(await readFile(join(ovsDirectory, "vswitchd.pid"), "utf8")),
    async remove() {
      await removeNamespace(netns);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Its own database and daemon, as fresh as on the day that the distribution's package was installed. */
async function startSwitch(netns: string, d: string): Promise<void> {
  await shell("ovsdb-tool", "create", `${d}/conf.db`, SCHEMA);
  const common = ["-vconsole:off", "--detach", "--no-chdir"];
  const files = (name: string) => [
    `--pidfile=${d}/${name}.pid`,
    `--unixctl=${d}/${name}.ctl`,
    `--log-file=${d}/${name}.log`,
  ];
  const inside = ["ip", "netns", "exec", netns, "env", `OVS_RUNDIR=${d}`, `OVS_LOGDIR=${d}`, `OVS_DBDIR=${d}`];
  await shell(...inside, "ovsdb-server", `${d}/conf.db`, `--remote=punix:${d}/db.sock`, ...files("ovsdb"), ...common);
  await shell("ovs-vsctl", `--db=unix:${d}/db.sock`, "--no-wait", "init");
  await shell(...inside, "ovs-vswitchd", `unix:${d}/db.sock`, ...files("vswitchd"), ...common);
}

async function makeUplink(netns: string, d: string, { index, addresses }: NodePlan): Promise<void> {
  const mac = `02:18:00:00:00:${index.toString(16).padStart(2, "0")}`;
  const bridge = [
    "add-br",
    "br-phy",
    "--",
    "set",
    "bridge",
    "br-phy",
    "datapath_type=netdev",
    `other_config:hwaddr="${mac}"`,
  ];
  await shell("ovs-vsctl", `--db=unix:${d}/db.sock`, ...bridge, "--", "add-port", "br-phy", "eth0");
  const lines = ["link set br-phy up"];
  if (addresses[4] !== undefined)
    lines.push(`address add ${addresses[4]}/24 dev br-phy`, `route add default via ${OUTSIDE[4]}`);
  if (addresses[6] !== undefined)
    lines.push(`address add ${addresses[6]}/64 dev br-phy nodad`, `route add default via ${OUTSIDE[6]}`);
  await ipBatch(netns, lines);
  const forward = ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"];
  await shell("ip", "netns", "exec", netns, "sysctl", "-qw", ...forward);
}

async function removeNamespace(netns: string): Promise<void> {
  await endProcesses([netns]);
  await shell("ip", "netns", "del", netns);
}

/** Ends what an earlier run of this name left: processes in its namespaces, the namespaces, its folder, the buffer size. */
export async function sweepFabric(name: string): Promise<void> {
  // Whoever is still at work in it, in the same process even, may remove a namespace meanwhile, or add one.
  for (let left = await listNamespaces(name); left.length > 0; left = await listNamespaces(name)) {
    await endProcesses(left);
    await Promise.all(left.map((netns) => shell("ip", "netns", "del", netns).catch(ignoreAbsence(netns))));
  }
  const before = await readFile(`/run/${name}/rmem_default`, "utf8").catch(() => undefined);
  if (before !== undefined) await writeFile(RMEM, before);
  await rm(`/run/${name}`, { recursive: true, force: true });
}

async function listNamespaces(fabric: string): Promise<string[]> {
  const listed = await shell("ip", "netns", "list");
  const names = listed.split("\n").map((line) => line.split(" ")[0]!);
  return names.filter((netns) => netns.startsWith(`${fabric}-`));
}

function ignoreAbsence(netns: string): (error: unknown) => void {
  return (error) => {
    if (existsSync(`/run/netns/${netns}`)) throw error;
  };
}

async function endProcesses(namespaces: readonly string[]): Promise<void> {
  const own = new Set((await Promise.all(namespaces.map(identify))).filter((id) => id !== undefined));
  if (own.size === 0) return;
  const ours = new Set<string>();
  for (let attempt = 0; attempt < 200; attempt++) {
    for (const pid of readdirSync("/proc")) if (/^\d+$/.test(pid) && own.has(namespaceOf(pid))) ours.add(pid);
    // One that is ending is in no namespace any more, and still there.
    const living = [...ours].filter(isAlive);
    if (living.length === 0) return;
    if (attempt % 50 === 0) for (const pid of living) signal(Number(pid), attempt === 0 ? "SIGTERM" : "SIGKILL");
    await sleep(10);
  }
}

/** A process belongs to a namespace if its link says the namespace's inode. */
async function identify(netns: string): Promise<string | undefined> {
  const text = await shell("stat", "-L", "-c", "%i", `/run/netns/${netns}`).catch(() => "");
  return text === "" ? undefined : `net:[${text.trim()}]`;
}

/** A pid and its start time: a pid alone may be somebody else's by now. */
function describeProcess(pid: string): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return `${pid} ${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]}`;
  } catch {
    return "";
  }
}

function namespaceOf(pid: string): string {
  try {
    return isAlive(pid) ? readlinkSync(`/proc/${pid}/ns/net`) : "";
  } catch {
    return "";
  }
}

/** A dead child that nobody has waited for yet is dead. */
function isAlive(pid: string): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It was quicker.
  }
}
