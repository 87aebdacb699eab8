import { type Ip, type Ipv6, isIpv4 } from "#base/address.ts";
import { describeError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { OpenFlowConnection } from "#openflow/connection.ts";
import type { MessageOf } from "#openflow/messages/message.ts";
import { PROTOCOLS } from "#pipeline/model/protocol.ts";
import { type Stale, staleKey, type Translation } from "./translations.ts";

type Batch = readonly (readonly [key: string, Stale])[];

/** Milliseconds after which the switch's cache of its decisions has followed its tables: twice its max-revalidator. */
export const CACHE_FOLLOWS = 1000;
/**
 * Open vSwitch looks through the connections of its userspace datapath while their table shrinks behind those that go, and then
 * leaves out up to half of them. So it is asked again: so many times, as long as it does not take it more milliseconds than that.
 */
const PASSES = 12;
const PATIENCE = 20;

/**
 * Has conntrack forget connections that lead where their service does not lead any more: their next packets find an endpoint. At
 * once, and again when the switch's cache follows: until then it may do with a packet what it did with the one before. What could
 * not be forgotten, for the connection broke, is when there is one again.
 */
export class StaleConnections {
  readonly #log: Log;
  readonly #waiting = new Map<string, Stale>();
  readonly #again = new Map<string, Stale>();
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Resolves when they are forgotten for the first time, or cannot be yet. Nothing is of what leads there again. */
  async follow(
    connection: OpenFlowConnection,
    ended: readonly Stale[],
    standing: readonly Translation[],
  ): Promise<void> {
    for (const one of this.#waiting.size + this.#again.size > 0 ? standing : []) {
      this.#waiting.delete(staleKey(one));
      this.#again.delete(staleKey(one));
    }
    for (const stale of ended) this.#waiting.set(staleKey(stale), stale);
    const now = [...this.#waiting];
    if (now.length === 0 || !(await this.#flush(connection, now))) return;
    for (const [key, stale] of now) {
      this.#waiting.delete(key);
      this.#again.set(key, stale);
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void this.#flushAgain(connection, now);
    }, CACHE_FOLLOWS);
    this.#timers.add(timer);
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  /** It rejects never. */
  async #flushAgain(connection: OpenFlowConnection, batch: Batch): Promise<void> {
    const rest = batch.filter(([key, stale]) => this.#again.get(key) === stale);
    for (const [key] of rest) this.#again.delete(key);
    if (rest.length > 0 && !(await this.#flush(connection, rest)))
      for (const [key, stale] of rest) this.#waiting.set(key, stale);
  }

  /** Whether the connection held. */
  async #flush(connection: OpenFlowConnection, batch: Batch): Promise<boolean> {
    const messages = batch.map(([, stale]) => flushOf(stale));
    const started = performance.now();
    try {
      for (let pass = 0; pass < PASSES && performance.now() - started < PATIENCE; pass++) {
        const [refusal] = await connection.sendAll(messages);
        if (refusal === undefined) continue;
        this.#log.warn("the switch does not forget connections", { reason: refusal.error.message });
        break;
      }
      return true;
    } catch (error) {
      this.#log.debug("connections cannot be forgotten yet", { reason: describeError(error) });
      return false;
    }
  }
}

/**
 * NXT_CT_FLUSH: whose packets go to the frontend, and whose answers come from where they were led. Up to version 3.1 the userspace
 * datapath knows SCTP by its addresses alone.
 */
export function flushOf({ zone, protocol, ip, port, to }: Stale): MessageOf<"nxt_ct_flush"> {
  const hasPorts = protocol !== PROTOCOLS.SCTP;
  const original = { ...(ip !== undefined && { destination: wide(ip) }), ...(hasPorts && { destinationPort: port }) };
  const reply = to && { source: wide(to.ip), ...(hasPorts && { sourcePort: to.port }) };
  return { type: "nxt_ct_flush", ipProto: protocol, properties: { original, ...(reply && { reply }), zone } };
}

/** IPv4 is mapped into IPv6. */
export function wide(ip: Ip): Ipv6 {
  return isIpv4(ip) ? ((0xffff_0000_0000n | BigInt(ip)) as Ipv6) : ip;
}
