import { type Backoff, createBackoff } from "#base/backoff.ts";
import { describeError } from "#base/errors.ts";
import { type Log, silentLog } from "#base/log.ts";
import { abortable } from "#ovsdb/abortable.ts";
import type { CallOptions, Monitor, OvsdbClient } from "#ovsdb/client.ts";
import { connectRemote, type RemoteOptions } from "#ovsdb/connect.ts";
import type { DatabaseStatus } from "#ovsdb/database-status.ts";
import { OvsdbError } from "#ovsdb/error.ts";
import type { MonitoredTable, MonitorMethod, MonitorUpdate, MonitorWhere } from "#ovsdb/monitor.ts";
import type { Operation, ResultsOf } from "#ovsdb/operations.ts";
import { parseRemotes, type Remote } from "#ovsdb/remote.ts";
import { type Conditions, ReplicaConditions } from "#ovsdb/replica-conditions.ts";
import type { Row } from "#ovsdb/row.ts";
import { createRowIndexes, type IndexColumns, type IndexKey, type RowIndexes } from "#ovsdb/row-index.ts";
import { advance, followDatabase, type Progress } from "#ovsdb/server-choice.ts";
import {
  applyChanges,
  createTableDecoder,
  type RowChange,
  type TableDecoder,
  type Tables,
} from "#ovsdb/table-store.ts";
import { type Uuid, ZERO_UUID } from "#ovsdb/uuid.ts";

export type ReplicaChange<Table extends string = string> = RowChange<Table>;

/** What one transaction changed, or what one reconnection brought. `replica.tables` already holds the result. */
export interface ReplicaBatch<Table extends string = string> {
  /** The replica is complete once this batch is applied. True from the first batch on. */
  readonly synced: boolean;
  readonly changes: readonly ReplicaChange<Table>[];
}

/** Columns to keep; or columns of the rows that satisfy any one of the conditions. */
export type TableSelection = readonly string[] | { readonly columns: readonly string[]; readonly where: MonitorWhere };

export interface ReplicaOptions<Table extends string> extends Omit<RemoteOptions, "signal"> {
  /** As for `connectOvsdb`; when one fails, or will not do, the next is tried. A single one is waited for. */
  readonly remote: string | readonly string[];
  readonly database: string;
  /** `{ Interface: ["name", "ofport", "external_ids"] }` */
  readonly tables: Readonly<Record<Table, TableSelection>>;
  /** `{ Interface: [["name"], ["external_ids:iface-id"]] }`, for `find`. */
  readonly indexes?: Readonly<Partial<Record<Table, readonly IndexColumns[]>>>;
  /** Only the leader of the database's cluster: the replica never lags behind, and moves when the leader does. */
  readonly leaderOnly?: boolean;
  /** Never called with nothing to say, save for the first batch. */
  onBatch?(batch: ReplicaBatch<Table>): void;
  /** Called when the connection comes (complete, after its batch) and goes; `reason` says why it went. */
  onConnection?(connected: boolean, reason?: Error): void;
  readonly log?: Log;
  /** Waits between attempts: 50 ms at first, 4 s at most, with jitter. */
  readonly backoff?: Backoff;
  readonly methods?: readonly MonitorMethod[];
}

export interface ReplicaCallOptions extends CallOptions {
  /** Refuses to write unless the connection is still this one (`replica.epoch` when the decision was made). */
  readonly epoch?: number;
}

/** What it took to keep the copy. */
export interface ReplicaStatistics {
  /** Connections on which everything was read, and those on which only what had been missed. */
  readonly full: number;
  readonly resumed: number;
  /** Updates that contradicted what was there; each was repaired by reading everything. */
  readonly inconsistencies: number;
}

