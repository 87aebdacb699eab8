import type { Log } from "#base/log.ts";
import type { PacketIn } from "#openflow/packet-ins.ts";
import { type Denial, type DeniedPacket, describeDenial } from "#pipeline/denials/denial.ts";
import type { View } from "#pipeline/model/model.ts";
import type { Direction } from "#pipeline/model/policy.ts";

/** A denial, and when the node process was told of it. */
export interface DenialRecord extends Denial {
  readonly time: string;
}

export interface DenialLogOptions {
  readonly view: View;
  readonly log: Log;
  readonly now: () => Date;
  /** Tells others, too. */
  onDenial?(denial: Denial): void;
}

/** The packet as the switch hands it over, in either of its forms. */
export function deniedPacket(packet: PacketIn): DeniedPacket {
  if (packet.type === "packet_in") return packet;
  const { metadata = [], data = new Uint8Array() } = packet.properties;
  return { metadata, data };
}

/** What the counts are told apart by: no pod and no peer, for of these there are too many. */
export interface DenialCount {
  readonly policy: string;
  readonly direction: Direction;
  readonly count: number;
}

export interface DenialLog {
  /** A packet from the switch, which a policy denied. */
  take(packet: DeniedPacket): void;
  /** The last ones, the oldest first. */
  recent(): Iterable<DenialRecord>;
  /** From now on, until the signal comes. A reader that is too slow misses what it cannot keep. */
  follow(signal: AbortSignal): AsyncIterable<DenialRecord>;
  /** How many the node process was told of. */
  readonly told: number;
  /** By each policy that is named; those that no longer exist are not counted. */
  counts(): Iterable<DenialCount>;
}

/** So many are remembered, and so many may wait for a reader. */
const KEPT = 1000;
/** Of a pod that the API has not told of. */
const NOBODY = "";

export function createDenialLog({ view, log, now, onDenial }: DenialLogOptions): DenialLog {
  const kept: DenialRecord[] = [];
  const followers = new Set<Follower>();
  const counts = new Map<string, DenialCount>();
  let told = 0;

  function count({ policies, direction }: Denial): void {
    for (const policy of policies.length === 0 ? [NOBODY] : policies) {
      const key = `${policy} ${direction}`;
      counts.set(key, { policy, direction, count: (counts.get(key)?.count ?? 0) + 1 });
    }
  }

  return {
    get told() {
      return told;
    },
    take(packet) {
      told++;
      const denial = describeDenial(packet, view);
      if (denial === undefined) return;
      const record = { time: now().toISOString(), ...denial };
      kept.push(record);
      if (kept.length > KEPT) kept.shift();
      count(denial);
      log.info("a policy denied a packet", { ...denial });
      onDenial?.(denial);
      for (const follower of followers) follower.offer(record);
    },
    recent: () => [...kept],
    follow(signal) {
      const follower = new Follower(signal, () => followers.delete(follower));
      followers.add(follower);
      return follower;
    },
    counts() {
      for (const [key, { policy }] of counts)
        if (policy !== NOBODY && !view.NetworkPolicy.has(policy) && !view.ClusterNetworkPolicy.has(policy))
          counts.delete(key);
      return [...counts.values()];
    },
  };
}

/** Records on their way to one reader. */
class Follower implements AsyncIterable<DenialRecord> {
  readonly #signal: AbortSignal;
  readonly #end: () => void;
  readonly #waiting: DenialRecord[] = [];
  #wake: (() => void) | undefined;

  constructor(signal: AbortSignal, end: () => void) {
    this.#signal = signal;
    this.#end = end;
    signal.addEventListener("abort", () => this.#wake?.(), { once: true });
  }

  offer(record: DenialRecord): void {
    if (this.#waiting.length < KEPT) this.#waiting.push(record);
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<DenialRecord> {
    try {
      while (!this.#signal.aborted) {
        const next = this.#waiting.shift();
        if (next !== undefined) yield next;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.#end();
    }
  }
}
