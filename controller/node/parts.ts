import { type Observable, Subject } from "rxjs";
import { familyOf, type IpFamily, parseCidr } from "#base/address.ts";
import type { Log } from "#base/log.ts";
import type { Denial } from "#pipeline/denials/denial.ts";
import type { Node } from "#pipeline/model/model.ts";
import { createPipeline, type Pipeline } from "#pipeline/pipeline.ts";
import { createRealisation, type Realisation } from "#pipeline/policy-status/realisation.ts";
import type { Problem } from "#pipeline/problem.ts";
import type { Settings } from "#pipeline/settings.ts";
import type { SourceBatch } from "#pipeline/source.ts";
import type { HeldAddress } from "./announce/index.ts";
import type { NodeConfig } from "./config.ts";
import { NAMES_SOURCE } from "./dns/index.ts";
import { podMtu, UNDERLAY_SOURCE } from "./host/index.ts";
import { createHostSide, type HostSide } from "./host-side.ts";
import type { Peer } from "./http/metrics.ts";
import {
  type BridgeKeeper,
  createBridgeKeeper,
  createPortReplica,
  PORTS_SOURCE,
  type PortReplica,
} from "./ports/index.ts";
import { createSwitchSide, type SwitchSide } from "./switch-side.ts";
import { createIntentSource, type IntentSource } from "./watch/sources.ts";

export interface PartsOptions {
  readonly config: NodeConfig;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Something that the node tells of itself may be otherwise now. */
  onChange(): void;
  /** A connection is there, for the first time or again. */
  onConnected(peer: Peer): void;
  onDenial(denial: Denial): void;
  /** A name server's answer went on to its pod, after so many seconds. */
  onAnswer(seconds: number): void;
  /** Services' addresses came to this node, or left it. */
  onMove(taken: readonly HeldAddress[], left: readonly HeldAddress[]): void;
  /** Whether what is sent to this node goes where it should. */
  isServing(): boolean;
}

interface DatabaseSide {
  readonly ports$: Observable<SourceBatch>;
  readonly replica: PortReplica;
  readonly bridge: BridgeKeeper;
}

/** What a node consists of: the sources, the pipeline, and what makes the switch, its database and the host follow. */
export interface Parts extends SwitchSide, HostSide, DatabaseSide {
  readonly intent: IntentSource;
  readonly pipeline: Pipeline;
  readonly realisation: Realisation;
  /** This node's own object, as far as it is known. */
  self(): Node | undefined;
  podMtu(): number | undefined;
  problems(): readonly Problem[];
}

export async function createParts(options: PartsOptions): Promise<Parts> {
  const { config, log, signal, onChange, onConnected, onDenial, onAnswer, onMove, isServing } = options;
  const intent = await createIntent(options);
  const settings = settingsOf(config);
  const pipeline = createPipeline(settings, [...intent.names, PORTS_SOURCE, UNDERLAY_SOURCE, NAMES_SOURCE]);
  const { view } = pipeline;
  const self = (): Node | undefined => view.Node.get(config.nodeName);
  const { encapsulation, tunnel, mtu: configured } = config.traffic;
  const mtu = (): number | undefined =>
    podMtu({
      ...{ underlay: [...view.Underlay.values()][0], encapsulation, tunnel, configured },
      nodeAddressFamily: familyOfFirst(self()),
    });
  const toSwitch = await createSwitchSide({
    ...{ config, log, signal, pipeline, onDenial, onAnswer },
    onConnected: () => onConnected("switch"),
  });
  const toHost = createHostSide({
    ...{ config, log, signal, pipeline, settings, onChange, onMove, isServing, self, podMtu: mtu },
    isConnected: () => intent.connected,
  });
  return {
    ...{ intent, pipeline, self, podMtu: mtu },
    ...toSwitch,
    ...toHost,
    ...createDatabaseSide(options, mtu),
    realisation: createRealisation(
      (key) => (view.NetworkPolicy.get(key) ?? view.ClusterNetworkPolicy.get(key))?.generation,
    ),
    problems: () => [
      ...intent.problems(),
      ...pipeline.problems(),
      ...toHost.serviceHealth.problems(),
      ...toHost.announcing.problems(),
    ],
  };
}

function settingsOf({ nodeName, traffic, policies, denials, services }: NodeConfig): Settings {
  const nodePortNetworks = services.nodePortAddresses.map(parseCidr).filter((network) => network !== undefined);
  return {
    ...{ nodeName, encapsulation: traffic.encapsulation, denialSamples: denials.samplesPerSecond },
    ...(nodePortNetworks.length > 0 && { nodePortNetworks }),
    establishedConnections: policies.establishedConnections,
  };
}

function familyOfFirst(node: Node | undefined): IpFamily {
  const first = node?.addresses[0];
  return first === undefined ? 4 : familyOf(first);
}

async function createIntent({ config, log, onChange, onConnected }: PartsOptions): Promise<IntentSource> {
  const { nodeName, stateDirectory } = config;
  let before = false;
  const intent = await createIntentSource(config.source, {
    ...{ nodeName, stateDirectory, log },
    onChange() {
      const now = intent.connected;
      if (now && !before) onConnected("kubernetes");
      before = now;
      onChange();
    },
  });
  return intent;
}

/** The replica is a source of pods' ports, and by it the bridge is kept. */
function createDatabaseSide(
  { config, log, signal, onChange, onConnected }: PartsOptions,
  mtu: () => number | undefined,
): DatabaseSide {
  const { ovs, traffic } = config;
  const ports$ = new Subject<SourceBatch>();
  // Nothing comes before the socket is connected: by then the graph has subscribed.
  const replica: PortReplica = createPortReplica({
    ...{ remote: ovs.database, log },
    onBatch: (batch) => ports$.next(batch),
    onOtherRows: () => bridge.check(),
    onConnection(connected) {
      if (connected) {
        bridge.check();
        onConnected("ovsdb");
      }
      onChange();
    },
  });
  const settings = {
    bridge: ovs.bridge,
    datapath: ovs.datapath,
    encapsulation: traffic.encapsulation,
    tunnel: traffic.tunnel,
    mtu,
  };
  const bridge = createBridgeKeeper(replica, settings, log, signal);
  return { ports$, replica, bridge };
}
