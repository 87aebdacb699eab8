import { createEventQueue, type EventOptions, type EventSubject, keyOf } from "#controller/status/event-queue.ts";
import type { Problem } from "#pipeline/problem.ts";

export interface ProblemEventOptions extends EventOptions {
  /** Every node sees the other objects too, so it leaves them to others. */
  isOurs(kind: string, key: string): boolean;
}

export interface EventRecorder {
  /** All problems as they are now: what is new is told on its object, once. */
  sync(problems: Iterable<Problem>): void;
}

/** Puts problems on their objects as Events; best effort. */
export function createEventRecorder(options: ProblemEventOptions): EventRecorder {
  const now = options.now ?? (() => new Date());
  const queue = createEventQueue(options);
  let reported = new Set<string>();

  return {
    sync(problems) {
      const current = new Set<string>();
      const fresh = new Map<string, { readonly problem: Problem; readonly subject: EventSubject }>();
      for (const problem of problems) {
        const subject = subjectOf(problem.object);
        if (subject === undefined || !options.isOurs(subject.kind, keyOf(subject))) continue;
        const key = `${problem.object} ${problem.field} ${problem.message}`;
        current.add(key);
        if (!reported.has(key)) fresh.set(key, { problem, subject });
      }
      queue.keep((key) => current.has(key));
      for (const [key, { problem, subject }] of fresh) {
        // It is new the next time, too.
        if (queue.isFull) current.delete(key);
        else queue.put(key, () => eventOf(problem, subject, now()));
      }
      reported = current;
    },
  };
}

function eventOf(problem: Problem, subject: EventSubject, first: Date) {
  const { object, field, message } = problem;
  return {
    subject,
    identity: `${object} ${field} ${message}`,
    reason: "WeirProblem",
    message: field === "" ? message : `${field} ${message}`,
    ...{ count: 1, first },
  };
}

/** "Pod default/web" or "Node n1"; every node sees all other kinds, so no node reports them. */
function subjectOf(object: string): EventSubject | undefined {
  const pod = /^Pod ([^/\s]+)\/([^/\s]+)$/.exec(object);
  if (pod !== null) return { apiVersion: "v1", kind: "Pod", namespace: pod[1]!, name: pod[2]! };
  const node = /^Node ([^/\s]+)$/.exec(object);
  return node === null ? undefined : { apiVersion: "v1", kind: "Node", name: node[1]! };
}