/** A copy of some tables, kept by monitor. It reconnects by itself; what changed meanwhile comes as one batch. */
export interface Replica<Table extends string> {
  readonly tables: { readonly [T in Table]: ReadonlyMap<Uuid, Row> };
  /** Connected and complete. */
  readonly connected: boolean;
  /** Counts the connections; 0 before the first. */
  readonly epoch: number;
  /** Why there is no connection at present. */
  readonly problem: Error | undefined;
  /** What the server says of itself and the database; undefined without a connection, or where it does not say. */
  readonly status: DatabaseStatus | undefined;
  readonly statistics: ReplicaStatistics;
  /** Rows by the columns of a declared index, at once: `find("Interface", { name: "p1" })`. */
  find(table: Table, key: IndexKey): ReadonlyMap<Uuid, Row>;
  /**
   * Other conditions for some tables. Rows come and go as one batch, before this resolves; without a connection, with
   * the next one. `setConditions({ Interface: [["name", "==", "p1"]] })`.
   */
  setConditions(conditions: Conditions<Table>): Promise<void>;
  /** Resolves at the first complete batch, or at once. Rejects when closed or aborted. */
  whenSynced(signal?: AbortSignal): Promise<void>;
  /** Over the replica's connection. Rejects with E_OVSDB_CLOSED at once when there is none: nothing is queued. */
  transact<const Operations extends readonly Operation[]>(
    operations: Operations,
    options?: ReplicaCallOptions,
  ): Promise<ResultsOf<Operations>>;
  /** Ends it for good; the tables keep their last content. */
  close(): void;
}

/**
 *     const replica = createReplica({
 *       remote: "unix:/var/run/openvswitch/db.sock",
 *       database: "Open_vSwitch",
 *       tables: { Interface: ["name", "ofport"] },
 *       onBatch: ({ changes }) => console.log(changes),
 *     });
 *     await replica.whenSynced();
 */
export function createReplica<Table extends string>(
  options: ReplicaOptions<Table>,
  now: () => number = () => performance.now(),
): Replica<Table> {
  return new TableReplica(options, now);
}

class TableReplica<Table extends string> implements Replica<Table> {
  readonly tables: Tables<Table>;
  readonly statistics = { full: 0, resumed: 0, inconsistencies: 0 };
  readonly #options: ReplicaOptions<Table>;
  readonly #log: Log;
  readonly #backoff: Backoff;
  readonly #now: () => number;
  readonly #stop = new AbortController();
  readonly #synced = Promise.withResolvers<void>();
  readonly #columns: Readonly<Record<Table, readonly string[]>>;
  readonly #indexes: RowIndexes<Table>;
  readonly #conditions: ReplicaConditions<Table>;
  readonly #remotes: readonly Remote[];
  #client: OvsdbClient | undefined;
  #monitor: Monitor | undefined;
  #decoder: TableDecoder<Table> | undefined;
  /** The schema that `tables` and `#lastTransaction` belong to. */
  #schemaVersion = "";
  #lastTransaction: Uuid = ZERO_UUID;
  #progress: Progress | undefined;
  #isSynced = false;
  #connectedSince = 0;
  #changingConditions = false;
  epoch = 0;
  connected = false;
  problem: Error | undefined;
  status: DatabaseStatus | undefined;

