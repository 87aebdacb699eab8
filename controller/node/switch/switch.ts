import { type Observable, Subject } from "rxjs";
import { describeError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { OpenFlowConnection } from "#openflow/connection.ts";
import { keepConnected } from "#openflow/keep-connected.ts";
import { isPacketIn, type PacketIn } from "#openflow/packet-ins.ts";
import type { SwitchWork } from "#pipeline/graph.ts";
import type { SwitchState } from "#pipeline/switch-state.ts";
import { DeniedConnections } from "./denied-connections.ts";
import { type Applied, FlowReconciler } from "./flow-reconciler.ts";

export interface SwitchOptions {
  /** The bridge's own management socket: "unix:/var/run/openvswitch/br-weir.mgmt". */
  readonly address: string;
  readonly desired: SwitchState;
  /** How often everything is compared though nothing has happened, in milliseconds. */
  readonly compareEvery: number;
  readonly log: Log;
  /** The connection is there, for the first time or again. */
  onConnected?(): void;
  /** A packet that a flow has sent to its controller. */
  onPacket?(packet: PacketIn): void;
}

/**
 * The connection to the bridge and what is made of it: it connects again for as long as it lives, and asks for a comparison
 * after each connect. Without a connection work is let go, since the comparison that follows finds it.
 */
export class Switch {
  readonly compare$: Observable<void>;
  readonly reconciler: FlowReconciler;
  readonly #compare = new Subject<void>();
  readonly #options: SwitchOptions;
  readonly #denied: DeniedConnections;
  #connection: OpenFlowConnection | undefined;
  #compared = false;

  constructor(options: SwitchOptions) {
    this.#options = options;
    this.compare$ = this.#compare;
    this.reconciler = new FlowReconciler(options.desired, options.log);
    this.#denied = new DeniedConnections(options.log);
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
    await keepConnected({
      ...{ address: this.#options.address, log: this.#options.log, signal },
      // Groups are changed by bucket and chosen from by method, which older versions cannot say.
      versions: ["1.5"],
      onMessage: (message) => isPacketIn(message) && this.#take(message),
      onConnect: (connection) => this.#connected(connection),
      onDisconnect: (reason) => this.#disconnected(reason, signal),
    });
    clearInterval(timer);
    this.reconciler.stop();
    this.#denied.stop();
  }

  /** What it came to; undefined without a connection, or when the connection broke over it. */
  async apply(work: SwitchWork): Promise<Applied | undefined> {
    const connection = this.#connection;
    if (connection === undefined) return undefined;
    try {
      const applied = await this.reconciler.apply(connection, work);
      if (work.compare && connection === this.#connection) this.#compared = true;
      if (applied.drift > 0)
        this.#options.log.warn("the switch differed from what was left there", { entries: applied.drift });
      return applied;
    } catch (error) {
      this.#options.log.warn("the switch did not take a change; it will be compared", { reason: describeError(error) });
      connection.close();
      return undefined;
    }
  }

  #take(packet: PacketIn): void {
    this.#options.onPacket?.(packet);
    if (packet.type === "nxt_packet_in2") this.#denied.take(packet.properties.metadata ?? [], () => this.#connection);
  }

  #connected(connection: OpenFlowConnection): void {
    this.#connection = connection;
    this.#options.log.info("connected to the switch", { address: this.#options.address });
    this.#options.onConnected?.();
    this.#compare.next();
  }

  #disconnected(reason: Error, signal: AbortSignal): void {
    this.#connection = undefined;
    this.#compared = false;
    this.reconciler.forget();
    if (!signal.aborted)
      this.#options.log.warn("lost the switch; forwarding goes on with what it holds", {
        reason: describeError(reason),
      });
  }
}
