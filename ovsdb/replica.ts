import { type Backoff, createBackoff } from "#base/backoff.ts";
import { describeError } from "#base/errors.ts";
import { type Log, silentLog } from "#base/log.ts";
import { type CallOptions, connectOvsdb, type OvsdbClient } from "#ovsdb/client.ts";
import { OvsdbError } from "#ovsdb/error.ts";
import type { MonitoredTable, MonitorMethod, MonitorUpdate } from "#ovsdb/monitor.ts";
import type { Operation, ResultsOf, Where } from "#ovsdb/operations.ts";
import { parseRemotes, type TlsOptions } from "#ovsdb/remote.ts";
import type { Row } from "#ovsdb/row.ts";
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
export type TableSelection = readonly string[] | { readonly columns: readonly string[]; readonly where: Where };

export interface ReplicaOptions<Table extends string> {
  /** As for `connectOvsdb`; after a failure the next attempt begins with the next one. */
  readonly remote: string | readonly string[];
  readonly database: string;
  /** `{ Interface: ["name", "ofport", "external_ids"] }` */
  readonly tables: Readonly<Record<Table, TableSelection>>;
  /** Never called with nothing to say, save for the first batch. */
  onBatch?(batch: ReplicaBatch<Table>): void;
  /** Called when the connection comes (complete, after its batch) and goes; `reason` says why it went. */
  onConnection?(connected: boolean, reason?: Error): void;
  readonly log?: Log;
  readonly tls?: TlsOptions;
  readonly inactivityProbe?: number;
  readonly connectTimeout?: number;
  /** Waits between attempts: 50 ms at first, 4 s at most. */
  readonly backoff?: Backoff;
  readonly methods?: readonly MonitorMethod[];
}

export interface ReplicaCallOptions extends CallOptions {
  /** Refuses to write unless the connection is still this one (`replica.epoch` when the decision was made). */
  readonly epoch?: number;
}

/** A copy of some tables, kept by monitor. It reconnects by itself; what changed meanwhile comes as one batch. */
export interface Replica<Table extends string> {
  readonly tables: { readonly [T in Table]: ReadonlyMap<Uuid, Row> };
  /** Connected and complete. */
  readonly connected: boolean;
  /** Counts the connections; 0 before the first. */
  readonly epoch: number;
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
export function createReplica<Table extends string>(options: ReplicaOptions<Table>): Replica<Table> {
  return new TableReplica(options);
}

class TableReplica<Table extends string> implements Replica<Table> {
  readonly tables: Tables<Table>;
  readonly #options: ReplicaOptions<Table>;
  readonly #log: Log;
  readonly #backoff: Backoff;
  readonly #stop = new AbortController();
  readonly #synced = Promise.withResolvers<void>();
  readonly #selections: Readonly<Record<Table, MonitoredTable>>;
  #remotes: readonly string[];
  #client: OvsdbClient | undefined;
  #decoder: TableDecoder<Table> | undefined;
  /** The schema that `tables` and `#lastTransaction` belong to. */
  #schemaVersion = "";
  #lastTransaction: Uuid = ZERO_UUID;
  #isSynced = false;
  epoch = 0;
  connected = false;

  constructor(options: ReplicaOptions<Table>) {
    this.#options = options;
    this.#log = options.log ?? silentLog;
    this.#backoff = options.backoff ?? createBackoff(50, 4000);
    this.#remotes = parseRemotes(options.remote).map(({ text }) => text);
    const names = Object.keys(options.tables) as Table[]; // the keys of Record<Table, ...> are Tables
    this.#selections = fromEntries(names.map((table) => [table, selectionOf(options.tables[table])]));
    this.tables = fromEntries(names.map((table) => [table, new Map<Uuid, Row>()]));
    this.#synced.promise.catch(() => {}); // nobody need wait for it
    this.#run().catch((error: unknown) => this.#synced.reject(error));
  }

