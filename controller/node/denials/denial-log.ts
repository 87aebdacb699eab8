import type { Log } from "#base/log.ts";
import { type Denial, describeDenial, describeStaged } from "#pipeline/denials/denial.ts";
import type { ToldPacket } from "#pipeline/denials/metadata.ts";
import type { View } from "#pipeline/model/model.ts";
import type { Direction } from "#pipeline/model/policy.ts";
import { createRecent, type Recent } from "./recent.ts";

/** A denial, and when the node process was told of it. */
export interface DenialRecord extends Denial {
  readonly time: string;
}

export interface DenialLogOptions {
  readonly view: View;
  readonly log: Log;
  readonly now: () => Date;
  /** Tells others, too. */
  onDenial?(denial: Denial): void;
}

/** What the counts are told apart by: no pod and no peer, for of these there are too many. */
export interface DenialCount {
  readonly policy: string;
  readonly direction: Direction;
  readonly count: number;
}

export interface DenialLog extends Pick<Recent<DenialRecord>, "recent" | "follow"> {
  /** A packet from the switch, which a policy denied. */
  take(packet: ToldPacket): void;
  /** One that was let through, and would not be, were all staging over. */
  takeStaged(packet: ToldPacket): void;
  /** How many of those the node process was told of. */
  readonly staged: number;
  /** How many the node process was told of. */
  readonly told: number;
  /** By each policy that is named; those that no longer exist are not counted. */
  counts(): Iterable<DenialCount>;
}

/** Of a pod that the API has not told of. */
const NOBODY = "";

export function createDenialLog({ view, log, now, onDenial }: DenialLogOptions): DenialLog {
  const records = createRecent<DenialRecord>();
  const counts = new Map<string, DenialCount>();
  let told = 0;
  let staged = 0;

  function count({ policies, direction }: Denial): void {
    for (const policy of policies.length === 0 ? [NOBODY] : policies) {
      const key = `${policy} ${direction}`;
      counts.set(key, { policy, direction, count: (counts.get(key)?.count ?? 0) + 1 });
    }
  }

  return {
    get told() {
      return told;
    },
    take(packet) {
      told++;
      const denial = describeDenial(packet, view);
      if (denial === undefined) return;
      const record = { time: now().toISOString(), ...denial };
      count(denial);
      log.info("a policy denied a packet", { ...denial });
      onDenial?.(denial);
      records.add(record);
    },
    recent: records.recent,
    follow: records.follow,
    get staged() {
      return staged;
    },
    takeStaged(packet) {
      staged++;
      const denial = describeStaged(packet, view);
      if (denial === undefined) return;
      records.add({ time: now().toISOString(), ...denial });
      log.info("a staged policy would deny a packet", { ...denial });
    },
    counts() {
      for (const [key, { policy }] of counts)
        if (policy !== NOBODY && !view.NetworkPolicy.has(policy) && !view.ClusterNetworkPolicy.has(policy))
          counts.delete(key);
      return [...counts.values()];
    },
  };
}
