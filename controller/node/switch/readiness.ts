import { flowKey } from "#openflow/flow.ts";
import type { Engine } from "#pipeline/engine.ts";
import { writeKey } from "#pipeline/features/policy/keys.ts";
import type { EntryStatus } from "./entry-status.ts";

/** CNI ADD waits here: until the switch has confirmed every flow of a pod's port, and what policies say of the pod. */
export interface Readiness {
  /** Rejects with the switch's reason when it refused one of the port's flows, and with the signal's when that comes first. */
  whenInstalled(portName: string, signal: AbortSignal): Promise<void>;
  /** "ready", or why the port's flows are not all in the switch. */
  describe(portName: string): string;
  /** Called after each application to the switch. */
  settle(): void;
}

interface Waiter {
  readonly portName: string;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

export function createReadiness(engine: Engine, statusOf: (key: string) => EntryStatus): Readiness {
  const waiters = new Set<Waiter>();

  /** Undefined while the port is not known or one of its flows is pending. */
  function verdict(portName: string): "installed" | Error | undefined {
    const own = engine.contributionsOf(`pods/${portName}`);
    if (own.length === 0) return undefined;
    // The step that brings the one brings the other: without the second the pod would be open to all.
    const ofPolicies = engine.contributionsOf(`policies/${writeKey({ type: "subject", port: portName })}`);
    for (const contribution of [...own, ...ofPolicies]) {
      if (contribution.target !== "flow") continue;
      const status = statusOf(flowKey(contribution.flow));
      if (status.state === "pending") return undefined;
      if (status.state === "failed") return new Error(`the switch refused a flow of ${portName}: ${status.why}`);
    }
    return "installed";
  }

  function conclude(waiter: Waiter): void {
    const result = verdict(waiter.portName);
    if (result === undefined) return;
    waiters.delete(waiter);
    if (result === "installed") waiter.resolve();
    else waiter.reject(result);
  }

  return {
    whenInstalled(portName, signal) {
      return new Promise<void>((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const abort = (): void => {
          waiters.delete(waiter);
          reject(signal.reason);
        };
        const waiter: Waiter = {
          portName,
          resolve: () => {
            signal.removeEventListener("abort", abort);
            resolve();
          },
          reject: (reason) => {
            signal.removeEventListener("abort", abort);
            reject(reason);
          },
        };
        signal.addEventListener("abort", abort, { once: true });
        waiters.add(waiter);
        conclude(waiter);
      });
    },
    describe(portName) {
      const result = verdict(portName);
      if (result === undefined) return "flows are on their way to the switch";
      return result === "installed" ? "ready" : result.message;
    },
    settle() {
      for (const waiter of waiters) conclude(waiter);
    },
  };
}
