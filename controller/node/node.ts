import { merge, share, tap } from "rxjs";
import type { Log } from "#base/log.ts";
import { startHealthServer } from "#controller/process/health-server.ts";
import { createGraph, type GraphInputs, type Targets } from "#pipeline/graph.ts";
import { METERS } from "#pipeline/layout/meters.ts";
import type { Pipeline, Step } from "#pipeline/pipeline.ts";
import { reportLimits, reportPolicies, reportStaged } from "#pipeline/policy-status/report.ts";
import type { SourceBatch } from "#pipeline/source.ts";
import { isSwitchUnchanged } from "#pipeline/switch-state.ts";
import { createHealth, type Faults, networkChecks } from "./checks.ts";
import type { NodeConfig } from "./config.ts";
import { startControlServer } from "./http/control-server.ts";
import { createMetrics, type Metrics, type Readings } from "./http/metrics.ts";
import { createParts, type Parts } from "./parts.ts";
import { createPodService, type PodService } from "./pod-service.ts";
import { createPolicyEntries } from "./policy-entries.ts";
import { createReporting, type Reporting, silentReporting } from "./reporting.ts";
import type { Applied } from "./switch/flow-reconciler.ts";
import { createNodeView, type LiveView, reportSources } from "./view.ts";

/** How often what the switch counts for policies is read, in milliseconds. */
const COUNT_EVERY = 30_000;
const POLICY_KINDS: ReadonlySet<string> = new Set(["NetworkPolicy", "ClusterNetworkPolicy"]);

export interface NodeOptions {
  readonly config: NodeConfig;
  readonly version: string;
  readonly log: Log;
  /** Something that must not happen has: the process should end. */
  fail(reason: unknown): void;
}

export interface RunningNode {
  /** Ends what answers and connects; the switch and the host stay as they are. */
  stop(): Promise<void>;
}

/** Brings a node up. It resolves when it can be asked; pods can be plugged in when the CNI configuration is written. */
export async function startNode({ config, version, log, fail }: NodeOptions): Promise<RunningNode> {
  const ending = new AbortController();
  const { signal } = ending;
  const parts = await createParts({
    ...{ config, log, signal },
    onChange: () => settle(),
    onConnected: (peer) => metrics.countConnection(peer),
    onDenial: (denial) => reporting.deny(denial),
    onAnswer: (seconds) => metrics.observeAnswer(seconds),
    onMove(taken, left) {
      for (const { service, ip, link } of left)
        log.info("announces an address no more", { service, address: ip, link });
      for (const { service, ip, link } of taken) log.info("announces an address", { service, address: ip, link });
      reporting.move(taken);
    },
    isServing: () => networkChecks(faults).every(({ check }) => check() === undefined),
  });
  const { intent, pipeline, bridgeSwitch, replica, names } = parts;
  const metrics = createMetrics(
    version,
    readingsOf(parts, () => view),
  );
  const pods = createPodService(config, parts, metrics, log);
  const faults = faultsOf(parts, pods);
  const health = createHealth(faults);
  const view = createNodeView({ config, version, parts, checks: health.ready });
  const reporting =
    intent.kube === undefined
      ? silentReporting
      : createReporting({
          ...{ node: config.nodeName, request: intent.kube.request, view: pipeline.view, log, signal },
          policies: createPolicyEntries(parts),
        });
  const settle = (): void => settleNode(parts, faults, reporting, () => pods.open().catch(fail));

  const graph$ = createGraph(
    observed(parts, metrics, settle),
    inputsOf(parts, metrics),
    targetsOf(parts, metrics, settle),
  );
  const running = graph$.subscribe({ error: fail });
  bridgeSwitch.run(signal).catch(fail);
  keepCounting(parts, signal);
  const servers = [
    await startControlServer({ socket: config.control.socket, view, log }),
    await startHealthServer({ address: config.http.address, health, metrics, log }),
  ];
  return {
    async stop() {
      ending.abort();
      await Promise.all([pods, parts.serviceHealth, ...servers].map((server) => server.close()));
      running.unsubscribe();
      parts.host.stop();
      replica.close();
      await Promise.all([intent.close(), names.close()]);
    },
  };
}

/** After every work done: who waits for flows is told, the API server too, and pods are served once all is well. */
function settleNode(parts: Parts, faults: Faults, reporting: Reporting, openForPods: () => void): void {
  parts.readiness.settle();
  if (!parts.pipeline.isSynced()) return;
  const message = networkChecks(faults)
    .map(({ check }) => check())
    .find((fault) => fault !== undefined);
  const podMtu = parts.podMtu();
  const report = { ready: message === undefined, ...(message && { message }), ...(podMtu && { podMtu }) };
  reporting.update(report, parts.problems());
  if (message === undefined) openForPods();
}

function faultsOf({ intent, replica, bridge, self, podMtu, host, bridgeSwitch }: Parts, pods: PodService): Faults {
  return {
    intent: () => intent.incomplete(),
    database: () => (replica.connected ? undefined : "there is no connection to Open vSwitch's database"),
    bridge: () => bridge.fault(),
    podCidr: () =>
      (self()?.podCidrs.length ?? 0) > 0 ? undefined : "this node has no podCIDR yet (Node.spec.podCIDRs)",
    transport: () => (podMtu() === undefined ? "no interface holds an InternalIP of this node" : undefined),
    host: () => host.fault,
    switch: () => (bridgeSwitch.isReady ? undefined : "the switch has not been compared with what should be there"),
    cni: () => pods.fault(),
  };
}

