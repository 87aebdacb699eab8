import { describeError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { OpenFlowConnection } from "#openflow/connection.ts";
import { flowKey } from "#openflow/flow.ts";
import type { FlowDesc } from "#openflow/messages/flow-stats.ts";
import { OFPM_ALL } from "#openflow/messages/meters.ts";
import { cookiesOfSite } from "#pipeline/layout/cookie.ts";
import type { Site } from "#pipeline/layout/sites.ts";
import { createHitBook, type HitBook, type Reading } from "#pipeline/policy-status/hits.ts";
import { createMeterBook } from "#pipeline/policy-status/meter-book.ts";

/** What the switch counts for policies, as it was read last. */
export interface Counters {
  readonly hits: HitBook;
  /** Packets that a meter let not pass: those of which the node process was not told, for there were too many. */
  droppedBy(meterId: number): number;
  /** Reads them now; resolves when they are read or cannot be. Whoever asks meanwhile waits for the same. */
  refresh(): Promise<void>;
}

export interface CountersOptions {
  connection(): OpenFlowConnection | undefined;
  readonly log: Log;
  readonly now: () => number;
}

/** Sites of which the flows are counted: what rules let through, and what they did not. */
const COUNTED: readonly Site[] = [
  ...(["policies/rule", "policies/open", "policies/isolation", "policies/rate"] as const),
  ...(["staging/rule", "staging/open", "staging/isolation"] as const),
  ...(["staging/allowed", "staging/denied", "staging/newly-allowed", "staging/newly-denied"] as const),
];

export function createCounters({ connection, log, now }: CountersOptions): Counters {
  const hits = createHitBook();
  const meters = createMeterBook();
  let refreshing: Promise<void> | undefined;

  async function read(switchConnection: OpenFlowConnection): Promise<void> {
    const [stats, ...flows] = await Promise.all([
      switchConnection.multipart("meter_stats", { meterId: OFPM_ALL }),
      ...COUNTED.map((site) => switchConnection.dumpFlows(cookiesOfSite(site))),
    ]);
    hits.observe(flows.flat().map(readingOf), now());
    meters.observe(stats.map(({ meterId, bands }) => [meterId, Number(bands[0]?.packets ?? 0n)]));
  }

  return {
    hits,
    droppedBy: meters.droppedBy,
    refresh() {
      const switchConnection = connection();
      if (switchConnection === undefined) return Promise.resolve();
      refreshing ??= read(switchConnection)
        // Before the first comparison there is no meter; a connection that breaks is told of by whoever keeps it.
        .catch((error: unknown) => log.debug("counters could not be read", { reason: describeError(error) }))
        .finally(() => {
          refreshing = undefined;
        });
      return refreshing;
    },
  };
}

function readingOf(flow: FlowDesc): Reading {
  return {
    key: flowKey(flow),
    packets: Number(flow.packets ?? 0n),
    bytes: Number(flow.bytes ?? 0n),
    age: Number((flow.duration ?? 0n) / 1_000_000_000n),
    idle: flow.idleAge ?? 0,
  };
}
