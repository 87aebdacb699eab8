import { setTimeout as delay } from "node:timers/promises";
import { createBackoff } from "#base/backoff.ts";
import { describeError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { GATEWAY_INTERFACE, TUNNEL_INTERFACE } from "#pipeline/layout/ports.ts";
import { type BridgeSettings, ensureBridge } from "./bridge.ts";
import type { PortReplica } from "./replica.ts";

/** Keeps the bridge and its fixed ports as they should be, for as long as the process lives. */
export interface BridgeKeeper {
  /** Looks again, soon: the database has (re)connected, or somebody changed a row. */
  check(): void;
  /** What is wrong with the bridge; undefined when nothing is. */
  fault(): string | undefined;
}

export function createBridgeKeeper(
  replica: PortReplica,
  settings: BridgeSettings,
  log: Log,
  signal: AbortSignal,
): BridgeKeeper {
  const backoff = createBackoff(100, 30_000);
  let failure: string | undefined = "the bridge has not been made yet";
  let running = false;
  let again = false;

  async function run(): Promise<void> {
    while (again && !signal.aborted) {
      again = false;
      try {
        if (await ensureBridge(replica, settings)) log.info("wrote the bridge", { bridge: settings.bridge });
        failure = undefined;
        backoff.reset();
      } catch (error) {
        if (signal.aborted) return;
        const why = describeError(error);
        if (why !== failure) log.error("the bridge is not as it should be", { bridge: settings.bridge, error: why });
        failure = why;
        again = true;
        await delay(backoff.next(), undefined, { signal, ref: false }).catch(() => undefined);
      }
    }
  }

  return {
    check() {
      again = true;
      if (running) return;
      running = true;
      // Its failures are logged and tried again within.
      void run().finally(() => {
        running = false;
      });
    },
    fault: () => failure ?? portFault(replica, settings),
  };
}

/** vswitchd opens ports by itself, and says in their rows what it could not do. */
function portFault(replica: PortReplica, { encapsulation }: BridgeSettings): string | undefined {
  const wanted = encapsulation === "never" ? [GATEWAY_INTERFACE] : [GATEWAY_INTERFACE, TUNNEL_INTERFACE];
  for (const name of wanted) {
    const row = [...replica.tables.Interface.values()].find((one) => one.name === name);
    if (row === undefined) return `the port ${name} is not there`;
    if ((row.ofport ?? 0) > 0) continue;
    return `Open vSwitch has not opened the port ${name}${row.error === undefined ? "" : `: ${row.error}`}`;
  }
  return undefined;
}
