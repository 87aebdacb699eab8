import type { Socket } from "node:net";
import { abortable } from "#ovsdb/abortable.ts";
import { checkOperations } from "#ovsdb/check-operations.ts";
import { OvsdbError } from "#ovsdb/error.ts";
import { createLockTable, type Lock, type LockOptions } from "#ovsdb/lock.ts";
import {
  decodeMonitorReply,
  decodeMonitorUpdate,
  encodeConditionChange,
  encodeMonitorRequest,
  isConditional,
  MONITOR_METHODS,
  type MonitoredTables,
  type MonitorMethod,
  type MonitorUpdate,
  type MonitorWhere,
} from "#ovsdb/monitor.ts";
import { type Json, malformed } from "#ovsdb/notation.ts";
import type { Operation, ResultsOf } from "#ovsdb/operations.ts";
import { createSession, type RpcSession } from "#ovsdb/rpc-session.ts";
import { type DatabaseSchema, parseSchema } from "#ovsdb/schema.ts";
import { decodeResults, encodeOperation } from "#ovsdb/transaction.ts";
import { isUuid, type Uuid, ZERO_UUID } from "#ovsdb/uuid.ts";

export interface ClientOptions {
  readonly remote: string;
  readonly inactivityProbe: number;
  readonly messageLimit?: number | undefined;
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
  /** The server has ended the monitor: the database is gone or converted (only told where `setDatabaseChangeAware`). */
  onCanceled?(): void;
}

export interface Monitor {
  /** The method that the server took. */
  readonly method: MonitorMethod;
  /**
   * Tables that are not named keep their conditions. The rows that enter and leave come as one update, before this
   * resolves: `changeConditions({ Interface: [["name", "==", "p1"]] })`.
   */
  changeConditions(where: Readonly<Record<string, MonitorWhere>>, options?: CallOptions): Promise<void>;
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
  /** Another one after each start of the server. */
  getServerId(options?: CallOptions): Promise<Uuid>;
  /** Whether the server tells of databases that come, go and change, instead of dropping the connection. */
  setDatabaseChangeAware(aware: boolean, options?: CallOptions): Promise<void>;
  /** Gives a database another schema, as JSON; what the new one has no place for is lost. */
  convert(database: string, schema: Json, options?: CallOptions): Promise<void>;
  /** Resolves while little waits to be written: what pipelines very many requests awaits it between them. */
  whenWritable(): Promise<void>;
  /** Any other method of the server. */
  request(method: string, params: readonly Json[], options?: CallOptions): Promise<Json>;
  /** Everything in flight rejects with E_OVSDB_CLOSED. A reason makes `closed` resolve with it. */
  close(reason?: Error): void;
}

/** Over a socket that is connected. */
export function createClient(socket: Socket, options: ClientOptions): OvsdbClient {
  return new Client(socket, options);
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
  /** Transactions are checked against them before they are sent. */
  readonly #schemas = new Map<string, Promise<DatabaseSchema>>();
  #lastMonitor = 0;

  constructor(socket: Socket, options: ClientOptions) {
    this.remote = options.remote;
    this.#session = createSession(socket, {
      ...options,
      onNotification: (method, params) => this.#notify(method, params),
    });
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
    const schema = parseSchema(await this.#session.request("get_schema", [database], options));
    this.#schemas.set(database, Promise.resolve(schema));
    return schema;
  }

  async transact<const Operations extends readonly Operation[]>(
    database: string,
    operations: Operations,
    options: CallOptions = {},
  ): Promise<ResultsOf<Operations>> {
    const schema = await abortable(this.#check(database, operations), options.signal);
    const reply = await this.#session.request("transact", [database, ...operations.map(encodeOperation)], options);
    // The one place where a list of results becomes the tuple that its operations stand for: decoded one by one.
    return decodeResults(operations, reply, schema) as unknown as ResultsOf<Operations>;
  }

  async monitor(
    database: string,
    tables: MonitoredTables,
    onUpdate: (update: MonitorUpdate) => void,
    options: MonitorOptions = {},
  ): Promise<Monitor> {
    const { since = ZERO_UUID, methods = MONITOR_METHODS, onCanceled } = options;
    const name = `weir-${++this.#lastMonitor}`;
    const conditional = Object.values(tables).some(({ where = true }) => isConditional(where));
    for (const method of methods) {
      if (method === "monitor" && conditional) continue;
      const params = encodeMonitorRequest(method, database, name, tables, since);
      const onResult = (result: Json) => {
        this.#monitors.set(name, { onUpdate, onCanceled });
        this.#deliver(() => decodeMonitorReply(method, result), onUpdate);
      };
      try {
        await this.#session.request(method, params, { signal: options.signal, onResult });
        return this.#monitorHandle(name, method);
      } catch (error) {
        if (options.signal?.aborted) void this.#cancelMonitor(name).catch(() => {}); // it may run at the server
        if (!(error instanceof OvsdbError && error.code === "E_OVSDB_UNKNOWN_METHOD")) throw error;
      }
    }
    const message = `the server has none of these${conditional ? " that takes conditions" : ""}: ${methods.join(", ")}`;
    throw new OvsdbError("E_OVSDB_NOT_SUPPORTED", message, { methods });
  }

  #monitorHandle(name: string, method: MonitorMethod): Monitor {
    return {
      method,
      changeConditions: async (where, options = {}) => {
        if (method === "monitor") {
          throw new OvsdbError("E_OVSDB_NOT_SUPPORTED", "the server's monitor takes no conditions", { method });
        }
        await this.#session.request("monitor_cond_change", encodeConditionChange(name, where), options);
      },
      cancel: () => this.#cancelMonitor(name),
    };
  }

  lock(name: string, options: LockOptions = {}): Promise<Lock> {
    return this.#locks.acquire(name, options);
  }

  async echo(options: CallOptions = {}): Promise<void> {
    await this.#session.request("echo", [], options);
  }

  async getServerId(options: CallOptions = {}): Promise<Uuid> {
    const id = await this.#session.request("get_server_id", [], options);
    if (!isUuid(id)) throw malformed("the id of a server", id);
    return id;
  }

  async setDatabaseChangeAware(aware: boolean, options: CallOptions = {}): Promise<void> {
    await this.#session.request("set_db_change_aware", [aware], options);
  }

  async convert(database: string, schema: Json, options: CallOptions = {}): Promise<void> {
    await this.#session.request("convert", [database, schema], options);
    this.#schemas.delete(database);
  }

  whenWritable(): Promise<void> {
    return this.#session.whenWritable();
  }

  request(method: string, params: readonly Json[], options: CallOptions = {}): Promise<Json> {
    return this.#session.request(method, params, options);
  }

  close(reason?: Error): void {
    this.#session.close(reason);
  }

  /** A database may have been converted since its schema was read: it is read anew before it is a reason to refuse. */
  async #check(database: string, operations: readonly Operation[]): Promise<DatabaseSchema> {
    const known = this.#schemas.get(database);
    const schema = await (known ?? this.#learnSchema(database));
    try {
      checkOperations(operations, schema);
      return schema;
    } catch (error) {
      if (known === undefined) throw error;
      const current = await this.#learnSchema(database);
      checkOperations(operations, current);
      return current;
    }
  }

  /** Asked once for all transactions that wait for it. */
  #learnSchema(database: string): Promise<DatabaseSchema> {
    const schema = this.getSchema(database);
    this.#schemas.set(database, schema);
    schema.catch(() => this.#schemas.delete(database));
    return schema;
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
      this.#schemas.clear(); // of a database that is gone or converted
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
