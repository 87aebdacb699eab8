import { describeError } from "#base/errors.ts";
import { createClient, type OvsdbClient } from "#ovsdb/client.ts";
import { OvsdbError } from "#ovsdb/error.ts";
import { connectError, openSocket, parseRemotes, type Remote, type TlsOptions } from "#ovsdb/remote.ts";
import { followDatabase } from "#ovsdb/server-choice.ts";

export interface ConnectOptions {
  /** "unix:/path", "tcp:host:port" or "ssl:host:port"; several (array or comma separated) are tried in order. */
  readonly remote: string | readonly string[];
  readonly tls?: TlsOptions;
  /** Only a server that has this database and is not cut off from its cluster; `closed` tells when that ends. */
  readonly database?: string;
  /** With `database`: only the leader of its cluster. */
  readonly leaderOnly?: boolean;
  /** Gives up connecting; has no effect once connected. */
  readonly signal?: AbortSignal;
  /** Milliseconds for each remote to answer in (5000). */
  readonly connectTimeout?: number;
  /** Milliseconds of silence before an echo request (5000); three times as long closes the connection. 0: never. */
  readonly inactivityProbe?: number;
  /** Bytes of the longest message that is taken (128 MiB); a longer one closes the connection. */
  readonly messageLimit?: number;
}

export type RemoteOptions = Omit<ConnectOptions, "remote" | "database" | "leaderOnly">;

/**
 *     const client = await connectOvsdb({ remote: "unix:/var/run/openvswitch/db.sock" });
 *     const [bridge] = await client.transact("Open_vSwitch", [select("Bridge", [["name", "==", "br0"]])]);
 */
export async function connectOvsdb(options: ConnectOptions): Promise<OvsdbClient> {
  const { database, leaderOnly = false, signal } = options;
  const failures: unknown[] = [];
  for (const remote of parseRemotes(options.remote)) {
    try {
      const client = await connectRemote(remote, options);
      if (database !== undefined) {
        await followDatabase(client, { database, leaderOnly, timeout: timeoutOf(options), ...(signal && { signal }) });
      }
      return client;
    } catch (error) {
      signal?.throwIfAborted();
      failures.push(error);
    }
  }
  throw failures.length === 1 ? failures[0] : noneAnswered(failures);
}

/** One connection to one remote, whatever databases it has. */
export async function connectRemote(remote: Remote, options: RemoteOptions): Promise<OvsdbClient> {
  const { tls, signal, inactivityProbe = 5000, messageLimit } = options;
  const timeout = timeoutOf(options);
  const socket = await openSocket(remote, { tls, signal, timeout });
  const client = createClient(socket, { remote: remote.text, inactivityProbe, messageLimit });
  if (remote.type !== "ssl") return client;
  try {
    // In TLS 1.3 a server looks at our certificate when for us the connection stands already.
    await client.echo({ signal: AbortSignal.any([AbortSignal.timeout(timeout), ...(signal ? [signal] : [])]) });
    return client;
  } catch (error) {
    client.close();
    signal?.throwIfAborted();
    throw connectError(remote, rootCause(error));
  }
}

function timeoutOf({ connectTimeout = 5000 }: RemoteOptions): number {
  return connectTimeout;
}

function rootCause(error: unknown): unknown {
  return error instanceof OvsdbError && error.cause !== undefined ? rootCause(error.cause) : error;
}

function noneAnswered(failures: readonly unknown[]): OvsdbError {
  const reasons = failures.map(describeError);
  return new OvsdbError("E_OVSDB_CONNECT", `no remote answers: ${reasons.join("; ")}`, { failures });
}
