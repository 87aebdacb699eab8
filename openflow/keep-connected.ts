import { setTimeout as delay } from "node:timers/promises";
import { type Backoff, createBackoff } from "#base/backoff.ts";
import { describeError } from "#base/errors.ts";
import { silentLog } from "#base/log.ts";
import { type ConnectOptions, connectOpenFlow, type OpenFlowConnection } from "./connection.ts";

export interface KeepOptions extends ConnectOptions {
  /** Ends it, and the connection with it. */
  readonly signal: AbortSignal;
  /** Waits between attempts: 20 ms at first, 1 s at most, with jitter. */
  readonly backoff?: Backoff;
  /** A new connection: nothing that was known of the switch holds any more. Epochs count from 1. */
  onConnect(connection: OpenFlowConnection, epoch: number): void;
  /** The connection of the epoch is no more. */
  onDisconnect?(reason: Error, epoch: number): void;
}

/** Connects, and connects again whenever the connection ends. Resolves when the signal comes; never rejects. */
export async function keepConnected(options: KeepOptions): Promise<void> {
  const { signal, address, log = silentLog, backoff = createBackoff(20, 1000) } = options;
  for (let epoch = 0; !signal.aborted; ) {
    try {
      const connection = await connectOpenFlow(options);
      backoff.reset();
      epoch++;
      await follow(connection, epoch, options);
    } catch (error) {
      if (!signal.aborted) log.debug("no connection to the switch", { address, reason: describeError(error) });
    }
    await delay(backoff.next(), undefined, { signal }).catch(() => undefined);
  }
}

async function follow(connection: OpenFlowConnection, epoch: number, options: KeepOptions): Promise<void> {
  const { signal, onConnect, onDisconnect } = options;
  const abort = (): void => connection.close();
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) connection.close();
  else onConnect(connection, epoch);
  const reason = await connection.closed;
  signal.removeEventListener("abort", abort);
  onDisconnect?.(reason, epoch);
}
