import type { Ip } from "#base/address.ts";
import type { MessageOf } from "#openflow/messages/message.ts";
import type { Learner } from "./learner.ts";
import { readAnswer } from "./message.ts";
import { readSegment } from "./segment.ts";
import { createStreams } from "./streams.ts";
import { addressesTold, type ToldAddress } from "./told.ts";

/** A packet that waits in the switch's name until it is given back. */
export type PausedPacket = MessageOf<"nxt_packet_in2">;

/**
 * What became of packets from name servers: they told something new, or what was known, or nothing that policies speak of; they
 * were no DNS; they are lost, for too many waited or the switch did not take the flows in time.
 */
export const OUTCOMES = ["learnt", "known", "nothing", "malformed", "lost"] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Packets on their way to pods, which go on when what they tell is in force. */
export interface Answers {
  take(packet: PausedPacket): void;
  readonly counts: Readonly<Record<Outcome, number>>;
  readonly waiting: number;
}

export interface AnswersOptions {
  readonly learner: Learner;
  /** Has the switch go on with a packet. */
  resume(packet: PausedPacket): void;
  /** Resolves when the switch holds the flows of the addresses. */
  whenWritten(addresses: readonly Ip[], signal: AbortSignal): Promise<void>;
  /** A pod is about to be told an address that was not known of the name. */
  onNews(ip: Ip): void;
  /** From an answer's coming to its going on, in seconds. */
  onAnswer?(seconds: number): void;
}

/** So many may wait; what comes then is lost, and the pod asks again. */
const MOST_WAITING = 2000;
/** By then the pod has asked again, in milliseconds. */
const PATIENCE = 5000;

export function createAnswers({ learner, resume, whenWritten, onNews, onAnswer }: AnswersOptions): Answers {
  const streams = createStreams();
  const counts = { learnt: 0, known: 0, nothing: 0, malformed: 0, lost: 0 };
  let waiting = 0;

  /** What a packet tells; undefined where some of it cannot be read. */
  function readTold(data: Uint8Array): readonly ToldAddress[] | undefined {
    const segment = readSegment(data);
    if (segment === undefined) return undefined;
    const isPart = segment.transport === "udp" && segment.isPart;
    const messages = segment.transport === "udp" ? [segment.payload] : streams.take(segment);
    const answers = messages.map((message) => readAnswer(message, isPart));
    const told = answers.flatMap((answer) => (typeof answer === "object" ? addressesTold(answer) : []));
    return answers.includes(undefined) && told.length === 0 ? undefined : told;
  }

  async function hold(told: readonly ToldAddress[]): Promise<Outcome> {
    const { entries, isNews, saved } = learner.learn(told);
    if (entries.length === 0) return "nothing";
    const addresses = [...new Set(entries.map(({ ip }) => ip))];
    try {
      await Promise.all([whenWritten(addresses, AbortSignal.timeout(PATIENCE)), saved]);
    } catch {
      return "lost";
    }
    if (isNews) for (const ip of addresses) onNews(ip);
    return isNews ? "learnt" : "known";
  }

  return {
    counts,
    get waiting() {
      return waiting;
    },
    take(packet) {
      if (waiting >= MOST_WAITING) return void counts.lost++;
      const told = readTold(packet.properties.data ?? new Uint8Array());
      if (told === undefined || told.length === 0) {
        counts[told === undefined ? "malformed" : "nothing"]++;
        return resume(packet);
      }
      const started = performance.now();
      waiting++;
      void hold(told).then((outcome) => {
        waiting--;
        counts[outcome]++;
        if (outcome === "lost") return;
        resume(packet);
        onAnswer?.((performance.now() - started) / 1000);
      });
    },
  };
}
