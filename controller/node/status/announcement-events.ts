import { createEventQueue, type EventOptions } from "#controller/status/event-queue.ts";
import type { HeldAddress } from "../announce/index.ts";

export interface AnnouncementEvents {
  add(taken: readonly HeldAddress[]): void;
}

/** Says on a service which node announces its address now: one Event for each node and address, whose count rises. */
export function createAnnouncementEvents(options: EventOptions): AnnouncementEvents {
  const now = options.now ?? (() => new Date());
  const queue = createEventQueue(options);
  const counts = new Map<string, number>();
  const startedAt = now();

  function add({ service, ip, link }: HeldAddress): void {
    const key = `${service} ${ip} ${link}`;
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    if (queue.isFull) return;
    const [namespace = "", name = ""] = service.split("/");
    const first = now();
    queue.put(key, () => ({
      subject: { apiVersion: "v1", kind: "Service", namespace, name },
      identity: `${key} ${options.instance} since ${startedAt.toISOString()}`,
      ...{ type: "Normal", reason: "AddressAnnounced", count, first },
      message: `node ${options.instance} announces ${ip} on ${link}`,
    }));
  }

  return {
    add(taken) {
      for (const held of taken) add(held);
    },
  };
}
