import type { Observable } from "rxjs";
import { describeError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { OpenFlowConnection } from "#openflow/connection.ts";
import type { Message } from "#openflow/messages/message.ts";
import type { PacketIn } from "#openflow/packet-ins.ts";
import { writeKey } from "#pipeline/features/policy/keys.ts";
import { formatHost } from "#pipeline/index/expand-policy.ts";
import { readTold } from "#pipeline/layout/told.ts";
import type { Pipeline } from "#pipeline/pipeline.ts";
import type { SourceBatch } from "#pipeline/source.ts";
import type { Written } from "../switch/written.ts";
import { type Answers, createAnswers, type PausedPacket } from "./answers.ts";
import { readIdle } from "./idle.ts";
import { createJournal } from "./journal.ts";
import { createLearner } from "./learner.ts";
import { createNameTable, type NameCounts, type NameEntry } from "./name-table.ts";
import { createSecondLook } from "./second-look.ts";

export { OUTCOMES, type Outcome } from "./answers.ts";
export { NAMES_SOURCE } from "./learner.ts";
export type { NameCounts, NameEntry } from "./name-table.ts";

/** What pods of this node are told of names: read on its way to them, kept for its time, and a source of the pipeline. */
export interface Names {
  readonly batches$: Observable<SourceBatch>;
  readonly answers: Pick<Answers, "counts" | "waiting">;
  readonly counts: NameCounts;
  entries(): Iterable<NameEntry>;
  take(packet: PausedPacket): void;
  /** Whether a packet that was denied is given to the tables again, for they may have changed over it. */
  lookAgain(packet: PacketIn): boolean;
  close(): Promise<void>;
}

export interface NamesOptions {
  readonly stateDirectory: string;
  readonly nodeName: string;
  readonly minimumTtl: number;
  /** An address that lapsed goes when for so many seconds no connection of before has sent anything to it. */
  readonly idleConnections: number;
  readonly pipeline: Pipeline;
  readonly written: Written;
  connection(): OpenFlowConnection | undefined;
  readonly log: Log;
  onAnswer?(seconds: number): void;
}

/** Milliseconds between two looks at what lapsed. */
const SWEEP_EVERY = 30_000;

/** What a former process knew is known again when it resolves. */
export async function createNames(options: NamesOptions): Promise<Names> {
  const { stateDirectory, nodeName, minimumTtl, idleConnections, pipeline, written, connection, log } = options;
  const table = createNameTable();
  const journal = createJournal({ directory: stateDirectory, nodeName, log, entries: table.entries });
  const recalled = await journal.recall();
  table.learn(recalled.map(({ name, ip, until = 0 }) => ({ name, ip, until, isNamed: true })));
  const now = (): number => performance.timeOrigin + performance.now();
  const secondLook = createSecondLook((message) => send(connection(), message, log), now);
  const learner = createLearner({ table, journal, view: pipeline.view, minimumTtl, now });
  const answers = createAnswers({
    learner,
    resume: ({ properties }) => send(connection(), { type: "nxt_resume", properties }, log),
    whenWritten: (addresses, signal) =>
      written.whenWritten(
        addresses.map((ip) => `policies/${writeKey({ type: "peer", network: formatHost(ip) })}`),
        signal,
      ),
    onNews: secondLook.note,
    ...(options.onAnswer && { onAnswer: options.onAnswer }),
  });

  /** Looks which of the addresses that lapsed nobody needs any more. It never rejects. */
  async function sweep(): Promise<void> {
    const current = connection();
    if (current === undefined || !pipeline.isSynced() || table.counts.lapsed === 0) return;
    try {
      const idle = await readIdle(current);
      learner.forget((ip) => (idle.get(ip) ?? 0) >= idleConnections);
    } catch (error) {
      log.debug("flows of addresses that lapsed could not be read", { reason: describeError(error) });
    }
  }
  const sweeping = setInterval(() => void sweep(), Math.min(SWEEP_EVERY, idleConnections * 500)).unref();

  return {
    ...{ batches$: learner.batches$, answers, entries: table.entries, take: answers.take, lookAgain: secondLook.take },
    get counts() {
      return table.counts;
    },
    async close() {
      clearInterval(sweeping);
      learner.close();
      await journal.close();
    },
  };
}

/** Whether a flow that waits for what a name server says has sent it. */
export function isPausedAnswer(packet: PacketIn): packet is PausedPacket {
  if (packet.type !== "nxt_packet_in2") return false;
  return readTold(packet.properties.userdata) === "answer";
}

/** A switch that is gone has forgotten the packet. */
function send(connection: OpenFlowConnection | undefined, message: Message, log: Log): void {
  connection
    ?.sendAll([message])
    .then(([refusal]) => {
      if (refusal !== undefined) log.warn("the switch did not go on with a packet", { reason: refusal.error.message });
    })
    .catch((error: unknown) => log.debug("a packet was lost", { reason: describeError(error) }));
}