function inputsOf({ intent, ports$, underlay, names, bridgeSwitch, host }: Parts, metrics: Metrics): GraphInputs {
  const underlay$ = underlay.batches$.pipe(share());
  return {
    sources: [names.batches$, intent.batches$, ports$, underlay$].map((source$) =>
      source$.pipe(tap(({ source, changes }) => metrics.countBatch(source, changes.length))),
    ),
    compareSwitch$: bridgeSwitch.compare$,
    // weir-gw0 has the pods' MTU, which follows from the interface between nodes.
    compareHost$: merge(host.compare$, underlay$),
  };
}

function targetsOf(parts: Parts, metrics: Metrics, settle: () => void): Targets {
  const { bridge, bridgeSwitch, host, underlay } = parts;
  return {
    async applySwitch(work) {
      const started = performance.now();
      const given = parts.realisation.begin();
      const applied = await bridgeSwitch.apply(work);
      if (applied !== undefined) parts.cutConnections?.follow(work);
      parts.written.settle();
      if (applied !== undefined) parts.realisation.settle(given, Date.now(), wholePolicies(parts, applied));
      metrics.observeReconcile("switch", (performance.now() - started) / 1000, applied === undefined ? "failed" : "ok");
      metrics.countModifications("switch", applied?.modifications ?? 0);
      metrics.countDriftRepairs("switch", applied?.drift ?? 0);
      settle();
    },
    async applyHost(state) {
      // The node's addresses say which interface carries packets between nodes.
      underlay.refresh();
      parts.serviceHealth.update(state.services.healthChecks);
      // Open vSwitch keeps weir-gw0 at the MTU that its row asks for.
      bridge.check();
      const started = performance.now();
      const changes = await host.apply(state);
      metrics.observeReconcile("host", (performance.now() - started) / 1000, changes === undefined ? "failed" : "ok");
      metrics.countModifications("host", changes ?? 0);
      settle();
    },
  };
}

/** Of all that was given, when the switch has refused nothing of anything; else each is looked at, when it is asked for. */
function wholePolicies(parts: Parts, { failed }: Applied): (policyKey: string) => boolean {
  if (failed === 0) return () => true;
  let whole: ReadonlySet<string> | undefined;
  return (policyKey) => {
    whole ??= new Set(
      [...reportPolicies(reportSources(parts))].filter(({ state }) => state === "realised").map(({ name }) => name),
    );
    return whole.has(policyKey);
  };
}

/** A policy that comes to say otherwise what it said already is in force at once. */
function noteStep(parts: Parts, { changes }: SourceBatch, step: Step): void {
  const { realisation, pipeline } = parts;
  const policies = changes.filter(({ kind }) => POLICY_KINDS.has(kind)).map(({ key }) => key);
  realisation.note(policies);
  if (policies.length === 0 || !pipeline.isSynced() || step.first || !isSwitchUnchanged(step)) return;
  const changed = new Set(policies);
  realisation.settle(realisation.begin(), Date.now(), (key) => changed.has(key) && isRealised(parts, key));
}

function isRealised(parts: Parts, policyKey: string): boolean {
  return [...reportPolicies(reportSources(parts), new Set([policyKey]))].some(({ state }) => state === "realised");
}

/** What the switch counts is lost with a flow; so it is read now and then while there are policies. */
function keepCounting({ pipeline, counters }: Parts, signal: AbortSignal): void {
  const timer = setInterval(() => {
    // It never rejects.
    if (pipeline.view.NetworkPolicy.size + pipeline.view.ClusterNetworkPolicy.size > 0) void counters.refresh();
  }, COUNT_EVERY);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
}

/** Problems come and go with steps that change no flow, too; and so do policies. */
function observed(parts: Parts, metrics: Metrics, settle: () => void): Pipeline {
  const { pipeline } = parts;
  return {
    ...pipeline,
    step(batch) {
      const started = performance.now();
      const step = pipeline.step(batch);
      metrics.observeStep((performance.now() - started) / 1000);
      noteStep(parts, batch, step);
      parts.announcing.note(batch);
      settle();
      return step;
    },
  };
}

function readingsOf(parts: Parts, view: () => LiveView): Readings {
  const { pipeline, problems, intent, replica, bridgeSwitch, denials, connections, counters, announcing, names } =
    parts;
  return {
    flows: () => view().flowCounts(),
    pods: () => pipeline.view.Port.size,
    peers: () => view().peers(),
    problems() {
      const counts = new Map<string, number>();
      for (const { source } of problems()) counts.set(source, (counts.get(source) ?? 0) + 1);
      return counts;
    },
    connected: () => ({
      kubernetes: intent.connected,
      ovsdb: replica.connected,
      switch: bridgeSwitch.connection !== undefined,
    }),
    stagedDenials: () => ({ told: denials.staged, untold: counters.droppedBy(METERS.staged.id) }),
    limited: () => reportLimits(reportSources(parts)),
    staged: () => reportStaged(reportSources(parts)),
    connections: () => ({ told: connections.told, untold: counters.droppedBy(METERS.connections.id) }),
    denials: () => ({ told: denials.told, untold: counters.droppedBy(METERS.denials.id), byPolicy: denials.counts() }),
    names: () => ({ ...names.counts, answers: names.answers.counts }),
    announced: () => announcing.held().length,
    refresh: counters.refresh,
  };
}
