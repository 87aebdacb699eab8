import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { registerProcessMetrics } from "#controller/process/process-metrics.ts";
import type { StagedReport } from "#pipeline/policy-status/report.ts";
import type { FlowCounts } from "./node-view.ts";

export type Target = "switch" | "host";
export type Peer = "kubernetes" | "ovsdb" | "switch";

/** What is read at each scrape instead of being counted. */
export interface Readings {
  flows(): FlowCounts;
  pods(): number;
  peers(): number;
  /** How many problems each source has. */
  problems(): ReadonlyMap<string, number>;
  connected(): Readonly<Record<Peer, boolean>>;
  /** Packets that policies denied, as far as the switch has been read. */
  denials(): DenialReadings;
  /** What pods were told of names that policies speak of. */
  names(): NameReadings;
  /** How many addresses of services this node announces. */
  announced(): number;
  /** New connections on which policies decided that are logged. */
  connections(): Told;
  /** Packets of which the node was told that staged policies would deny them. */
  stagedDenials(): Told;
  /** New connections that policies have denied beyond their rate, by policy. */
  limited(): Iterable<readonly [policy: string, denied: number]>;
  /** What staged policies would do. */
  staged(): Iterable<{ readonly policy: string; readonly staged: StagedReport }>;
  /** Reads in the switch what is to be counted. */
  refresh(): Promise<void>;
}

/** How many the node process was told of, and how many were too many. */
export interface Told {
  readonly told: number;
  readonly untold: number;
}

export interface DenialReadings extends Told {
  readonly byPolicy: Iterable<{ readonly policy: string; readonly direction: string; readonly count: number }>;
}

export interface NameReadings {
  readonly names: number;
  readonly current: number;
  readonly lapsed: number;
  readonly refused: number;
  /** Packets of name servers by what became of them. */
  readonly answers: Readonly<Record<string, number>>;
}

/** What the rooms count. Calls are cheap; none is made per packet or per flow. */
export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
  countBatch(source: string, changes: number): void;
  observeStep(seconds: number): void;
  observeReconcile(target: Target, seconds: number, outcome: "ok" | "failed"): void;
  countModifications(target: Target, count: number): void;
  countDriftRepairs(target: Target, count: number): void;
  /** A connection is there: the first is none that came back. */
  countConnection(peer: Peer): void;
  /** An answer of a name server went on to its pod. */
  observeAnswer(seconds: number): void;
  /** `code` is CNI's error number, 0 for success. */
  observeCni(command: string, code: number, seconds: number): void;
}

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function createMetrics(version: string, readings: Readings): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Counter({ name, help, labelNames, registers });
  const histogram = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Histogram({ name, help, labelNames, buckets: SECONDS, registers });

  registerReadings(registry, version, readings);
  registerDenials(registry, readings);
  registerNames(registry, readings);
  registerProcessMetrics(registry);
  const batches = counter("weir_batches_total", "Batches of changes that a source gave.", "source");
  const changes = counter("weir_changes_total", "Changed objects in those batches.", "source");
  const steps = histogram("weir_pipeline_step_seconds", "Time from a batch to its difference of the desired state.");
  const reconciles = histogram("weir_reconcile_seconds", "Time of one application to a target.", "target", "outcome");
  const modifications = counter("weir_modifications_total", "Changes sent to a target.", "target");
  const drift = counter("weir_drift_repairs_total", "Differences that a comparison found and repaired.", "target");
  const reconnects = counter("weir_reconnects_total", "Connections made after the first.", "peer");
  const connected = new Set<Peer>();
  const cniOperations = counter(
    "weir_cni_operations_total",
    "CNI calls by error code; 0 is success.",
    "command",
    "code",
  );
  const answers = histogram("weir_dns_answer_seconds", "Time from an answer's coming to its going on to the pod.");
  const cniSeconds = histogram("weir_cni_operation_seconds", "Time of one CNI call.", "command");

  return {
    contentType: registry.contentType,
    async text() {
      await readings.refresh();
      return registry.metrics();
    },
    countBatch(source, count) {
      batches.inc({ source });
      changes.inc({ source }, count);
    },
    observeStep: (seconds) => steps.observe(seconds),
    observeReconcile: (target, seconds, outcome) => reconciles.observe({ target, outcome }, seconds),
    countModifications: (target, count) => modifications.inc({ target }, count),
    countDriftRepairs: (target, count) => drift.inc({ target }, count),
    countConnection(peer) {
      if (connected.has(peer)) reconnects.inc({ peer });
      connected.add(peer);
    },
    observeAnswer: (seconds) => answers.observe(seconds),
    observeCni(command, code, seconds) {
      cniOperations.inc({ command, code });
      cniSeconds.observe({ command }, seconds);
    },
  };
}

