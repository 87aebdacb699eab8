import type { MessageOf } from "#openflow/messages/message.ts";
import { formatCounter, formatDuration, formatPort, NO_COUNTER_32 } from "./words.ts";

const OFPQ_ALL = 0xffff_ffff;

export function formatQueue(queue: number): string {
  return queue === OFPQ_ALL ? "ALL" : `${queue}`;
}

interface QueueRequest {
  readonly port: number;
  readonly queue: number;
}

export function formatQueueStatsRequest({ port, queue }: QueueRequest): string {
  return ` port=${formatPort(port)} queue=${formatQueue(queue)}`;
}

export function formatQueueDescRequest({ port, queue }: QueueRequest): string {
  return ` port=${formatPort(port)}${queue === OFPQ_ALL ? "" : ` queue=${queue}`}`;
}

type QueueStats = Extract<MessageOf<"multipart_reply">, { readonly kind: "queue_stats" }>["body"][number];

export function formatQueueStats({ port, queue, txBytes, txPackets, txErrors, duration }: QueueStats): string {
  const isKnown = duration / 1_000_000_000n < NO_COUNTER_32;
  return (
    `  port ${formatPort(port)} queue ${formatQueue(queue)}: bytes=${formatCounter(txBytes)}, ` +
    `pkts=${formatCounter(txPackets)}, errors=${formatCounter(txErrors)}, ` +
    `duration=${isKnown ? formatDuration(duration) : "?"}\n`
  );
}

type QueueDesc = Extract<MessageOf<"multipart_reply">, { readonly kind: "queue_desc" }>["body"][number];

/** By port and queue, each port named once. */
export function formatQueueDescs(queues: readonly QueueDesc[]): string {
  const sorted = [...queues].sort((a, b) => (a.port & 0xffff) - (b.port & 0xffff) || a.queue - b.queue);
  let port = 0;
  let text = "";
  for (const { port: own, queue, properties } of sorted) {
    if (own !== port) text += `port=${formatPort(own)}\n`;
    port = own;
    text += `queue ${queue}:${formatRate("min_rate", properties.minRate)}${formatRate("max_rate", properties.maxRate)}\n`;
  }
  return text === "" ? "" : ` ${text}`;
}

const NO_RATE = 0xffff;
const MOST = 1000;

/** Tenths of a percent. */
function formatRate(name: string, rate = NO_RATE): string {
  if (rate === NO_RATE) return "";
  return rate <= MOST ? ` ${name}:${Math.floor(rate / 10)}.${rate % 10}%` : ` ${name}:(disabled)`;
}
