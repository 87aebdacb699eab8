import type { Action } from "#openflow/actions.ts";
import type { Match } from "#openflow/match.ts";

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
}

export interface Bucket {
  readonly id: number;
  readonly weight?: number;
  readonly watchPort?: number;
  readonly actions: readonly Action[];
}

/** A group table entry; its identity is `groupId`. */
export interface Group {
  readonly groupId: number;
  readonly type: "all" | "select" | "indirect" | "fast_failover";
  readonly buckets: readonly Bucket[];
  readonly selectionMethod?: string;
  readonly selectionParameter?: bigint;
  readonly fields?: readonly string[];
}