  whenSynced(signal?: AbortSignal): Promise<void> {
    if (signal === undefined || this.#isSynced) return this.#synced.promise;
    if (signal.aborted) return Promise.reject(signal.reason);
    const { promise, reject } = Promise.withResolvers<void>();
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    return Promise.race([this.#synced.promise, promise]).finally(() => signal.removeEventListener("abort", onAbort));
  }

  async transact<const Operations extends readonly Operation[]>(
    operations: Operations,
    options: ReplicaCallOptions = {},
  ): Promise<ResultsOf<Operations>> {
    const { database } = this.#options;
    if (this.#client === undefined || !this.connected) {
      throw new OvsdbError("E_OVSDB_CLOSED", `there is no connection to ${database} at present`, { database });
    }
    if (options.epoch !== undefined && options.epoch !== this.epoch) {
      const message = `the connection to ${database} that this was meant for is gone`;
      throw new OvsdbError("E_OVSDB_CLOSED", message, { database, epoch: options.epoch, current: this.epoch });
    }
    return await this.#client.transact(database, operations, options);
  }

  close(): void {
    this.#stop.abort(new OvsdbError("E_OVSDB_CLOSED", "the replica was closed"));
    this.#synced.reject(this.#stop.signal.reason);
    this.#client?.close();
  }

  /** One turn a connection: connect, follow, and after its end wait a while. */
  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const reason = await this.#follow().catch((error: unknown) => error);
      if (signal.aborted) break;
      this.#remotes = [...this.#remotes.slice(1), ...this.#remotes.slice(0, 1)];
      const wait = this.#backoff.next();
      const fields = { database: this.#options.database, reason: describeError(reason), wait: Math.round(wait) };
      this.#log.warn("OVSDB connection lost or not made; trying again", fields);
      await pause(wait, signal);
    }
  }

  /** Returns, or throws, why the connection came to its end. */
  async #follow(): Promise<Error | undefined> {
    const { tls, inactivityProbe, connectTimeout } = this.#options;
    const { signal } = this.#stop;
    const client = await connectOvsdb({
      remote: this.#remotes,
      log: this.#log,
      signal,
      ...(tls === undefined ? {} : { tls }),
      ...(inactivityProbe === undefined ? {} : { inactivityProbe }),
      ...(connectTimeout === undefined ? {} : { connectTimeout }),
    });
    if (signal.aborted) {
      client.close();
      return undefined;
    }
    this.#client = client;
    this.epoch++;
    try {
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

  async #startMonitor(client: OvsdbClient): Promise<void> {
    const { database, methods } = this.#options;
    const schema = await client.getSchema(database);
    const version = `${schema.version} ${schema.checksum ?? ""}`;
    if (version !== this.#schemaVersion) this.#lastTransaction = ZERO_UUID;
    const columns = mapValues(this.#selections, (selection) => selection.columns);
    this.#decoder = createTableDecoder(schema, columns);
    this.#schemaVersion = version;
    await client.monitor(database, this.#selections, (update) => this.#receive(client, update), {
      since: this.#isSynced ? this.#lastTransaction : ZERO_UUID,
      ...(methods === undefined ? {} : { methods }),
      onCanceled: () => client.close(new OvsdbError("E_OVSDB_CLOSED", `${database} is gone from the server`)),
    });
  }

  #receive(client: OvsdbClient, update: MonitorUpdate): void {
    let changes: readonly RowChange<Table>[];
    try {
      changes = this.#decoder?.changesOf(update, this.tables) ?? [];
    } catch (error) {
      if (!(error instanceof OvsdbError)) throw error;
      // What we hold, or what is sent, is wrong: forget the place in the history and take everything anew.
      this.#lastTransaction = ZERO_UUID;
      client.close(error);
      return;
    }
    applyChanges(this.tables, changes);
    this.#lastTransaction = update.lastTransaction;
    const first = !this.#isSynced;
    const connectedNow = !this.connected;
    this.#isSynced = true;
    this.connected = true;
    if (first || changes.length > 0) this.#options.onBatch?.({ synced: true, changes });
    if (first) this.#synced.resolve();
    if (connectedNow) this.#announce(client);
  }

  #announce(client: OvsdbClient): void {
    this.#backoff.reset();
    this.#log.info("OVSDB replica complete", {
      database: this.#options.database,
      remote: client.remote,
      epoch: this.epoch,
    });
    this.#options.onConnection?.(true);
  }

  #disconnected(reason: Error | undefined): void {
    this.#client = undefined;
    if (!this.connected) return;
    this.connected = false;
    this.#options.onConnection?.(false, reason);
  }
}

function selectionOf(selection: TableSelection): MonitoredTable {
  return "columns" in selection ? selection : { columns: selection };
}

function fromEntries<Key extends string, Value>(entries: readonly (readonly [Key, Value])[]): Record<Key, Value> {
  return Object.fromEntries(entries) as Record<Key, Value>; // the standard type forgets the keys
}

function mapValues<Key extends string, From, To>(
  record: Readonly<Record<Key, From>>,
  map: (value: From) => To,
): Record<Key, To> {
  const keys = Object.keys(record) as Key[]; // as above
  return fromEntries(keys.map((key) => [key, map(record[key])]));
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