function registerReadings(registry: Registry, version: string, readings: Readings): void {
  gauge(registry, "weir_build_info", "The version that runs.", ["version"], (set) => set({ version }, 1));
  gauge(registry, "weir_flows", "Flows by state; desired is the sum that should be there.", ["state"], (set) => {
    for (const [state, count] of Object.entries(readings.flows())) set({ state }, count);
  });
  gauge(registry, "weir_pods", "Pods plugged into this node's bridge.", [], (set) => set({}, readings.pods()));
  gauge(registry, "weir_peers", "Other nodes that are reached.", [], (set) => set({}, readings.peers()));
  gauge(registry, "weir_announced_addresses", "Addresses of services that this node announces.", [], (set) =>
    set({}, readings.announced()),
  );
  gauge(registry, "weir_problems", "Objects that are wrong, by source.", ["source"], (set) => {
    for (const [source, count] of readings.problems()) set({ source }, count);
  });
  gauge(registry, "weir_connected", "Whether the connection is up.", ["peer"], (set) => {
    for (const [peer, connected] of Object.entries(readings.connected())) set({ peer }, connected ? 1 : 0);
  });
}

function registerDenials(registry: Registry, { denials, connections, limited, stagedDenials, staged }: Readings): void {
  const told = (name: string, help: string, read: () => Told) =>
    tally(registry, name, `${help}, by whether the node was told.`, ["told"], (inc) => {
      const counts = read();
      inc({ told: "yes" }, counts.told);
      inc({ told: "no" }, counts.untold);
    });
  told("weir_denials_total", "Packets that policies denied", denials);
  tally(
    registry,
    "weir_policy_rate_denials_total",
    "New connections that a policy's rules would have let through but for its rate.",
    ["policy"],
    (inc) => {
      for (const [policy, denied] of limited()) inc({ policy }, denied);
    },
  );
  told("weir_staged_denials_total", "Packets that staged policies would deny and that were let through", stagedDenials);
  tally(
    registry,
    "weir_staged_policy_connections_total",
    "New connections of pods that a staged policy selects: the verdict that would be, were all staging over, beside the one that was.",
    ["policy", "would", "was"],
    (inc) => {
      for (const { policy, staged: counts } of staged()) {
        const { wouldAllow, wouldDeny, newlyAllowed, newlyDenied } = counts;
        inc({ policy, would: "allow", was: "allow" }, wouldAllow - newlyAllowed);
        inc({ policy, would: "allow", was: "deny" }, newlyAllowed);
        inc({ policy, would: "deny", was: "allow" }, newlyDenied);
        inc({ policy, would: "deny", was: "deny" }, wouldDeny - newlyDenied);
      }
    },
  );
  told("weir_logged_connections_total", "New connections on which policies decided that are logged", connections);
  tally(
    registry,
    "weir_policy_denials_total",
    "Denials that the node was told of, by each policy that isolates or whose rule denies.",
    ["policy", "direction"],
    (inc) => {
      for (const { policy, direction, count } of denials().byPolicy) inc({ policy, direction }, count);
    },
  );
}

function registerNames(registry: Registry, { names }: Readings): void {
  gauge(registry, "weir_names", "Names that policies speak of and pods have asked for.", [], (set) =>
    set({}, names().names),
  );
  gauge(registry, "weir_name_addresses", "Their addresses; to lapsed ones no new connections go.", ["state"], (set) => {
    const { current, lapsed } = names();
    set({ state: "current" }, current);
    set({ state: "lapsed" }, lapsed);
  });
  tally(registry, "weir_names_refused_total", "Addresses for which there was no room.", [], (inc) =>
    inc({}, names().refused),
  );
  tally(
    registry,
    "weir_dns_answers_total",
    "Packets of name servers to pods whose policies speak of names, by what became of them.",
    ["outcome"],
    (inc) => {
      for (const [outcome, count] of Object.entries(names().answers)) inc({ outcome }, count);
    },
  );
}

type Read<L extends string> = (set: (labels: Partial<Record<L, string>>, value: number) => void) => void;

/** A counter that somebody else keeps. */
function tally<L extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly L[],
  read: Read<L>,
): void {
  new Counter({
    ...{ name, help, labelNames, registers: [registry] },
    collect() {
      this.reset();
      read((labels, value) => this.inc(labels, value));
    },
  });
}

/** A gauge that holds nothing between scrapes: what is gone from the readings is gone from the text. */
function gauge<L extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly L[],
  read: Read<L>,
): void {
  new Gauge({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      this.reset();
      read((labels, value) => this.set(labels, value));
    },
  });
}
