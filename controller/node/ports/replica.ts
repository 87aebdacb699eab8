import type { Log } from "#base/log.ts";
import { Open_vSwitch } from "#ovsdb/generated/open-vswitch.ts";
import type { TypedBatch, TypedReplica } from "#ovsdb/index.ts";
import type { SourceBatch } from "#pipeline/source.ts";
import { type PodPort, readPodPort } from "./pod-port.ts";

const TABLES = {
  Open_vSwitch: ["bridges"],
  Bridge: ["name", "ports", "datapath_type", "fail_mode", "protocols", "flow_tables", "external_ids"],
  Flow_Table: ["name"],
  Port: ["name", "interfaces", "external_ids"],
  Interface: ["name", "type", "ofport", "mac", "mtu_request", "options", "ofport_request", "external_ids", "error"],
} as const;
export type PortReplica = TypedReplica<Open_vSwitch, typeof TABLES>;
type PortRows = TypedBatch<Open_vSwitch, typeof TABLES>;
type RowChange = PortRows["changes"][number];
type InterfaceChange = Extract<RowChange, { readonly table: "Interface" }>;
type InterfaceRow = NonNullable<InterfaceChange["after"]>;

/** The name of pods' ports as a source of the pipeline. */
export const PORTS_SOURCE = "ovsdb";

export interface PortReplicaOptions {
  readonly remote: string;
  readonly log: Log;
  onBatch(batch: SourceBatch): void;
  /** A row changed that is not a pod's: the bridge may have to be repaired. */
  onOtherRows?(): void;
  onConnection?(connected: boolean, reason?: Error): void;
}

/** The switch's database as the node needs it, and the pods' ports as a source of the pipeline. */
export function createPortReplica(options: PortReplicaOptions): PortReplica {
  const { remote, log, onBatch, onOtherRows, onConnection } = options;
  let announced = false;
  return Open_vSwitch.createReplica({
    remote,
    tables: TABLES,
    log,
    onBatch: (batch) => {
      const ports = portBatch(batch);
      if (ports.changes.length > 0 || !announced) onBatch(ports);
      announced = true;
      if (!batch.changes.every(isOfPod)) onOtherRows?.();
    },
    ...(onConnection === undefined ? {} : { onConnection }),
  });
}

/** Only what pods' flows are made of: statistics and states of a row change often and mean nothing here. */
export function portBatch(batch: PortRows): SourceBatch {
  const changes = batch.changes.filter(isOfPod).map(({ before, after }) => ({
    kind: "Port" as const,
    key: (after ?? before)!.name,
    object: isPod(after) ? portObject(after) : undefined,
  }));
  return { source: PORTS_SOURCE, synced: batch.synced, changes };
}

export function* podPorts(replica: Pick<PortReplica, "tables">): Generator<PodPort> {
  for (const row of replica.tables.Interface.values()) {
    const port = readPodPort(row);
    if (port !== undefined) yield port;
  }
}

function isOfPod(change: RowChange): change is InterfaceChange {
  return change.table === "Interface" && (isPod(change.before) || isPod(change.after));
}

function isPod(row: InterfaceRow | undefined): row is InterfaceRow {
  return row?.external_ids.get("weir") === "pod";
}

/** Without an ofport (the switch has not opened it yet, or could not) there is nothing to send frames to. */
function portObject({ name, ofport, external_ids }: InterfaceRow): unknown {
  if (ofport === undefined || ofport < 1) return undefined;
  return { name, ofport: Number(ofport), externalIds: Object.fromEntries(external_ids) };
}
