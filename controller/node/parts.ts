import { join } from "node:path";
import { type Observable, Subject } from "rxjs";
import { familyOf, type IpFamily, parseCidr } from "#base/address.ts";
import type { Log } from "#base/log.ts";
import type { OpenFlowConnection } from "#openflow/connection.ts";
import type { Denial } from "#pipeline/denials/denial.ts";
import { countReadyOn } from "#pipeline/model/endpoints.ts";
import type { Node, View } from "#pipeline/model/model.ts";
import { createPipeline, type Pipeline } from "#pipeline/pipeline.ts";
import { createRealisation, type Realisation } from "#pipeline/policy-status/realisation.ts";
import type { Problem } from "#pipeline/problem.ts";
import type { Settings } from "#pipeline/settings.ts";
import type { SourceBatch } from "#pipeline/source.ts";
import { type Announcing, createAnnouncing, type HeldAddress } from "./announce/index.ts";
import type { NodeConfig } from "./config.ts";
import { type ConnectionLog, createConnectionLog } from "./denials/connection-log.ts";
import { type Counters, createCounters } from "./denials/counters.ts";
import { createDenialLog, type DenialLog } from "./denials/denial-log.ts";
import { createRefuser } from "./denials/refuser.ts";
import { takePacket } from "./denials/take-packet.ts";
import { createNames, isPausedAnswer, NAMES_SOURCE, type Names } from "./dns/index.ts";
import { findProgram } from "./helper.ts";
import { createHost, createUnderlay, podMtu, UNDERLAY_SOURCE, type Underlay } from "./host/index.ts";
import { HostTarget } from "./host-target.ts";
import type { Peer } from "./http/metrics.ts";
import { createServiceHealth, type ServiceHealth } from "./http/service-health.ts";
import {
  type BridgeKeeper,
  createBridgeKeeper,
  createPortReplica,
  PORTS_SOURCE,
  type PortReplica,
} from "./ports/index.ts";
import { CutConnections } from "./switch/cut-connections.ts";
import { createReadiness, type Readiness } from "./switch/readiness.ts";
import { Switch } from "./switch/switch.ts";
import { createWritten, type Written } from "./switch/written.ts";
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

/** What a node consists of: four sources, the pipeline, and what makes the switch, its database and the host follow. */
export interface Parts {
  readonly intent: IntentSource;
  readonly ports$: Observable<SourceBatch>;
  readonly underlay: Underlay;
  readonly pipeline: Pipeline;
  readonly bridgeSwitch: Switch;
  /** Unless connections are kept that policies come to deny. */
  readonly cutConnections: CutConnections | undefined;
  readonly host: HostTarget;
  readonly serviceHealth: ServiceHealth;
  readonly replica: PortReplica;
  readonly bridge: BridgeKeeper;
  readonly readiness: Readiness;
  readonly denials: DenialLog;
  readonly names: Names;
  readonly written: Written;
  readonly connections: ConnectionLog;
  readonly counters: Counters;
  readonly realisation: Realisation;
  readonly announcing: Announcing;
  /** This node's own object, as far as it is known. */
  self(): Node | undefined;
  podMtu(): number | undefined;
  problems(): readonly Problem[];
}

export async function createParts(options: PartsOptions): Promise<Parts> {
  const { config, log, signal, onConnected } = options;
  const { nodeName, stateDirectory, ovs, traffic } = config;
  const compareEvery = config.compareInterval * 1000;
  const intent = await createIntent(options);
  const { encapsulation, tunnel } = traffic;
  const { nodePortAddresses } = config.services;
  const settings = settingsOf(config);
  const pipeline = createPipeline(settings, [...intent.names, PORTS_SOURCE, UNDERLAY_SOURCE, NAMES_SOURCE]);
  const { view } = pipeline;
  const self = (): Node | undefined => pipeline.view.Node.get(nodeName);
  const mtu = (): number | undefined =>
    podMtu({
      underlay: [...pipeline.view.Underlay.values()][0],
      ...{ encapsulation, tunnel, configured: traffic.mtu },
      nodeAddressFamily: familyOfFirst(self()),
    });
  const denials = createDenialLog({ view, log, now: () => new Date(), onDenial: options.onDenial });
  const connections = createConnectionLog({ view, log, now: () => new Date() });
  const refuser = createRefuser({ view, log, connection: () => bridgeSwitch.connection });
  const bridgeSwitch: Switch = new Switch({
    address: `unix:${join(ovs.runDirectory, `${ovs.bridge}.mgmt`)}`,
    desired: pipeline.desired,
    ...{ compareEvery, log, onConnected: () => onConnected("switch") },
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
  const written = createWritten(pipeline.engine, (key) => bridgeSwitch.reconciler.status(key));
  const names = await createNames({
    ...{ stateDirectory, nodeName, pipeline, written, log, ...config.names },
    connection: () => bridgeSwitch.connection,
    onAnswer: options.onAnswer,
  });
  const underlay = createUnderlay({
    ...{ transportInterface: traffic.transportInterface, log, signal },
    nodeAddresses: () => self()?.addresses ?? [],
  });
  const host = createHost({
    ...{ stateDirectory, datapath: ovs.datapath, encapsulation, tunnel, masquerade: traffic.masquerade, mtu },
    nodePortAddresses,
    transportInterface: () => [...pipeline.view.Underlay.values()][0]?.interface,
  });
  const announcing = createAnnouncing({
    ...{ nodeName, view, log, signal, program: findProgram("weir-announce") },
    isReady: options.isServing,
    isConnected: () => intent.connected,
    onMove: options.onMove,
  });
  const serviceHealth = createServiceHealth({
    ...{ nodeName, networks: settings.nodePortNetworks ?? [], log },
    ...{ onChange: options.onChange, isServing: options.isServing },
    countEndpoints: (service) => countReadyOn(nodeName, view.backends.slicesOf(service)),
  });
  return {
    ...{
      intent,
      pipeline,
      bridgeSwitch,
      underlay,
      self,
      podMtu: mtu,
      denials,
      connections,
      announcing,
      names,
      written,
    },
    cutConnections: createCutConnections(options, view, () => bridgeSwitch.connection),
    counters: createCounters({ connection: () => bridgeSwitch.connection, log, now: Date.now }),
    realisation: createRealisation(
      (key) => (view.NetworkPolicy.get(key) ?? view.ClusterNetworkPolicy.get(key))?.generation,
    ),
    ...createDatabaseSide(options, mtu),
    ...{ host: new HostTarget(host, compareEvery, log), serviceHealth },
    readiness: createReadiness(pipeline.engine, (key) => bridgeSwitch.reconciler.status(key)),
    problems: () => [
      ...intent.problems(),
      ...pipeline.problems(),
      ...serviceHealth.problems(),
      ...announcing.problems(),
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

function createCutConnections(
  { config, log, signal }: PartsOptions,
  view: View,
  connection: () => OpenFlowConnection | undefined,
): CutConnections | undefined {
  if (config.policies.establishedConnections === "keep") return undefined;
  const { runDirectory, controlSocket, datapath } = config.ovs;
  return new CutConnections({
    control: { runDirectory, socket: controlSocket, datapath },
    view,
    log,
    signal,
    connection,
  });
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
): Pick<Parts, "ports$" | "replica" | "bridge"> {
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
