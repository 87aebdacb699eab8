import type { Log } from "#base/log.ts";
import { createReplica, numberOf, type Replica, type ReplicaBatch, type Row, textMapOf, textOf } from "#ovsdb/index.ts";
import type { SourceBatch } from "#pipeline/source.ts";
import { type PodPort, readPodPort } from "./pod-port.ts";

const TABLES = {
  Open_vSwitch: ["bridges"],
  Bridge: ["name", "ports", "datapath_type", "fail_mode", "protocols", "flow_tables", "external_ids"],
  Flow_Table: ["name"],
  Port: ["name", "interfaces", "external_ids"],
  Interface: ["name", "type", "ofport", "mac", "mtu_request", "options", "ofport_request", "external_ids", "error"],
} as const;
export type PortTable = keyof typeof TABLES;
export type PortReplica = Replica<PortTable>;

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
  return createReplica<PortTable>({
    remote,
    database: "Open_vSwitch",
    tables: TABLES,
    log,
    onBatch: (batch) => {
      const ports = portBatch(batch);
      if (ports.changes.length > 0 || !announced) onBatch(ports);
      announced = true;
      if (batch.changes.some(isOther)) onOtherRows?.();
    },
    ...(onConnection === undefined ? {} : { onConnection }),
  });
}

/** Only what pods' flows are made of: statistics and states of a row change often and mean nothing here. */
export function portBatch(batch: ReplicaBatch<PortTable>): SourceBatch {
  const changes = batch.changes
    .filter(({ table, before, after }) => table === "Interface" && (isPod(before) || isPod(after)))
    .map(({ before, after }) => {
      const key = textOf((after ?? before)!, "name");
      return {
        kind: "Port" as const,
        key,
        object: after !== undefined && isPod(after) ? portObject(after) : undefined,
      };
    });
  return { source: PORTS_SOURCE, synced: batch.synced, changes };
}

export function* podPorts(replica: Pick<PortReplica, "tables">): Generator<PodPort> {
  for (const row of replica.tables.Interface.values()) {
    const port = readPodPort(row);
    if (port !== undefined) yield port;
  }
}

function isOther({ table, before, after }: ReplicaBatch<PortTable>["changes"][number]): boolean {
  return table !== "Interface" || !(isPod(before) || isPod(after));
}

function isPod(row: Row | undefined): boolean {
  return row !== undefined && textMapOf(row, "external_ids").get("weir") === "pod";
}

/** Without an ofport (the switch has not opened it yet, or could not) there is nothing to send frames to. */
function portObject(row: Row): unknown {
  const ofport = numberOf(row, "ofport");
  if (ofport === undefined || ofport < 1) return undefined;
  return { name: textOf(row, "name"), ofport, externalIds: Object.fromEntries(textMapOf(row, "external_ids")) };
}
