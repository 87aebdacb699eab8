import type { Log } from "#base/log.ts";
import { podNetworks } from "#pipeline/model/pod-networks.ts";
import { CniError, type CniServer, createPodSide, Plugger, startCniServer, writeConflist } from "./cni-server/index.ts";
import type { NodeConfig } from "./config.ts";
import { findProgram } from "./helper.ts";
import type { Metrics } from "./http/metrics.ts";
import type { Parts } from "./parts.ts";

/** Plugging pods in and out, offered to the container runtime once the node's network is there. */
export interface PodService {
  /** Listens, then writes the CNI configuration; the first call counts. */
  open(): Promise<void>;
  /** Why pods cannot be plugged in; undefined when they can. */
  fault(): string | undefined;
  /** Resolves when the calls in progress are answered. The CNI configuration stays: a restart must not take the node down. */
  close(): Promise<void>;
}

export function createPodService(config: NodeConfig, parts: Parts, metrics: Metrics, log: Log): PodService {
  const { replica, readiness } = parts;
  const plugger = new Plugger({
    ...{ replica, readiness, log },
    podSide: createPodSide({ helper: findProgram("weir-netns"), datapath: config.ovs.datapath }),
    bridge: config.ovs.bridge,
    mtu() {
      const mtu = parts.podMtu();
      if (mtu === undefined)
        throw new CniError("tryAgain", "the MTU of pods is not known yet", "no interface holds the node's InternalIP");
      return mtu;
    },
    podCidrs: () => podNetworks(parts.self()),
    switchFault: () =>
      parts.bridgeSwitch.isReady ? undefined : "the switch is away, or its flows have not been compared since",
  });
  let opening: Promise<CniServer> | undefined;
  let open = false;

  async function start(): Promise<CniServer> {
    const { socket, configDirectory, configName } = config.cni;
    const server = await startCniServer({ socket, plugger, log, onCall: metrics.observeCni });
    await writeConflist({ directory: configDirectory, name: configName });
    open = true;
    log.info("ready for pods", { socket, conflist: `${configDirectory}/${configName}` });
    return server;
  }

  return {
    async open() {
      opening ??= start();
      await opening;
    },
    fault: () => (open ? undefined : "the CNI server has not started yet"),
    async close() {
      const server = await opening?.catch(() => undefined);
      await server?.close();
    },
  };
}
