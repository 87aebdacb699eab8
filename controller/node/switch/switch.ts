import { setTimeout as delay } from "node:timers/promises";
import { type Observable, Subject } from "rxjs";
import { createBackoff } from "#base/backoff.ts";
import { describeError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { connectOpenFlow, type OpenFlowConnection } from "#openflow/connection.ts";
import type { DesiredFlow } from "#pipeline/desired.ts";
import type { SwitchWork } from "#pipeline/graph.ts";
import { FlowReconciler } from "./flow-reconciler.ts";

export interface SwitchOptions {
  /** The bridge's own management socket: "unix:/var/run/openvswitch/br-weir.mgmt". */
  readonly address: string;
  readonly desired: ReadonlyMap<string, DesiredFlow>;
  /** How often everything is compared though nothing has happened, in milliseconds. */
  readonly compareEvery: number;
  readonly log: Log;
}

export interface SwitchCounters {
  modifications: number;
  drift: number;
  connections: number;
  applications: number;
}

/**
 * The connection to the bridge and what is made of it: it connects again for as long as it lives, and asks for a comparison
 * after each connect. Without a connection work is let go, since the comparison that follows finds it.
 */
export class Switch {
  readonly compare$: Observable<void>;
  readonly reconciler: FlowReconciler;
  readonly counters: SwitchCounters = { modifications: 0, drift: 0, connections: 0, applications: 0 };
  readonly #compare = new Subject<void>();
  readonly #options: SwitchOptions;
  #connection: OpenFlowConnection | undefined;
  #compared = false;

  constructor(options: SwitchOptions) {
    this.#options = options;
    this.compare$ = this.#compare;
    this.reconciler = new FlowReconciler(options.desired, options.log);
  }

  /** Connected, and everything desired has been compared with what the switch holds since. */
  get isReady(): boolean {
    return this.#compared;
  }

  get connection(): OpenFlowConnection | undefined {
    return this.#connection;
  }

  /** Lives until the signal comes; then the connection is closed and the flows stay as they are. */
  async run(signal: AbortSignal): Promise<void> {
    const timer = setInterval(() => this.#compare.next(), this.#options.compareEvery);
    const backoff = createBackoff(20, 1000);
    while (!signal.aborted) {
      try {
        await this.#live(signal, backoff.reset);
      } catch (error) {
        if (!signal.aborted) this.#options.log.debug("no connection to the switch", { reason: describeError(error) });
      }
      await delay(backoff.next(), undefined, { signal }).catch(() => undefined);
    }
    clearInterval(timer);
  }

  async apply(work: SwitchWork): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) return;
    try {
      const applied = await this.reconciler.apply(connection, work);
      this.counters.applications++;
      this.counters.modifications += applied.modifications;
      this.counters.drift += applied.drift;
      if (work.compare && connection === this.#connection) this.#compared = true;
      if (applied.drift > 0)
        this.#options.log.warn("the switch differed from what was left there", { flows: applied.drift });
    } catch (error) {
      this.#options.log.warn("the switch did not take a change; it will be compared", { reason: describeError(error) });
      connection.close();
    }
  }

  async #live(signal: AbortSignal, connected: () => void): Promise<void> {
    const { address, log } = this.#options;
    const connection = await connectOpenFlow({ address, log, signal });
    const abort = (): void => connection.close();
    signal.addEventListener("abort", abort, { once: true });
    this.#connection = connection;
    this.counters.connections++;
    connected();
    log.info("connected to the switch", { address });
    this.#compare.next();
    const reason = await connection.closed;
    signal.removeEventListener("abort", abort);
    this.#connection = undefined;
    this.#compared = false;
    this.reconciler.forget();
    if (!signal.aborted)
      log.warn("lost the switch; forwarding goes on with what it holds", { reason: describeError(reason) });
  }
}
