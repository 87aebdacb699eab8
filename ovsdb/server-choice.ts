/** Which of several servers will do for a database, and for how long. */
import type { OvsdbClient } from "#ovsdb/client.ts";
import { type DatabaseStatus, watchDatabase } from "#ovsdb/database-status.ts";
import { OvsdbError } from "#ovsdb/error.ts";

/** How far we have followed a cluster: a server that is behind would lead back in time. */
export interface Progress {
  readonly clusterId: string;
  readonly index: bigint;
}

export interface Requirement {
  readonly database: string;
  readonly leaderOnly: boolean;
  readonly progress?: Progress | undefined;
}

export interface FollowOptions extends Requirement {
  /** Milliseconds for the server to say what it has. */
  readonly timeout: number;
  /** Gives up asking; a server that is waited for ends with its client. */
  readonly signal?: AbortSignal;
  /** A server that does not fit is kept until it does, instead of a rejection: for when there is no other. */
  readonly waits?: boolean;
  /** Of the server that fits, after every change. */
  onStatus?(status: DatabaseStatus): void;
  /** Why the server does not fit as yet. */
  onWaiting?(reason: OvsdbError): void;
}

/** Undefined if the server fits, else why not. Pure. */
export function misfitOf(status: DatabaseStatus | undefined, requirement: Requirement): OvsdbError | undefined {
  const { database, leaderOnly, progress } = requirement;
  const details = { database };
  if (status === undefined) {
    return new OvsdbError("E_OVSDB_UNKNOWN_DATABASE", `the server has no database ${database}`, details);
  }
  if (!status.connected) {
    return new OvsdbError("E_OVSDB_CLUSTER", `the server is cut off from the cluster of ${database}`, details);
  }
  if (status.schema === undefined) {
    return new OvsdbError("E_OVSDB_UNKNOWN_DATABASE", `the server has not received ${database} yet`, details);
  }
  if (leaderOnly && !status.leader) {
    return new OvsdbError("E_OVSDB_NOT_LEADER", `the server does not lead the cluster of ${database}`, details);
  }
  const { clusterId, index = 0n } = status;
  if (progress !== undefined && progress.clusterId === clusterId && index < progress.index) {
    const message = `the server is behind: it has ${database} up to ${index}, ${progress.index} was seen`;
    return new OvsdbError("E_OVSDB_STALE", message, { ...details, index, seen: progress.index });
  }
  return undefined;
}

/** The later of what was seen and what a server has. Pure. */
export function advance(progress: Progress | undefined, status: DatabaseStatus): Progress | undefined {
  const { clusterId, index } = status;
  if (clusterId === undefined || index === undefined) return progress;
  if (progress?.clusterId === clusterId && progress.index >= index) return progress;
  return { clusterId, index };
}

/**
 * Resolves when the server fits, and closes the client when it no longer does. Resolves at once where the server says
 * nothing of itself. Rejects, with the client closed, when it does not fit.
 */
export async function followDatabase(client: OvsdbClient, options: FollowOptions): Promise<void> {
  const { promise: fitting, resolve, reject } = Promise.withResolvers<void>();
  fitting.catch(() => {}); // `watchDatabase` may reject first
  let chosen = false;

  function onStatus(status: DatabaseStatus | undefined): void {
    // Behind what it has shown itself no server falls while it runs.
    const misfit = misfitOf(status, chosen ? { ...options, progress: undefined } : options);
    if (!chosen && misfit !== undefined && options.waits === true) options.onWaiting?.(misfit);
    else if (misfit !== undefined) refuse(misfit);
    else if (status !== undefined) accept(status);
  }

  function accept(status: DatabaseStatus): void {
    chosen = true;
    options.onStatus?.(status);
    resolve();
  }

  function refuse(misfit: OvsdbError): void {
    reject(misfit);
    client.close(misfit);
  }

  try {
    const known = await watchDatabase(client, options.database, onStatus, deadlineOf(options));
    if (known) await Promise.race([fitting, endOf(client)]);
  } catch (error) {
    const late = error instanceof DOMException && error.name === "TimeoutError";
    const reason = late ? new OvsdbError("E_OVSDB_CONNECT", `no answer within ${options.timeout} ms`) : error;
    client.close();
    throw reason;
  }
}

function deadlineOf({ timeout, signal }: FollowOptions): AbortSignal {
  const deadline = AbortSignal.timeout(timeout);
  return signal === undefined ? deadline : AbortSignal.any([deadline, signal]);
}

async function endOf(client: OvsdbClient): Promise<never> {
  throw (await client.closed) ?? new OvsdbError("E_OVSDB_CLOSED", "the connection was closed here");
}
