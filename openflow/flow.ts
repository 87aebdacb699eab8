import { isEqual } from "#base/equal.ts";
import type { Action } from "#openflow/actions.ts";
import { type Match, matchKey } from "#openflow/match.ts";

/** What ovs-ofctl takes a flow to have that says nothing else. */
export const DEFAULT_PRIORITY = 0x8000;

/** A flow table entry. Its identity is (table, priority, match); cookie and actions are its content. */
export interface Flow {
  readonly table: number;
  readonly priority: number;
  readonly match: Match;
  readonly actions: readonly Action[];
  readonly cookie: bigint;
  /** Seconds; 0 or absent means that the entry stays. */
  readonly idleTimeout?: number;
  readonly hardTimeout?: number;
  /** OFPFF_* bits. */
  readonly flags?: number;
  /** What is evicted first from a full table: the entries with the lowest. */
  readonly importance?: number;
}

export interface Bucket {
  readonly id: number;
  /** Of a select group: 1 when absent. */
  readonly weight?: number;
  readonly watchPort?: number;
  readonly watchGroup?: number;
  readonly actions: readonly Action[];
}

/** How a select group chooses its bucket (Netronome's extension): "hash" or "dp_hash". */
export interface GroupSelection {
  readonly method: string;
  readonly parameter: bigint;
  /** Each with the bits of it that count as its value. */
  readonly fields: Match;
  /** Under the number that Open vSwitch took for Netronome's at first; it reads both. */
  readonly hasOldNumber?: true;
}

/** A group table entry; its identity is `groupId`. */
export interface Group {
  readonly groupId: number;
  readonly type: "all" | "select" | "indirect" | "fast_failover";
  readonly buckets: readonly Bucket[];
  readonly selection?: GroupSelection;
}

/** What a meter does with packets above `rate`; in kbit/s or packets/s by the meter's flags. */
export type MeterBand =
  | { readonly type: "drop"; readonly rate: number; readonly burst: number }
  | { readonly type: "dscp_remark"; readonly rate: number; readonly burst: number; readonly precedence: number };

/** OFPMF_*. */
export const METER_FLAGS = { kbps: 1, pktps: 2, burst: 4, stats: 8 } as const;

/** A meter table entry; its identity is `meterId`. */
export interface Meter {
  readonly meterId: number;
  /** METER_FLAGS. */
  readonly flags: number;
  readonly bands: readonly MeterBand[];
}

/** A flow's identity: no table holds two flows with the same one. */
export function flowKey(flow: Pick<Flow, "table" | "priority" | "match">): string {
  return `${flow.table},${flow.priority},${matchKey(flow.match)}`;
}

/** Whether two flows of one identity also do the same: actions, cookie, time-outs, flags, importance. */
export function sameFlow(a: Flow, b: Flow): boolean {
  return (
    a === b ||
    (a.cookie === b.cookie &&
      (a.idleTimeout ?? 0) === (b.idleTimeout ?? 0) &&
      (a.hardTimeout ?? 0) === (b.hardTimeout ?? 0) &&
      (a.flags ?? 0) === (b.flags ?? 0) &&
      (a.importance ?? 0) === (b.importance ?? 0) &&
      isEqual(a.actions, b.actions))
  );
}
