import type { Log } from "#base/log.ts";
import type { Operation, ResultsOf } from "#ovsdb/operations.ts";

/** TLS for `ssl:` remotes, as PEM text. As in Open vSwitch, the peer's certificate must be signed by `ca`; names are not checked. */
export interface TlsOptions {
  readonly key: string;
  readonly certificate: string;
  readonly ca: string;
}

export interface ConnectOptions {
  /** "unix:/path", "tcp:host:port" or "ssl:host:port"; several (array or comma separated) are tried in order. */
  readonly remote: string | readonly string[];
  readonly tls?: TlsOptions;
  readonly log?: Log;
  /** Gives up connecting; has no effect once connected. */
  readonly signal?: AbortSignal;
  /** Milliseconds of silence before an echo request (5000); three times as long closes the connection. 0: never. */
  readonly inactivityProbe?: number;
}

export interface CallOptions {
  /** Rejects with the signal's reason, and cancels the request at the server. What already happened there stays. */
  readonly signal?: AbortSignal;
}

/** One connection to one server. When it is gone it stays gone: `createReplica` is the one that reconnects. */
export interface OvsdbClient {
  /** The remote that answered. */
  readonly remote: string;
  /** Resolves once: undefined after `close()`, else why the connection went. */
  readonly closed: Promise<Error | undefined>;
  listDatabases(options?: CallOptions): Promise<readonly string[]>;
  /** All or nothing; rejects with an OvsdbError that names the operation that failed. */
  transact<const Operations extends readonly Operation[]>(
    database: string,
    operations: Operations,
    options?: CallOptions,
  ): Promise<ResultsOf<Operations>>;
  echo(options?: CallOptions): Promise<void>;
  close(): void;
}

/**
 *     const client = await connectOvsdb({ remote: "unix:/var/run/openvswitch/db.sock" });
 *     const [bridge] = await client.transact("Open_vSwitch", [select("Bridge", [["name", "==", "br0"]])]);
 */
export function connectOvsdb(_options: ConnectOptions): Promise<OvsdbClient> {
  throw new Error("not yet");
}
