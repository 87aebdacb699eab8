import { type Log, silentLog } from "#base/log.ts";
import { OvsdbError } from "#ovsdb/error.ts";
import { createLockTable, type Lock, type LockOptions } from "#ovsdb/lock.ts";
import {
  decodeMonitorReply,
  decodeMonitorUpdate,
  encodeMonitorRequest,
  MONITOR_METHODS,
  type MonitoredTables,
  type MonitorMethod,
  type MonitorUpdate,
} from "#ovsdb/monitor.ts";
import { type Json, malformed } from "#ovsdb/notation.ts";
import type { Operation, ResultsOf } from "#ovsdb/operations.ts";
import { openSocket, parseRemotes, type Remote, type TlsOptions } from "#ovsdb/remote.ts";
import { createSession, type RpcSession } from "#ovsdb/rpc-session.ts";
import { type DatabaseSchema, parseSchema } from "#ovsdb/schema.ts";
import { decodeResults, encodeOperation, nameColumn } from "#ovsdb/transaction.ts";
import { type Uuid, ZERO_UUID } from "#ovsdb/uuid.ts";

export interface ConnectOptions {
  /** "unix:/path", "tcp:host:port" or "ssl:host:port"; several (array or comma separated) are tried in order. */
  readonly remote: string | readonly string[];
  readonly tls?: TlsOptions;
  readonly log?: Log;
  /** Gives up connecting; has no effect once connected. */
  readonly signal?: AbortSignal;
  /** Milliseconds for each remote to answer in (5000). */
  readonly connectTimeout?: number;
  /** Milliseconds of silence before an echo request (5000); three times as long closes the connection. 0: never. */
  readonly inactivityProbe?: number;
}

export interface CallOptions {
  /** Rejects with the signal's reason, and cancels a transaction at the server. What it has done by then stays. */
  readonly signal?: AbortSignal;
}

export interface MonitorOptions extends CallOptions {
  /** The `lastTransaction` of an earlier monitor: only what came after is sent, where the server still knows. */
  readonly since?: Uuid;
  /** The methods to try, in order. */
  readonly methods?: readonly MonitorMethod[];
  /** The server has ended the monitor, for the database is gone. */
  onCanceled?(): void;
}

export interface Monitor {
  /** The method that the server took. */
  readonly method: MonitorMethod;
  cancel(): Promise<void>;
}

/** One connection to one server. When it is gone it stays gone: `createReplica` is the one that reconnects. */
export interface OvsdbClient {
  /** The remote that answered. */
  readonly remote: string;
  /** Resolves once: undefined after `close()`, else why the connection went. */
  readonly closed: Promise<Error | undefined>;
  listDatabases(options?: CallOptions): Promise<readonly string[]>;
  getSchema(database: string, options?: CallOptions): Promise<DatabaseSchema>;
  /** All or nothing; rejects with an OvsdbError that names the operation that failed. */
  transact<const Operations extends readonly Operation[]>(
    database: string,
    operations: Operations,
    options?: CallOptions,
  ): Promise<ResultsOf<Operations>>;
  /** `onUpdate` gets what is there first, then every change, in the order of the server's messages. */
  monitor(
    database: string,
    tables: MonitoredTables,
    onUpdate: (update: MonitorUpdate) => void,
    options?: MonitorOptions,
  ): Promise<Monitor>;
  lock(name: string, options?: LockOptions): Promise<Lock>;
  echo(options?: CallOptions): Promise<void>;
  /** Any other method of the server: `request("get_server_id", [])`. */
  request(method: string, params: readonly Json[], options?: CallOptions): Promise<Json>;
  /** Everything in flight rejects with E_OVSDB_CLOSED. A reason makes `closed` resolve with it. */
  close(reason?: Error): void;
}

/**
 *     const client = await connectOvsdb({ remote: "unix:/var/run/openvswitch/db.sock" });
 *     const [bridge] = await client.transact("Open_vSwitch", [select("Bridge", [["name", "==", "br0"]])]);
 */
export async function connectOvsdb(options: ConnectOptions): Promise<OvsdbClient> {
  const { tls, signal, connectTimeout: timeout = 5000, log = silentLog } = options;
  const failures: unknown[] = [];
  for (const remote of parseRemotes(options.remote)) {
    try {
      const socket = await openSocket(remote, { tls, signal, timeout });
      return new Client(remote, (onNotification) =>
        createSession(socket, {
          remote: remote.text,
          log,
          inactivityProbe: options.inactivityProbe ?? 5000,
          onNotification,
        }),
      );
    } catch (error) {
      signal?.throwIfAborted();
      failures.push(error);
    }
  }
  throw failures.length === 1 ? failures[0] : noneAnswered(failures);
}

function noneAnswered(failures: readonly unknown[]): OvsdbError {
  const reasons = failures.map((failure) => (failure instanceof Error ? failure.message : String(failure)));
  return new OvsdbError("E_OVSDB_CONNECT", `no remote answers: ${reasons.join("; ")}`, {}, failures.at(-1));
}

interface RunningMonitor {
  onUpdate(update: MonitorUpdate): void;
  onCanceled: (() => void) | undefined;
}

