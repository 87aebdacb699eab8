import type { Flow } from "#openflow/flow.ts";
import { type Codec, listOf, pad, struct, u8, u16, u32, u64 } from "#openflow/wire/codec.ts";
import { instructions, match } from "./flow-parts.ts";
import { type OxsStats, oxsStats } from "./oxs.ts";
import { measured } from "./records.ts";

/** Body of an OFPMP_FLOW_DESC or OFPMP_AGGREGATE_STATS request: which flows are asked for. */
export const flowFilter = struct({
  table: u8,
  _pad: pad(3),
  outPort: u32,
  outGroup: u32,
  _pad2: pad(4),
  cookie: u64,
  cookieMask: u64,
  match,
});

/** A flow as the switch holds it, with what it counted. */
export interface FlowDesc extends Flow, OxsStats {
  readonly idleTimeout: number;
  readonly hardTimeout: number;
  readonly flags: number;
  readonly importance: number;
  /** Seconds since it was changed; only OpenFlow 1.0 with Nicira's extension tells. */
  readonly hardAge?: number;
}

/** ofp_flow_desc (OpenFlow 1.5.1 section 7.3.5.2). */
const wireFlowDesc = measured(
  0,
  struct({
    _length: pad(2),
    _pad: pad(2),
    table: u8,
    _pad2: pad(1),
    priority: u16,
    idleTimeout: u16,
    hardTimeout: u16,
    flags: u16,
    importance: u16,
    cookie: u64,
    match,
    stats: oxsStats,
    actions: instructions,
  }),
);

export const flowDesc: Codec<FlowDesc> = {
  encode: (w, flow) => wireFlowDesc.encode(w, { ...flow, stats: flow }),
  decode(r) {
    const { stats, ...flow } = wireFlowDesc.decode(r);
    return { ...flow, ...stats };
  },
};

export const flowDescList = listOf("flows", flowDesc);

/** OFPT_FLOW_REMOVED (OpenFlow 1.5.1 section 7.4.2). */
export const flowRemoved = struct({
  table: u8,
  reason: u8,
  priority: u16,
  idleTimeout: u16,
  hardTimeout: u16,
  cookie: u64,
  match,
  stats: oxsStats,
});