  constructor(options: ReplicaOptions<Table>, now: () => number) {
    this.#options = options;
    this.#now = now;
    this.#log = options.log ?? silentLog;
    this.#backoff = options.backoff ?? createBackoff(50, 4000);
    this.#remotes = parseRemotes(options.remote);
    const names = Object.keys(options.tables) as Table[]; // the keys of Record<Table, ...> are Tables
    this.#columns = fromEntries(names.map((table) => [table, columnsOf(options.tables[table])]));
    this.#conditions = new ReplicaConditions(
      fromEntries(names.map((table) => [table, selectionOf(options.tables[table])])),
    );
    this.#indexes = createRowIndexes(options.indexes, this.#columns);
    this.tables = fromEntries(names.map((table) => [table, new Map<Uuid, Row>()]));
    this.#synced.promise.catch(() => {}); // nobody need wait for it
    this.#run().catch((error: unknown) => this.#synced.reject(error));
  }

  find(table: Table, key: IndexKey): ReadonlyMap<Uuid, Row> {
    return this.#indexes.find(table, key);
  }

  setConditions(conditions: Conditions<Table>): Promise<void> {
    if (this.#stop.signal.aborted) return Promise.reject(this.#stop.signal.reason);
    const changed = this.#conditions.change(conditions);
    void this.#changeConditions(); // never rejects: `changed` tells
    return changed;
  }

  whenSynced(signal?: AbortSignal): Promise<void> {
    return this.#isSynced ? this.#synced.promise : abortable(this.#synced.promise, signal);
  }

  async transact<const Operations extends readonly Operation[]>(
    operations: Operations,
    options: ReplicaCallOptions = {},
  ): Promise<ResultsOf<Operations>> {
    const { database } = this.#options;
    const uncertain = false; // nothing was sent
    if (this.#client === undefined || !this.connected) {
      const message = `there is no connection to ${database} at present`;
      throw new OvsdbError("E_OVSDB_CLOSED", message, { database, uncertain }, this.problem);
    }
    const { epoch } = options;
    if (epoch !== undefined && epoch !== this.epoch) {
      const message = `the connection to ${database} that this was meant for is gone`;
      throw new OvsdbError("E_OVSDB_CLOSED", message, { database, uncertain, epoch, current: this.epoch });
    }
    return await this.#client.transact(database, operations, options);
  }

  close(): void {
    this.#stop.abort(new OvsdbError("E_OVSDB_CLOSED", "the replica was closed"));
    this.#synced.reject(this.#stop.signal.reason);
    this.#conditions.revert(this.#stop.signal.reason);
    this.#client?.close();
  }

  /** One turn a connection. Another remote is tried at once, but after all of them, or after one that served, a wait. */
  async #run(): Promise<void> {
    const { signal } = this.#stop;
    for (let turn = 0, failures = 0, wait = 0; !signal.aborted; turn++) {
      const before = this.#countSyncs();
      const remote = this.#remotes[turn % this.#remotes.length]!;
      const reason = await this.#follow(remote).catch((error: unknown) => error);
      if (signal.aborted) break;
      this.problem = reason instanceof Error ? reason : undefined;
      const served = this.#countSyncs() > before;
      if (served) failures = 0;
      else if (++failures % this.#remotes.length !== 0) continue;
      // A connection that ends as soon as it stands must not be made over and over.
      if (served && this.#now() - this.#connectedSince >= wait) this.#backoff.reset();
      wait = this.#backoff.next();
      const fields = { database: this.#options.database, reason: describeError(reason), wait: Math.round(wait) };
      this.#log.warn("OVSDB connection lost or not made; trying again", fields);
      await pause(wait, signal);
    }
  }

  #countSyncs(): number {
    return this.statistics.full + this.statistics.resumed;
  }

  /** Returns, or throws, why the connection came to its end. */
  async #follow(remote: Remote): Promise<Error | undefined> {
    const { database, leaderOnly = false, connectTimeout: timeout = 5000 } = this.#options;
    const { signal } = this.#stop;
    const client = await connectRemote(remote, { ...this.#options, signal });
    this.#client = client;
    if (signal.aborted) client.close();
    try {
      await followDatabase(client, {
        ...{ database, leaderOnly, timeout, signal, progress: this.#progress, waits: this.#remotes.length === 1 },
        onStatus: (status) => this.#noteStatus(client, status),
        onWaiting: (reason) => this.#noteWaiting(reason),
      });
      await this.#startMonitor(client);
      return await client.closed;
    } catch (error) {
      client.close();
      // The reason that ended the connection says more than the request that it took along.
      throw (await client.closed) ?? error;
    } finally {
      this.#disconnected(await client.closed);
    }
  }

  #noteStatus(client: OvsdbClient, status: DatabaseStatus): void {
    const { database } = this.#options;
    const converted = this.status !== undefined && this.status.schema !== status.schema;
    this.status = status;
    this.#progress = advance(this.#progress, status);
    if (converted) client.close(new OvsdbError("E_OVSDB_CLOSED", `${database} has got another schema`, { database }));
  }

  #noteWaiting(reason: OvsdbError): void {
    if (reason.message === this.problem?.message) return;
    this.problem = reason;
    this.#log.warn("OVSDB server will not do yet; waiting", { reason: reason.message });
  }

  async #startMonitor(client: OvsdbClient): Promise<void> {
    const { database, methods } = this.#options;
    const schema = await client.getSchema(database);
    const version = `${schema.version} ${schema.checksum ?? ""}`;
    if (version !== this.#schemaVersion) this.#lastTransaction = ZERO_UUID;
    this.#decoder = createTableDecoder(schema, this.#columns);
    this.#schemaVersion = version;
    this.epoch++;
    const conditions = this.#conditions;
    const { version: asked, selections } = conditions;
    const resumable = this.#isSynced && conditions.settled;
    const monitor = await client.monitor(database, selections, (update) => this.#receive(client, update), {
      since: resumable ? this.#lastTransaction : ZERO_UUID,
      ...(methods === undefined ? {} : { methods }),
      onCanceled: () => client.close(new OvsdbError("E_OVSDB_CLOSED", `${database} was removed or converted`)),
    });
    this.#monitor = monitor;
    conditions.apply(asked, selections);
    void this.#changeConditions(); // never rejects
  }

  /** Brings conditions that have changed to the server, one change at a time. */
  async #changeConditions(): Promise<void> {
    const [client, monitor, conditions] = [this.#client, this.#monitor, this.#conditions];
    if (client === undefined || monitor === undefined || this.#changingConditions) return;
    this.#changingConditions = true;
    try {
      while (!conditions.settled) {
        const { version, selections } = conditions;
        await monitor.changeConditions(conditions.changes());
        conditions.apply(version, selections);
      }
    } catch (error) {
      // With the connection gone, the next one asks for them.
      if (error instanceof OvsdbError && error.code !== "E_OVSDB_CLOSED") {
        conditions.revert(error);
        client.close(error); // it may have taken some of them
      }
    } finally {
      this.#changingConditions = false;
    }
  }

  #receive(client: OvsdbClient, update: MonitorUpdate): void {
    let changes: readonly RowChange<Table>[];
    try {
      changes = this.#decoder?.changesOf(update, this.tables) ?? [];
    } catch (error) {
      if (!(error instanceof OvsdbError)) throw error;
      // What we hold, or what is sent, is wrong: forget the place in the history and take everything anew.
      this.#lastTransaction = ZERO_UUID;
      this.statistics.inconsistencies++;
      client.close(error);
      return;
    }
    applyChanges(this.tables, changes);
    this.#indexes.apply(changes);
    this.#lastTransaction = update.lastTransaction;
    const first = !this.#isSynced;
    const connectedNow = !this.connected;
    if (connectedNow) this.statistics[update.complete ? "full" : "resumed"]++;
    this.#isSynced = true;
    this.connected = true;
    this.problem = undefined;
    if (first || changes.length > 0) this.#options.onBatch?.({ synced: true, changes });
    if (first) this.#synced.resolve();
    if (connectedNow) this.#announce(client);
  }

  #announce(client: OvsdbClient): void {
    this.#connectedSince = this.#now();
    this.#log.info("OVSDB replica complete", {
      database: this.#options.database,
      remote: client.remote,
      epoch: this.epoch,
    });
    this.#options.onConnection?.(true);
  }

  #disconnected(reason: Error | undefined): void {
    this.#client = undefined;
    this.#monitor = undefined;
    this.status = undefined;
    if (!this.connected) return;
    this.connected = false;
    this.problem = reason;
    this.#options.onConnection?.(false, reason);
  }
}

function columnsOf(selection: TableSelection): readonly string[] {
  return "columns" in selection ? selection.columns : selection;
}

function selectionOf(selection: TableSelection): MonitoredTable {
  return "columns" in selection ? selection : { columns: selection };
}

function fromEntries<Key extends string, Value>(entries: readonly (readonly [Key, Value])[]): Record<Key, Value> {
  return Object.fromEntries(entries) as Record<Key, Value>; // the standard type forgets the keys
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  signal.addEventListener("abort", finish, { once: true });
  function finish(): void {
    clearTimeout(timer);
    resolve();
  }
  return promise.finally(() => signal.removeEventListener("abort", finish));
}
