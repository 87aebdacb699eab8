import { setImmediate as nextTurn } from "node:timers/promises";
import { describeError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { OpenFlowConnection } from "#openflow/connection.ts";
import { NO_BUFFER } from "#openflow/messages/flow-mod.ts";
import type { Message } from "#openflow/messages/message.ts";
import type { Asking } from "#pipeline/cutting/ask-again.ts";
import { createJudge } from "#pipeline/cutting/judge-connection.ts";
import { podsConcerned } from "#pipeline/cutting/pods-concerned.ts";
import { readTrackedConnection } from "#pipeline/cutting/tracked-connection.ts";
import type { SwitchWork } from "#pipeline/graph.ts";
import { ZONE } from "#pipeline/layout/conntrack.ts";
import type { View } from "#pipeline/model/model.ts";
import { dumpConnections, type SwitchControl } from "./dump-connections.ts";
import { CACHE_FOLLOWS } from "./stale-connections.ts";

export interface CutConnectionsOptions {
  readonly control: SwitchControl;
  readonly view: View;
  readonly log: Log;
  readonly signal: AbortSignal;
  connection(): OpenFlowConnection | undefined;
}

/** Milliseconds in which changes that follow each other become one look. */
const TOGETHER = 50;
/** The switch forwards nothing while it writes its connections down: of so many times that time no other is asked for. */
const REST = 20;
/** The node's work is waited for by pods, and this by nobody: after so many milliseconds the others have their turn. */
const SLICE = 4;
const BATCH = 500;

/**
 * When policies come to deny what they allowed, the next packet of the side that began a connection cuts it. Over UDP there may be
 * none, while the other side goes on sending: so for connections of which the policies' meaning says that they are denied the
 * switch gets such a packet. At once, and again when its cache follows: until then one may have begun that nothing allows.
 */
export class CutConnections {
  readonly #options: CutConnectionsOptions;
  readonly #timers = new Set<NodeJS.Timeout>();
  #waiting = new Set<string>();
  #isLooking = false;
  #restUntil = 0;
  #seen: OpenFlowConnection | undefined;
  #isUnreadable = false;

  constructor(options: CutConnectionsOptions) {
    this.#options = options;
    options.signal.addEventListener("abort", () => this.#stop(), { once: true });
  }

  /** After the switch has taken it. Of what was before a connection to the switch all is looked at. */
  follow({ flows }: SwitchWork): void {
    const { view } = this.#options;
    const connection = this.#options.connection();
    const ports = connection === this.#seen ? podsConcerned(flows, view) : new Set(view.Port.keys());
    this.#seen = connection;
    if (ports.size === 0 || view.NetworkPolicy.size + view.ClusterNetworkPolicy.size === 0) return;
    this.#want(ports);
    this.#later(CACHE_FOLLOWS, () => this.#want(ports));
  }

  #want(ports: Iterable<string>): void {
    const isFirst = this.#waiting.size === 0;
    for (const port of ports) this.#waiting.add(port);
    if (isFirst && !this.#isLooking) this.#schedule();
  }

  #schedule(): void {
    this.#later(Math.max(TOGETHER, this.#restUntil - performance.now()), () => void this.#look());
  }

  #later(milliseconds: number, work: () => void): void {
    if (this.#options.signal.aborted) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, milliseconds);
    this.#timers.add(timer);
  }

  #stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  /** It never rejects. */
  async #look(): Promise<void> {
    const { control, log, signal } = this.#options;
    const ports = this.#waiting;
    this.#waiting = new Set();
    this.#isLooking = true;
    try {
      const began = performance.now();
      const text = await dumpConnections(control, ZONE, signal);
      this.#restUntil = performance.now() + REST * (performance.now() - began);
      await this.#askAbout(text, ports);
      this.#isUnreadable = false;
    } catch (error) {
      const reason = describeError(error);
      if (!this.#isUnreadable && !signal.aborted)
        log.warn("connections cannot be looked at; those that policies deny are cut with their clients' next packets", {
          reason,
        });
      this.#isUnreadable = true;
    }
    this.#isLooking = false;
    if (this.#waiting.size > 0) this.#schedule();
  }

  async #askAbout(text: string, ports: ReadonlySet<string>): Promise<void> {
    const judge = createJudge(this.#options.view, ports);
    let messages: Message[] = [];
    let began = performance.now();
    for (const line of linesOf(text)) {
      const connection = readTrackedConnection(line);
      if (connection !== undefined) messages.push(...judge(connection).map(packetOut));
      if (messages.length >= BATCH) {
        await this.#send(messages);
        messages = [];
      }
      if (performance.now() - began < SLICE) continue;
      await nextTurn();
      began = performance.now();
    }
    await this.#send(messages);
  }

  async #send(messages: readonly Message[]): Promise<void> {
    if (messages.length === 0) return;
    const { log, connection } = this.#options;
    const refusals = (await connection()?.sendAll(messages)) ?? [];
    for (const { error } of refusals.slice(0, 1))
      log.warn("the switch did not ask about a connection", { reason: describeError(error) });
    log.debug("asked about connections that policies deny", { connections: messages.length });
  }
}

function packetOut(asking: Asking): Message {
  return { type: "packet_out", bufferId: NO_BUFFER, ...asking };
}

/** One after the other: all at once would be as many texts. */
function* linesOf(text: string): Iterable<string> {
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf("\n", at);
    const next = end < 0 ? text.length : end;
    yield text.slice(at, next);
    at = next + 1;
  }
}
