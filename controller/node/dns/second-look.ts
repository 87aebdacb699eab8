import type { Ip } from "#base/address.ts";
import { NO_BUFFER } from "#openflow/messages/flow-mod.ts";
import type { Message } from "#openflow/messages/message.ts";
import type { PacketIn } from "#openflow/packet-ins.ts";
import { locateTransport, readHeaders } from "#pipeline/denials/headers.ts";
import { readNumber } from "#pipeline/denials/metadata.ts";
import { STATE, setRegister } from "#pipeline/features/vocabulary.ts";
import { readTold } from "#pipeline/layout/told.ts";

/**
 * What a policy denied is looked at again where its address was told to a pod an instant ago. Open vSwitch remembers for some
 * seconds what became of packets to an address; when its flows have changed, it takes some milliseconds until all that it
 * remembers is as they say. So a pod that has tried in vain, asks, and tries again at once may meet its old denial. A packet
 * with a number of its own is like none that Open vSwitch remembers.
 */
export interface SecondLook {
  /** A pod hears in this instant that it may go to the address. */
  note(ip: Ip): void;
  /** Whether the packet was given to the tables again: once, for these may deny it as well. */
  take(packet: PacketIn): boolean;
}

/** Milliseconds in which the last change is in force everywhere. */
const FRESH = 1000;
const ETHERNET = 14;
/** So much of the transport's header tells one packet from another: ports, and TCP's sequence number. */
const PORTS_AND_MORE = 8;
/** OFPP_TABLE. */
const TABLES = 0xffff_fff9;

export function createSecondLook(send: (message: Message) => void, now: () => number): SecondLook {
  const fresh = new Recent<Ip>(now);
  const seen = new Recent<string>(now);
  /** Given to the tables again, before it was told that they are to be refused. */
  const pardoned = new Recent<string>(now);
  let count = 0;
  return {
    note: (ip) => fresh.add(ip),
    take(packet) {
      if (fresh.isEmpty() || packet.type !== "nxt_packet_in2") return false;
      const { data = new Uint8Array(), fullLength = data.length, metadata = [], userdata } = packet.properties;
      const headers = readHeaders(data);
      const transport = headers && locateTransport(data);
      if (transport === undefined || fullLength > data.length || !fresh.has(headers!.destination)) return false;
      const key = Buffer.from(data.subarray(ETHERNET, transport.at + PORTS_AND_MORE)).toString("latin1");
      const told = readTold(userdata);
      // Of a packet that is to be refused the denial is told first.
      if (told === "refusal") return pardoned.delete(key);
      // What a service has translated would not come back to it.
      const isTranslated = (readNumber(metadata, "ct_state") & STATE.dnat) !== 0;
      if (told !== "denial" || isTranslated || seen.has(key)) return false;
      seen.add(key);
      pardoned.add(key);
      const inPort = metadata.filter(({ field }) => field === "in_port");
      const actions = [setRegister("secondLook", ++count), { type: "output", port: TABLES }] as const;
      send({ type: "packet_out", bufferId: NO_BUFFER, metadata: inPort, actions, data });
      return true;
    },
  };
}

/** What was added within the last instant. */
class Recent<T> {
  readonly #now: () => number;
  readonly #times = new Map<T, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  add(item: T): void {
    this.#times.delete(item);
    this.#times.set(item, this.#now());
  }

  has(item: T): boolean {
    this.#prune();
    return this.#times.has(item);
  }

  delete(item: T): boolean {
    return this.#times.delete(item);
  }

  isEmpty(): boolean {
    this.#prune();
    return this.#times.size === 0;
  }

  #prune(): void {
    const oldest = this.#now() - FRESH;
    for (const [item, time] of this.#times) {
      if (time >= oldest) break;
      this.#times.delete(item);
    }
  }
}
