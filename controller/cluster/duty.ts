import type { Log } from "#base/log.ts";
import type { Wait } from "#controller/status/latest-writer.ts";
import type { WatchedKind } from "#controller/watch/kinds.ts";
import type { KubeRequest } from "#controller/watch/kube-request.ts";
import type { RawChange } from "#pipeline/source.ts";

/**
 * Something that the one active instance does for the whole cluster; each is a file in duties/, and they are listed in
 * duties/duties.ts. A duty lives for one term: what it knows begins with nothing each time.
 */
export interface Duty {
  readonly name: string;
  /** What it wants to be told of. A kind that several name is watched once. */
  readonly kinds: readonly WatchedKind<string>[];
  start(context: DutyContext): RunningDuty;
}

export interface DutyContext {
  readonly request: KubeRequest;
  /** Which of the instances this is, for Events. */
  readonly instance: string;
  readonly log: Log;
  /** The term ends: nothing may be written any more. */
  readonly signal: AbortSignal;
  /** Milliseconds that only rise. */
  now(): number;
  /** Rejects when the signal comes first. */
  readonly wait: Wait;
}

export interface RunningDuty {
  /**
   * What changed at once, of its kinds. `isComplete`: all of them have been listed since the term began; before that the
   * duty may learn, and must not act on what is missing.
   */
  receive(changes: readonly RawChange<string>[], isComplete: boolean): void;
  /** Undefined when all is well, else what is not. */
  fault?(): string | undefined;
}
