import type { Log } from "#base/log.ts";
import type { WatchedKind } from "#controller/watch/kinds.ts";
import type { KubeClient } from "#controller/watch/kube-client.ts";
import { reflect, type SourceStatus, sourceName } from "#controller/watch/reflector.ts";
import type { Duty, RunningDuty } from "./duty.ts";

export interface WatchingOptions {
  readonly client: KubeClient;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** A bug in a duty. */
  fail(reason: unknown): void;
}

export interface Watching {
  /** What is not listed yet, and why; undefined when all is. */
  incomplete(): string | undefined;
}

/** Watches each kind that a duty names, once, and tells those that named it, until the signal comes. */
export function watchFor(duties: readonly (readonly [Duty, RunningDuty])[], options: WatchingOptions): Watching {
  const { client, log, signal, fail } = options;
  const statuses = new Map<string, SourceStatus>();
  const listed = new Set<string>();
  const kinds = new Map(duties.flatMap(([{ kinds }]) => kinds).map((kind) => [kind.kind, kind]));
  for (const kind of kinds.values()) {
    const concerned = duties.filter(([duty]) => duty.kinds.some((one) => one.kind === kind.kind));
    const watch = reflect(kind, {
      ...{ client, nodeName: "", log },
      onStatus: (status) => statuses.set(status.source, status),
    }).subscribe({
      next({ changes }) {
        listed.add(kind.kind);
        for (const [duty, running] of concerned) running.receive(changes, isListed(duty, listed));
      },
      error: fail,
    });
    signal.addEventListener("abort", () => watch.unsubscribe(), { once: true });
  }
  return {
    incomplete() {
      const missing = [...kinds.values()].filter(({ kind }) => !listed.has(kind));
      if (missing.length === 0) return undefined;
      const why = missing.map((kind) => statuses.get(sourceName(kind))?.failure).find((one) => one !== undefined);
      return `${missing.map(({ plural }) => plural).join(", ")} not listed yet${why === undefined ? "" : `: ${why}`}`;
    },
  };
}

function isListed({ kinds }: Duty, listed: ReadonlySet<string>): boolean {
  return kinds.every(({ kind }: WatchedKind<string>) => listed.has(kind));
}
