import type { OpenFlowConnection } from "./connection.ts";
import type { Message, MessageOf } from "./messages/message.ts";

export type PacketIn = MessageOf<"packet_in" | "nxt_packet_in2">;

export function isPacketIn(message: Message): message is PacketIn {
  return message.type === "packet_in" || message.type === "nxt_packet_in2";
}

/**
 * Packets from the switch, for a reader that takes its time. What comes while so many wait is dropped and counted: a storm of
 * packets must cost neither memory nor the connection.
 *
 *     const packets = new PacketIns(1000);
 *     const connection = await connectOpenFlow({ address, onMessage: packets.offer });
 *     await packets.enable(connection);
 *     for await (const packet of packets) ...
 */
export class PacketIns implements AsyncIterable<PacketIn> {
  readonly #limit: number;
  readonly #waiting: PacketIn[] = [];
  #wake: (() => void) | undefined;
  #ended = false;
  dropped = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** An `onMessage` of a connection; other messages are none of its business. */
  readonly offer = (message: Message): void => {
    if (!isPacketIn(message) || this.#ended) return;
    if (this.#waiting.length >= this.#limit) this.dropped++;
    else this.#waiting.push(message);
    this.#wake?.();
  };

  /** A service connection gets packets only once it has said how much of each it wants (OFPT_SET_CONFIG). */
  async enable(connection: OpenFlowConnection, bytesOfEach = 0xffff): Promise<void> {
    const config = await connection.request({ type: "get_config_request" });
    // How the bridge treats fragments is another's decision, and stays.
    const flags = config.type === "get_config_reply" ? config.flags : 0;
    await connection.sendAll([{ type: "set_config", flags, missSendLength: bytesOfEach }]);
    void connection.closed.then(() => this.end());
  }

  /** Ends the iteration behind what waits. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<PacketIn> {
    for (;;) {
      const next = this.#waiting.shift();
      if (next !== undefined) yield next;
      else if (this.#ended) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
