import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { createBackoff } from "#base/backoff.ts";
import { describeError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { Problem } from "#pipeline/problem.ts";
import type { KubeRequest } from "./kube-request.ts";
import { describeRefusal, isSuccess, isTransient, STRATEGIC_MERGE } from "./kube-request.ts";
import type { Wait } from "./latest-writer.ts";

export interface EventOptions {
  readonly node: string;
  readonly request: KubeRequest;
  /** Every node sees the other objects too, so it leaves them to others. */
  isOurs(kind: string, key: string): boolean;
  /** The object's uid, without which `kubectl describe` does not show its events. */
  uidOf(kind: string, key: string): string | undefined;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly now?: () => Date;
  readonly wait?: Wait;
}

export interface EventRecorder {
  /** All problems as they are now: what is new is told on its object, once. */
  sync(problems: Iterable<Problem>): void;
}

interface Subject {
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

/** So many events may wait; what is beyond is still in `weirctl get problems`. */
const QUEUE_LIMIT = 200;
/** So many go out at once, then one each `REFILL` milliseconds: a thousand nodes may have the same trouble. */
const BURST = 25;
const REFILL = 10_000;

/** Puts problems on their objects as Events; best effort. */
export function createEventRecorder(options: EventOptions): EventRecorder {
  const wait = options.wait ?? ((milliseconds, signal) => delay(milliseconds, undefined, { signal, ref: false }));
  const now = options.now ?? (() => new Date());
  let reported = new Set<string>();
  const queue = new Map<string, { readonly problem: Problem; readonly subject: Subject }>();
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
      for (const [key, { problem, subject }] of queue) {
        await takeToken();
        while (!(await send(options, problem, subject, now()))) await wait(backoff.next(), options.signal);
        backoff.reset();
        queue.delete(key);
      }
    } catch (error) {
      if (!options.signal.aborted) options.log.error("events stopped", { error });
    }
    running = false;
  }

  return {
    sync(problems) {
      const current = new Set<string>();
      for (const problem of problems) {
        const subject = subjectOf(problem.object);
        if (subject === undefined || !options.isOurs(subject.kind, keyOf(subject))) continue;
        const key = `${problem.object} ${problem.field} ${problem.message}`;
        if (!reported.has(key) && queue.size >= QUEUE_LIMIT) continue;
        current.add(key);
        if (!reported.has(key)) queue.set(key, { problem, subject });
      }
      for (const key of queue.keys()) if (!current.has(key)) queue.delete(key);
      reported = current;
      if (running || queue.size === 0 || options.signal.aborted) return;
      running = true;
      // Failures are retried or logged within.
      void drain();
    },
  };
}

/** "Pod default/web" or "Node n1"; every node sees all other kinds, so no node reports them. */
function subjectOf(object: string): Subject | undefined {
  const pod = /^Pod ([^/\s]+)\/([^/\s]+)$/.exec(object);
  if (pod !== null) return { kind: "Pod", namespace: pod[1]!, name: pod[2]! };
  const node = /^Node ([^/\s]+)$/.exec(object);
  return node === null ? undefined : { kind: "Node", name: node[1]! };
}

function keyOf({ namespace, name }: Subject): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** False when it should be tried again. */
async function send(options: EventOptions, problem: Problem, subject: Subject, now: Date): Promise<boolean> {
  const namespace = subject.namespace ?? "default";
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`;
  const event = eventFor(options, problem, subject, namespace, now);
  try {
    let response = await options.request("POST", path, event);
    // The name follows from the problem: after a restart the event is there already, and only its time is new.
    if (response.status === 409) {
      const patch = { lastTimestamp: event.lastTimestamp };
      response = await options.request("PATCH", `${path}/${event.metadata.name}`, patch, STRATEGIC_MERGE);
    }
    if (isTransient(response)) return false;
    if (!isSuccess(response)) {
      options.log.debug("an event was refused", { object: problem.object, refusal: describeRefusal(response) });
    }
    return true;
  } catch (error) {
    options.log.debug("an event could not be sent", { object: problem.object, error: describeError(error) });
    return false;
  }
}

function eventFor(options: EventOptions, problem: Problem, subject: Subject, namespace: string, now: Date) {
  const uid = options.uidOf(subject.kind, keyOf(subject));
  const time = now.toISOString().replace(/\.\d+Z$/, "Z");
  const identity = createHash("sha256").update(`${uid} ${problem.object} ${problem.field} ${problem.message}`);
  const message = problem.field === "" ? problem.message : `${problem.field} ${problem.message}`;
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { namespace, name: `${subject.name.slice(0, 200)}.${identity.digest("hex").slice(0, 16)}` },
    involvedObject: { apiVersion: "v1", ...subject, ...(uid ? { uid } : {}) },
    type: "Warning",
    reason: "WeirProblem",
    message: message.slice(0, 1024),
    source: { component: "weir-node", host: options.node },
    reportingComponent: "weir-node",
    reportingInstance: options.node,
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  };
}
