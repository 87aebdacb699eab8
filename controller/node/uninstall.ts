import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describeError, WeirError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { isServed } from "#controller/process/listening.ts";
import { GATEWAY_INTERFACE } from "#pipeline/layout/ports.ts";
import { createPodSide, removeConflist } from "./cni-server/index.ts";
import type { NodeConfig } from "./config.ts";
import { findProgram } from "./helper.ts";
import { uninstallHost } from "./host/index.ts";
import { createPortReplica, type PortReplica, removeBridge } from "./ports/index.ts";
import { readList, run } from "./system/commands.ts";

export class UninstallError extends WeirError {}

const DATABASE_PATIENCE = 3_000;
/** ovs-vswitchd needs some milliseconds; after this it is away, or in trouble. */
const SWITCH_PATIENCE = 2_000;

/**
 * `weir-node uninstall`: the host is as it was before Weir. Pods lose their network. Every step is tried, also when one before
 * it failed, save that the state is kept while something is still to be restored from it; a second call does what the first
 * could not.
 */
export async function uninstall(config: NodeConfig, log: Log): Promise<void> {
  if (await isServed(config.control.socket)) {
    const message = "weir-node runs on this node and would make everything anew; stop it first (delete the DaemonSet)";
    throw new UninstallError("E_UNINSTALL_RUNNING", message, { socket: config.control.socket });
  }
  const failures: string[] = [];
  for (const [what, step] of Object.entries(stepsOf(config, log))) {
    if (what === STATE && failures.some((failure) => failure.startsWith(HOST))) continue;
    try {
      await step();
      log.info(`removed ${what}`);
    } catch (error) {
      failures.push(`${what}: ${describeError(error)}`);
      log.error(`could not remove ${what}`, { error: describeError(error) });
    }
  }
  if (failures.length > 0)
    throw new UninstallError("E_UNINSTALL", `not everything was removed; run it again: ${failures.join("; ")}`, {
      failures,
    });
}

const HOST = "routes, addresses, sysctls and nftables rules";
const STATE = "sockets and state";

/** In this order: the runtime stops calling first, and the host's routes go before the interface that they lead to. */
function stepsOf(config: NodeConfig, log: Log): Readonly<Record<string, () => Promise<void>>> {
  const { cni, control, ovs, stateDirectory } = config;
  return {
    "the CNI configuration": () => removeConflist({ directory: cni.configDirectory, name: cni.configName }),
    [HOST]: () => uninstallHost({ stateDirectory }),
    "the bridge": () => removeFromDatabase(config, log),
    "pods' interfaces": () => removePodInterfaces(ovs.datapath),
    [STATE]: async () => {
      await Promise.all([cni.socket, control.socket].map((path) => rm(path, { force: true })));
      await removeFolder(stateDirectory);
    },
  };
}

async function removeFromDatabase({ ovs }: NodeConfig, log: Log): Promise<void> {
  const giveUp = AbortSignal.timeout(DATABASE_PATIENCE);
  const replica = createPortReplica({ remote: ovs.database, log, onBatch() {} });
  try {
    await replica.whenSynced(giveUp);
    await removeBridge(replica, ovs.bridge);
    await removeInterfaces(ownInterfaces(replica, [GATEWAY_INTERFACE, ovs.bridge]));
  } catch (error) {
    if (!giveUp.aborted) throw error;
    const message = `Open vSwitch's database ${ovs.database} does not answer; start it (systemctl start openvswitch-switch) and run this again`;
    throw new UninstallError("E_UNINSTALL_DATABASE", message, { database: ovs.database });
  } finally {
    replica.close();
  }
}

/** But for those that somebody else has in Open vSwitch under the same name. */
function ownInterfaces(replica: PortReplica, names: readonly string[]): readonly string[] {
  const rows = [...replica.tables.Interface.values()];
  return names.filter((name) => !rows.some((row) => row.name === name && !row.external_ids.has("weir")));
}

/**
 * ovs-vswitchd takes them away when it has read that the bridge is gone. When it is away itself, those of the datapath in user
 * space would outlive it, for without the bridge it does not know them any more.
 */
async function removeInterfaces(names: readonly string[]): Promise<void> {
  const deadline = performance.now() + SWITCH_PATIENCE;
  let kinds = await kindsOf(names);
  while (kinds.size > 0 && performance.now() < deadline) {
    await delay(20);
    kinds = await kindsOf(names);
  }
  for (const [name, kind] of kinds) {
    if (kind !== "tun") {
      const message = `the interface ${name} is there until ovs-vswitchd runs and removes it; start it and run this again`;
      throw new UninstallError("E_UNINSTALL", message, { interface: name, kind });
    }
    await run("ip", ["link", "delete", "dev", name]);
  }
}

/** Of those that are there: "tun" or "openvswitch", by datapath. */
async function kindsOf(names: readonly string[]): Promise<ReadonlyMap<string, unknown>> {
  const links = readList(await run("ip", ["-d", "-j", "link", "show"]));
  const ours = links.filter(({ ifname }) => names.includes(String(ifname)));
  return new Map(ours.map(({ ifname, linkinfo }) => [String(ifname), Reflect.get(Object(linkinfo), "info_kind")]));
}

/** What is in it goes first: a folder that is mounted, as in a container, cannot go itself. */
async function removeFolder(path: string): Promise<void> {
  const names = await readdir(path).catch(() => []);
  await Promise.all(names.map((name) => rm(join(path, name), { recursive: true, force: true })));
  await rm(path, { recursive: true, force: true }).catch((error: unknown) => {
    if (!(error instanceof Error && "code" in error && error.code === "EBUSY")) throw error;
  });
}

async function removePodInterfaces(datapath: "system" | "netdev"): Promise<void> {
  const podSide = createPodSide({ helper: findProgram("weir-netns"), datapath });
  for (const name of await podSide.list()) await podSide.unplug(name);
}
