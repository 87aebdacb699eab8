import { listOf, pad, struct, u32, u64 } from "#openflow/wire/codec.ts";
import { duration } from "./oxs.ts";
import { halfWord, measured, properties, property } from "./records.ts";

/** OFPMP_QUEUE_STATS and OFPMP_QUEUE_DESC: OFPP_ANY and OFPQ_ALL ask for all. */
export const queueRequest = struct({ port: u32, queue: u32 });

/** ofp_queue_stats (OpenFlow 1.5.1 section 7.3.5.10). */
export const queueStatsList = listOf(
  "queues",
  measured(
    0,
    struct({
      _length: pad(2),
      _pad: pad(6),
      port: u32,
      queue: u32,
      txBytes: u64,
      txPackets: u64,
      txErrors: u64,
      duration,
    }),
  ),
);

/** ofp_queue_desc (OpenFlow 1.5.1 section 7.3.5.12): rates in tenths of a percent, above 1000 disabled. */
export const queueDescList = listOf(
  "queues",
  measured(
    8,
    struct({
      port: u32,
      queue: u32,
      _length: pad(2),
      _pad: pad(6),
      properties: properties({ minRate: property(1, halfWord), maxRate: property(2, halfWord) }),
    }),
  ),
);
