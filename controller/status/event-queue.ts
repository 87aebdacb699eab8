import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { createBackoff } from "#base/backoff.ts";
import { describeError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { KubeRequest } from "#controller/watch/kube-request.ts";
import { describeRefusal, isSuccess, isTransient, STRATEGIC_MERGE } from "#controller/watch/kube-request.ts";
import type { Wait } from "./latest-writer.ts";

export interface EventOptions {
  /** The program, and which one of it: "weir-node" of node n1. */
  readonly component: string;
  readonly instance: string;
  readonly request: KubeRequest;
  /** The object's uid, without which `kubectl describe` does not show its events. */
  uidOf(kind: string, key: string): string | undefined;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly now?: () => Date;
  readonly wait?: Wait;
}

/** The object that an Event is about. */
export interface EventSubject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

export interface OutgoingEvent {
  readonly subject: EventSubject;
  /** What makes it one Event, however often it is sent. */
  readonly identity: string;
  /** A warning, unless it is said. */
  readonly type?: "Normal";
  readonly reason: string;
  readonly message: string;
  /** How often it has happened, and when first. */
  readonly count: number;
  readonly first: Date;
}

/** Events that wait for their turn, best effort. */
export interface EventQueue {
  /** Sends it when its turn comes, as it is then. What waits under the key is replaced. */
  put(key: string, event: () => OutgoingEvent): void;
  has(key: string): boolean;
  /** Lets go of all that wait and are not wanted any more. */
  keep(isWanted: (key: string) => boolean): void;
  readonly isFull: boolean;
}

/** So many may wait; what is beyond is still to be had from weirctl. */
const LIMIT = 200;
/** So many go out at once, then one each `REFILL` milliseconds: a thousand nodes may have the same trouble. */
const BURST = 25;
const REFILL = 10_000;

export function createEventQueue(options: EventOptions): EventQueue {
  const wait = options.wait ?? ((milliseconds, signal) => delay(milliseconds, undefined, { signal, ref: false }));
  const now = options.now ?? (() => new Date());
  const queue = new Map<string, () => OutgoingEvent>();
  let running = false;
  let tokens = BURST;
  let refilledAt = now().getTime();

  async function takeToken(): Promise<void> {
    const earned = Math.floor((now().getTime() - refilledAt) / REFILL);
    refilledAt += earned * REFILL;
    tokens = Math.min(BURST, tokens + earned);
    if (tokens === 0) {
      await wait(REFILL, options.signal);
      refilledAt = now().getTime();
      tokens = 1;
    }
    tokens--;
  }

  async function drain(): Promise<void> {
    const backoff = createBackoff(1000, 60_000);
    try {
      for (const [key, event] of queue) {
        await takeToken();
        while (!(await send(options, event(), now()))) await wait(backoff.next(), options.signal);
        backoff.reset();
        queue.delete(key);
      }
    } catch (error) {
      if (!options.signal.aborted) options.log.error("events stopped", { error });
    }
    running = false;
  }

  return {
    put(key, event) {
      queue.set(key, event);
      if (running || options.signal.aborted) return;
      running = true;
      // Failures are retried or logged within.
      void drain();
    },
    has: (key) => queue.has(key),
    keep(isWanted) {
      for (const key of queue.keys()) if (!isWanted(key)) queue.delete(key);
    },
    get isFull() {
      return queue.size >= LIMIT;
    },
  };
}

export function keyOf({ namespace, name }: EventSubject): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** False when it should be tried again. */
async function send(options: EventOptions, outgoing: OutgoingEvent, now: Date): Promise<boolean> {
  const { subject } = outgoing;
  const object = `${subject.kind} ${keyOf(subject)}`;
  const event = eventFor(options, outgoing, now);
  const path = `/api/v1/namespaces/${encodeURIComponent(event.metadata.namespace)}/events`;
  try {
    let response = await options.request("POST", path, event);
    // The name follows from the identity: after a restart, or when it happens again, the event is there already.
    if (response.status === 409) {
      const { lastTimestamp, count, message } = event;
      const patch = { lastTimestamp, count, message };
      response = await options.request("PATCH", `${path}/${event.metadata.name}`, patch, STRATEGIC_MERGE);
    }
    if (isTransient(response)) return false;
    if (!isSuccess(response)) options.log.debug("an event was refused", { object, refusal: describeRefusal(response) });
    return true;
  } catch (error) {
    options.log.debug("an event could not be sent", { object, error: describeError(error) });
    return false;
  }
}

function eventFor(options: EventOptions, outgoing: OutgoingEvent, now: Date) {
  const { component, instance } = options;
  const { subject, reason, message, count, first } = outgoing;
  const uid = options.uidOf(subject.kind, keyOf(subject));
  const identity = createHash("sha256").update(`${uid} ${outgoing.identity}`);
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: {
      namespace: subject.namespace ?? "default",
      name: `${subject.name.slice(0, 200)}.${identity.digest("hex").slice(0, 16)}`,
    },
    involvedObject: { ...subject, ...(uid ? { uid } : {}) },
    type: outgoing.type ?? "Warning",
    reason,
    message: message.slice(0, 1024),
    source: { component, host: instance },
    reportingComponent: component,
    reportingInstance: instance,
    firstTimestamp: timeOf(first),
    lastTimestamp: timeOf(now),
    count,
  };
}

function timeOf(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, "Z");
}