class Client implements OvsdbClient {
  readonly remote: string;
  readonly #session: RpcSession;
  readonly #locks = createLockTable(() => this.#session);
  readonly #monitors = new Map<string, RunningMonitor>();
  /** For explaining refusals; a server drops the connection when it converts a database. */
  readonly #schemas = new Map<string, Promise<DatabaseSchema>>();
  #lastMonitor = 0;

  constructor(
    remote: Remote,
    start: (onNotification: (method: string, params: readonly Json[]) => void) => RpcSession,
  ) {
    this.remote = remote.text;
    this.#session = start((method, params) => this.#notify(method, params));
  }

  get closed(): Promise<Error | undefined> {
    return this.#session.closed;
  }

  async listDatabases(options: CallOptions = {}): Promise<readonly string[]> {
    const names = await this.#session.request("list_dbs", [], options);
    if (!Array.isArray(names)) throw malformed("names of databases", names);
    return names.map(String);
  }

  async getSchema(database: string, options: CallOptions = {}): Promise<DatabaseSchema> {
    return parseSchema(await this.#session.request("get_schema", [database], options));
  }

  async transact<const Operations extends readonly Operation[]>(
    database: string,
    operations: Operations,
    options: CallOptions = {},
  ): Promise<ResultsOf<Operations>> {
    const reply = await this.#session.request("transact", [database, ...operations.map(encodeOperation)], options);
    try {
      // The one place where a list of results becomes the tuple that its operations stand for: decoded one by one.
      return decodeResults(operations, reply) as unknown as ResultsOf<Operations>;
    } catch (error) {
      throw await this.#explain(error, database, operations);
    }
  }

  async monitor(
    database: string,
    tables: MonitoredTables,
    onUpdate: (update: MonitorUpdate) => void,
    options: MonitorOptions = {},
  ): Promise<Monitor> {
    const { since = ZERO_UUID, methods = MONITOR_METHODS, onCanceled } = options;
    const name = `weir-${++this.#lastMonitor}`;
    for (const method of methods) {
      if (method === "monitor" && Object.values(tables).some(({ where = [] }) => where.length > 0)) continue;
      const params = encodeMonitorRequest(method, database, name, tables, since);
      const onResult = (result: Json) => {
        this.#monitors.set(name, { onUpdate, onCanceled });
        this.#deliver(() => decodeMonitorReply(method, result), onUpdate);
      };
      try {
        await this.#session.request(method, params, { signal: options.signal, onResult });
        return { method, cancel: () => this.#cancelMonitor(name) };
      } catch (error) {
        if (!(error instanceof OvsdbError && error.code === "E_OVSDB_UNKNOWN_METHOD")) throw error;
      }
    }
    throw new OvsdbError("E_OVSDB_NOT_SUPPORTED", `the server has none of these: ${methods.join(", ")}`, { methods });
  }

  lock(name: string, options: LockOptions = {}): Promise<Lock> {
    return this.#locks.acquire(name, options);
  }

  async echo(options: CallOptions = {}): Promise<void> {
    await this.#session.request("echo", [], options);
  }

  request(method: string, params: readonly Json[], options: CallOptions = {}): Promise<Json> {
    return this.#session.request(method, params, options);
  }

  close(reason?: Error): void {
    this.#session.close(reason);
  }

  /** Only a refusal that names no column costs the schema, which is asked for once. */
  async #explain(error: unknown, database: string, operations: readonly Operation[]): Promise<unknown> {
    if (!(error instanceof OvsdbError) || error.details["table"] === undefined || "column" in error.details)
      return error;
    if (error.code !== "E_OVSDB_CONSTRAINT" && error.code !== "E_OVSDB_SYNTAX") return error;
    let schema = this.#schemas.get(database);
    if (schema === undefined) {
      schema = this.getSchema(database);
      this.#schemas.set(database, schema);
    }
    return schema.then(
      (known) => nameColumn(error, operations, known),
      () => error, // the connection went meanwhile: the refusal is still the truth
    );
  }

  async #cancelMonitor(name: string): Promise<void> {
    this.#monitors.delete(name);
    await this.#session.request("monitor_cancel", [name]);
  }

  #notify(method: string, params: readonly Json[]): void {
    if (this.#locks.notify(method, params)) return;
    const [name] = params;
    const monitor = typeof name === "string" ? this.#monitors.get(name) : undefined;
    if (monitor === undefined) return; // of a monitor that we have just cancelled, or a notification of a later version
    if (method === "monitor_canceled") {
      this.#monitors.delete(String(name));
      monitor.onCanceled?.();
    } else this.#deliver(() => decodeMonitorUpdate(method, params)?.update, monitor.onUpdate);
  }

  /** A message that cannot be read ends the connection: after it, nothing that follows could be trusted. */
  #deliver(decode: () => MonitorUpdate | undefined, onUpdate: (update: MonitorUpdate) => void): void {
    let update: MonitorUpdate | undefined;
    try {
      update = decode();
    } catch (error) {
      this.#session.close(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    if (update !== undefined) onUpdate(update);
  }
}
