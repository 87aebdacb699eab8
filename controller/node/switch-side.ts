import { join } from "node:path";
import type { Log } from "#base/log.ts";
import type { OpenFlowConnection } from "#openflow/connection.ts";
import type { Denial } from "#pipeline/denials/denial.ts";
import type { View } from "#pipeline/model/model.ts";
import type { Pipeline } from "#pipeline/pipeline.ts";
import type { NodeConfig } from "./config.ts";
import { type ConnectionLog, createConnectionLog } from "./denials/connection-log.ts";
import { type Counters, createCounters } from "./denials/counters.ts";
import { createDenialLog, type DenialLog } from "./denials/denial-log.ts";
import { createRefuser } from "./denials/refuser.ts";
import { takePacket } from "./denials/take-packet.ts";
import { createNames, isPausedAnswer, type Names } from "./dns/index.ts";
import { CutConnections } from "./switch/cut-connections.ts";
import { createReadiness, type Readiness } from "./switch/readiness.ts";
import { Switch } from "./switch/switch.ts";
import { createWritten, type Written } from "./switch/written.ts";

export interface SwitchSideOptions {
  readonly config: NodeConfig;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly pipeline: Pipeline;
  /** The switch is there, for the first time or again. */
  onConnected(): void;
  onDenial(denial: Denial): void;
  /** A name server's answer went on to its pod, after so many seconds. */
  onAnswer(seconds: number): void;
}

/** What makes the switch follow, and what is done with the packets that it sends here. */
export interface SwitchSide {
  readonly bridgeSwitch: Switch;
  readonly denials: DenialLog;
  readonly connections: ConnectionLog;
  readonly names: Names;
  readonly written: Written;
  readonly readiness: Readiness;
  readonly counters: Counters;
  /** Unless connections are kept that policies come to deny. */
  readonly cutConnections: CutConnections | undefined;
}

export async function createSwitchSide(options: SwitchSideOptions): Promise<SwitchSide> {
  const { config, log, pipeline, onDenial, onConnected, onAnswer } = options;
  const { nodeName, stateDirectory, ovs } = config;
  const { view } = pipeline;
  const now = (): Date => new Date();
  const connection = (): OpenFlowConnection | undefined => bridgeSwitch.connection;
  const denials = createDenialLog({ view, log, now, onDenial });
  const connections = createConnectionLog({ view, log, now });
  const refuser = createRefuser({ view, log, connection });
  const bridgeSwitch: Switch = new Switch({
    address: `unix:${join(ovs.runDirectory, `${ovs.bridge}.mgmt`)}`,
    desired: pipeline.desired,
    ...{ compareEvery: config.compareInterval * 1000, log, onConnected },
    onPacket(packet) {
      if (isPausedAnswer(packet)) names.take(packet);
      else if (!names.lookAgain(packet))
        takePacket(packet, {
          denial: denials.take,
          refusal: refuser.take,
          connection: connections.take,
          staged: denials.takeStaged,
        });
    },
  });
  const statusOf = (key: string) => bridgeSwitch.reconciler.status(key);
  const written = createWritten(pipeline.engine, statusOf);
  const names = await createNames({
    ...{ stateDirectory, nodeName, pipeline, written, log, connection, onAnswer },
    ...config.names,
  });
  return {
    ...{ bridgeSwitch, denials, connections, names, written },
    readiness: createReadiness(pipeline.engine, statusOf),
    counters: createCounters({ connection, log, now: Date.now }),
    cutConnections: createCutConnections(options, view, connection),
  };
}

function createCutConnections(
  { config, log, signal }: SwitchSideOptions,
  view: View,
  connection: () => OpenFlowConnection | undefined,
): CutConnections | undefined {
  if (config.policies.establishedConnections === "keep") return undefined;
  const { runDirectory, controlSocket, datapath } = config.ovs;
  const control = { runDirectory, socket: controlSocket, datapath };
  return new CutConnections({ control, view, log, signal, connection });
}
