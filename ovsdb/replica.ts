import type { Log } from "#base/log.ts";
import type { CallOptions, TlsOptions } from "#ovsdb/client.ts";
import type { Operation, ResultsOf, Where } from "#ovsdb/operations.ts";
import type { Row } from "#ovsdb/row.ts";
import type { Uuid } from "#ovsdb/uuid.ts";

export interface ReplicaChange<Table extends string = string> {
  readonly table: Table;
  readonly uuid: Uuid;
  /** Without it the row is new. */
  readonly before?: Row;
  /** Without it the row is gone. */
  readonly after?: Row;
}

/** What one transaction changed, or what one reconnection brought. `replica.tables` already holds the result. */
export interface ReplicaBatch<Table extends string = string> {
  /** The replica is complete once this batch is applied. True from the first batch on. */
  readonly synced: boolean;
  readonly changes: readonly ReplicaChange<Table>[];
}

/** Columns to keep, or columns of the rows that satisfy one of the conditions. */
export type TableSelection = readonly string[] | { readonly columns: readonly string[]; readonly where: Where };

export interface ReplicaOptions<Table extends string> {
  readonly remote: string | readonly string[];
  readonly database: string;
  /** `{ Interface: ["name", "ofport", "external_ids"] }` */
  readonly tables: Readonly<Record<Table, TableSelection>>;
  onBatch?(batch: ReplicaBatch<Table>): void;
  /** Called when the connection comes and goes; `reason` says why it went. */
  onConnection?(connected: boolean, reason?: Error): void;
  readonly log?: Log;
  readonly tls?: TlsOptions;
  readonly inactivityProbe?: number;
}

/** A copy of some tables, kept by monitor. It reconnects by itself; what changed meanwhile comes as one batch. */
export interface Replica<Table extends string> {
  readonly tables: { readonly [T in Table]: ReadonlyMap<Uuid, Row> };
  /** Connected and complete. */
  readonly connected: boolean;
  /** Resolves at the first complete batch, or at once. Rejects when closed or aborted. */
  whenSynced(signal?: AbortSignal): Promise<void>;
  /** Over the replica's connection. Rejects with E_OVSDB_CLOSED at once when there is none: nothing is queued. */
  transact<const Operations extends readonly Operation[]>(
    operations: Operations,
    options?: CallOptions,
  ): Promise<ResultsOf<Operations>>;
  /** Ends it for good; the tables keep their last content. */
  close(): void;
}

export function createReplica<Table extends string>(_options: ReplicaOptions<Table>): Replica<Table> {
  throw new Error("not yet");
}
