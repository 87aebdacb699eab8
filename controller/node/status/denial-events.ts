import { createEventQueue, type EventOptions, type OutgoingEvent } from "#controller/status/event-queue.ts";
import { type Denial, describeBlame, describeDenied } from "#pipeline/denials/denial.ts";

export interface DenialEvents {
  add(denial: Denial): void;
}

interface Series {
  readonly first: Date;
  count: number;
  last: Denial;
  /** When it was sent, in milliseconds; undefined before. */
  sentAt: number | undefined;
}

/** So many series are known at once; of those that have been silent longest the count is lost. */
const MOST_SERIES = 500;
/** One that goes on is told again after so many milliseconds. */
const AGAIN = 60_000;

/**
 * Puts denials on the pods whose policies deny, as Events: one for a pod, its peer and the policies, with a count that rises. It
 * begins at 1 with the node process, which makes Events of its own.
 */
export function createDenialEvents(options: EventOptions): DenialEvents {
  const now = options.now ?? (() => new Date());
  const queue = createEventQueue(options);
  const series = new Map<string, Series>();
  const startedAt = now().toISOString();

  return {
    add(denial) {
      const { direction, pod, peer, reason, policies } = denial;
      const key = `${direction} ${pod} ${peer} ${reason} ${policies.join(" ")}`;
      const known = series.get(key) ?? { first: now(), count: 0, last: denial, sentAt: undefined };
      known.count++;
      known.last = denial;
      series.delete(key);
      series.set(key, known);
      for (const oldest of series.keys()) {
        if (series.size <= MOST_SERIES) break;
        series.delete(oldest);
      }
      const isDue = known.sentAt === undefined || now().getTime() - known.sentAt >= AGAIN;
      if (!isDue || queue.has(key) || queue.isFull) return;
      queue.put(key, () => {
        known.sentAt = now().getTime();
        return eventOf(known, `${key} since ${startedAt}`);
      });
    },
  };
}

function eventOf({ first, count, last }: Series, identity: string): OutgoingEvent {
  const [namespace = "", name = ""] = last.pod.split("/");
  return {
    subject: { apiVersion: "v1", kind: "Pod", namespace, name },
    ...{ identity, reason: "PolicyDenied", count, first },
    message: `${describeDenied(last)}: ${describeBlame(last)}`,
  };
}
