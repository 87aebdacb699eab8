import type { Flow } from "#openflow/flow.ts";
import type { Match } from "#openflow/match.ts";
import { type Codec, listOf, pad, struct, u8, u32, u64 } from "#openflow/wire/codec.ts";
import { decodeInstructions, encodeInstructions } from "#openflow/wire/instructions.ts";
import { decodeMatch, encodeMatch } from "#openflow/wire/oxm.ts";

export const matchCodec: Codec<Match> = { encode: encodeMatch, decode: decodeMatch };

/** Body of an OFPMP_FLOW_DESC or OFPMP_AGGREGATE request: which flows are asked for. */
export const flowFilter = struct({
  table: u8,
  _pad: pad(3),
  outPort: u32,
  outGroup: u32,
  _pad2: pad(4),
  cookie: u64,
  cookieMask: u64,
  match: matchCodec,
});

/** A flow as the switch holds it, with what it counted. */
export interface FlowDesc extends Flow {
  readonly idleTimeout: number;
  readonly hardTimeout: number;
  readonly flags: number;
  readonly importance: number;
  readonly packets: bigint;
  readonly bytes: bigint;
  /** Nanoseconds since it was installed. */
  readonly duration: bigint;
  /** Seconds since the last packet; absent when the switch does not tell. */
  readonly idleAge?: number;
}

/*
 * ofp_flow_desc: length (16) | zeros (16) | table (8) | zero | priority (16) | idle, hard time-out (16 each) | flags (16)
 *     | importance (16) | cookie (64) | match | oxs statistics | instructions
 * ofp_stats: reserved (16) | length (16) | OXS TLVs: class (16) | field (7) and a flag (1) | length (8) | value
 */
const OXS_CLASS = 0x8002;
const OXS = { duration: 0, idleTime: 1, flowCount: 3, packetCount: 4, byteCount: 5 } as const;
const NANOSECONDS = 1_000_000_000n;

export const flowDesc: Codec<FlowDesc> = {
  encode(w, flow) {
    const start = w.offset;
    w.u32(0);
    w.u8(flow.table);
    w.u8(0);
    for (const value of [flow.priority, flow.idleTimeout, flow.hardTimeout, flow.flags, flow.importance]) w.u16(value);
    w.u64(flow.cookie);
    encodeMatch(w, flow.match);
    const stats = w.offset;
    w.u32(0);
    w.u32((OXS_CLASS << 16) | (OXS.duration << 9) | 8);
    w.u32(Number(flow.duration / NANOSECONDS));
    w.u32(Number(flow.duration % NANOSECONDS));
    if (flow.idleAge !== undefined) {
      w.u32((OXS_CLASS << 16) | (OXS.idleTime << 9) | 8);
      w.u32(flow.idleAge);
      w.u32(0);
    }
    w.u32((OXS_CLASS << 16) | (OXS.packetCount << 9) | 8);
    w.u64(flow.packets);
    w.u32((OXS_CLASS << 16) | (OXS.byteCount << 9) | 8);
    w.u64(flow.bytes);
    w.patch16(stats + 2, w.offset - stats);
    w.pad(stats, 8);
    encodeInstructions(w, flow.actions);
    w.patch16(start, w.offset - start);
  },
  decode(r) {
    const length = r.u16();
    r.skip(2);
    return r.slice(length - 4, () => {
      const table = r.u8();
      r.skip(1);
      const priority = r.u16();
      const idleTimeout = r.u16();
      const hardTimeout = r.u16();
      const flags = r.u16();
      const importance = r.u16();
      const cookie = r.u64();
      const match = r.within("match", () => decodeMatch(r));
      const stats = r.within("stats", () => decodeStats(r));
      const actions = r.within("instructions", () => decodeInstructions(r));
      return { table, priority, match, actions, cookie, idleTimeout, hardTimeout, flags, importance, ...stats };
    });
  },
};

export interface OxsStats {
  readonly packets: bigint;
  readonly bytes: bigint;
  readonly duration: bigint;
  readonly idleAge?: number;
  readonly flows?: number;
}

export function decodeStats(r: Parameters<Codec<unknown>["decode"]>[0]): OxsStats {
  r.skip(2);
  const length = r.u16();
  const values = new Map<number, bigint>();
  r.slice(length - 4, () => {
    while (r.left > 0) {
      const header = r.u32();
      const size = header & 0xff;
      values.set((header >>> 9) & 0x7f, r.wide(size));
    }
  });
  r.skip((8 - (length % 8)) % 8);
  const idle = values.get(OXS.idleTime);
  const flows = values.get(OXS.flowCount);
  return {
    packets: values.get(OXS.packetCount) ?? 0n,
    bytes: values.get(OXS.byteCount) ?? 0n,
    duration: toNanoseconds(values.get(OXS.duration) ?? 0n),
    ...(idle === undefined ? {} : { idleAge: Number(idle >> 32n) }),
    ...(flows === undefined ? {} : { flows: Number(flows) }),
  };
}

function toNanoseconds(packed: bigint): bigint {
  return (packed >> 32n) * NANOSECONDS + (packed & 0xffff_ffffn);
}

export const flowDescList = listOf("flows", flowDesc);

/** OFPMP_TABLE_STATS. */
export const tableStatsList = listOf(
  "tables",
  struct({ table: u8, _pad: pad(3), activeCount: u32, lookupCount: u64, matchedCount: u64 }),
);
