import { describeError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { OpenFlowConnection } from "#openflow/connection.ts";
import type { Match } from "#openflow/match.ts";
import type { MessageOf } from "#openflow/messages/message.ts";
import { type ConnectionTuple, unfinishedConnection } from "#pipeline/denials/unfinished-connection.ts";
import { wide } from "./stale-connections.ts";

/** Milliseconds in which whoever answers a denied packet, by what conntrack knows of it, has done so. */
const LEAVE_TO_ANSWER = 100;
/** Of more in that time the others are known for half a minute, as all would be. */
const MOST_WAITING = 1000;

/**
 * Has conntrack forget connections to services that policies deny: from the port of one that is known and went nowhere no other could
 * be begun, whatever policies say by then. Those are forgotten of which the node process is told.
 */
export class DeniedConnections {
  readonly #log: Log;
  #waiting = new Map<string, ConnectionTuple>();
  #timer: NodeJS.Timeout | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** A packet from the switch. */
  take(metadata: Match, connection: () => OpenFlowConnection | undefined): void {
    const tuple = unfinishedConnection(metadata);
    if (tuple === undefined || this.#waiting.size >= MOST_WAITING) return;
    this.#waiting.set(Object.values(tuple).join(" "), tuple);
    this.#timer ??= setTimeout(() => void this.#flush(connection()), LEAVE_TO_ANSWER);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** It never rejects. */
  async #flush(connection: OpenFlowConnection | undefined): Promise<void> {
    const tuples = [...this.#waiting.values()];
    this.#waiting = new Map();
    this.#timer = undefined;
    try {
      await connection?.sendAll(tuples.map(flushOfTuple));
    } catch (error) {
      // They go by themselves, in their time.
      this.#log.debug("denied connections could not be forgotten", { reason: describeError(error) });
    }
  }
}

function flushOfTuple(tuple: ConnectionTuple): MessageOf<"nxt_ct_flush"> {
  const { zone, protocol, source, destination, sourcePort, destinationPort } = tuple;
  const original = { source: wide(source), destination: wide(destination), sourcePort, destinationPort };
  return { type: "nxt_ct_flush", ipProto: protocol, properties: { original, zone } };
}
