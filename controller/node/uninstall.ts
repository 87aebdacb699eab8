import { rm } from "node:fs/promises";
import { describeError, WeirError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { createPodSide, removeConflist } from "./cni-server/index.ts";
import type { NodeConfig } from "./config.ts";
import { findHelper } from "./helper.ts";
import { uninstallHost } from "./host/index.ts";
import { isServed } from "./http/listening.ts";
import { createPortReplica, removeBridge } from "./ports/index.ts";

export class UninstallError extends WeirError {}

const DATABASE_PATIENCE = 10_000;

/**
 * `weir-node uninstall`: the host is as it was before Weir. Pods lose their network. Every step is tried, also when one before
 * it failed; a second call does what the first could not.
 */
export async function uninstall(config: NodeConfig, log: Log): Promise<void> {
  if (await isServed(config.control.socket)) {
    const message = "weir-node runs on this node and would make everything anew; stop it first (delete the DaemonSet)";
    throw new UninstallError("E_UNINSTALL_RUNNING", message, { socket: config.control.socket });
  }
  const failures: string[] = [];
  for (const [what, step] of Object.entries(stepsOf(config, log))) {
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

/** In this order: the runtime stops calling first, and the host's routes go before the interface that they lead to. */
function stepsOf(config: NodeConfig, log: Log): Readonly<Record<string, () => Promise<void>>> {
  const { cni, control, ovs, stateDirectory } = config;
  return {
    "the CNI configuration": () => removeConflist({ directory: cni.configDirectory, name: cni.configName }),
    "routes, addresses, sysctls and nftables rules": () => uninstallHost({ stateDirectory }),
    "the bridge": () => removeFromDatabase(config, log),
    "pods' interfaces": () => removePodInterfaces(ovs.datapath),
    "sockets and state": async () => {
      await Promise.all([cni.socket, control.socket].map((path) => rm(path, { force: true })));
      await rm(stateDirectory, { recursive: true, force: true });
    },
  };
}

async function removeFromDatabase({ ovs }: NodeConfig, log: Log): Promise<void> {
  const giveUp = AbortSignal.timeout(DATABASE_PATIENCE);
  const replica = createPortReplica({ remote: ovs.database, log, onBatch() {} });
  try {
    await replica.whenSynced(giveUp);
    await removeBridge(replica, ovs.bridge);
  } catch (error) {
    if (!giveUp.aborted) throw error;
    throw new UninstallError("E_UNINSTALL_DATABASE", `Open vSwitch's database ${ovs.database} does not answer`, {});
  } finally {
    replica.close();
  }
}

async function removePodInterfaces(datapath: "system" | "netdev"): Promise<void> {
  const podSide = createPodSide({ helper: findHelper(), datapath });
  for (const name of await podSide.list()) await podSide.unplug(name);
}
