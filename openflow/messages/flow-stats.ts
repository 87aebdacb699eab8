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

/*
 * ofp_flow_desc (OpenFlow 1.5.1 section 7.3.5.2): length (16) | zeros (16) | table (8) | zeros (8) | priority (16)
 *     | idle timeout (16) | hard timeout (16) | flags (16) | importance (16) | cookie (64) | match | statistics | instructions
 * It is written out, for a switch has hundreds of thousands of them.
 */
export const flowDesc: Codec<FlowDesc> = measured(0, {
  encode(w, flow) {
    w.u32(0);
    w.u8(flow.table);
    w.u8(0);
    w.u16(flow.priority);
    w.u16(flow.idleTimeout);
    w.u16(flow.hardTimeout);
    w.u16(flow.flags);
    w.u16(flow.importance);
    w.u64(flow.cookie);
    match.encode(w, flow.match);
    oxsStats.encode(w, flow);
    instructions.encode(w, flow.actions);
  },
  decode(r) {
    r.skip(4);
    const table = r.u8();
    r.skip(1);
    const priority = r.u16();
    const idleTimeout = r.u16();
    const hardTimeout = r.u16();
    const flags = r.u16();
    const importance = r.u16();
    const cookie = r.u64();
    const terms = match.decode(r);
    const stats = oxsStats.decode(r);
    const actions = instructions.decode(r);
    const flow = { table, priority, match: terms, actions, cookie, idleTimeout, hardTimeout, flags, importance };
    const { duration, idleAge, packets, bytes, flows } = stats;
    // A switch tells all of these and no more; objects made at once are smaller than those that grow.
    const isUsual = duration !== undefined && idleAge !== undefined && packets !== undefined && bytes !== undefined;
    return isUsual && flows === undefined ? { ...flow, duration, idleAge, packets, bytes } : { ...flow, ...stats };
  },
});

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
