import { flowKey } from "#openflow/flow.ts";
import type { Contributor, Engine } from "#pipeline/engine.ts";
import type { EntryStatus } from "./entry-status.ts";

/** Who has to know that the switch holds what contributors want now waits here. */
export interface Written {
  /** Resolves once none of their flows is on its way; one that was refused is not. Rejects with the signal's reason when that comes first. */
  whenWritten(contributors: readonly Contributor[], signal: AbortSignal): Promise<void>;
  /** Called after each application to the switch. */
  settle(): void;
}

export function createWritten(engine: Engine, statusOf: (key: string) => EntryStatus): Written {
  const waiters = new Set<() => void>();

  function isPending(contributor: Contributor): boolean {
    return engine
      .contributionsOf(contributor)
      .some((one) => one.target === "flow" && statusOf(flowKey(one.flow)).state === "pending");
  }

  return {
    whenWritten(contributors, signal) {
      const isWritten = () => !contributors.some(isPending);
      if (isWritten()) return Promise.resolve();
      return new Promise<void>((resolve, reject) => {
        const check = (): void => {
          if (isWritten()) end(resolve);
        };
        const abort = (): void => end(() => reject(signal.reason));
        const end = (settle: () => void): void => {
          waiters.delete(check);
          signal.removeEventListener("abort", abort);
          settle();
        };
        waiters.add(check);
        signal.addEventListener("abort", abort, { once: true });
        if (signal.aborted) abort();
      });
    },
    settle() {
      for (const check of [...waiters]) check();
    },
  };
}
