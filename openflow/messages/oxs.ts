import type { Codec } from "#openflow/wire/codec.ts";
import type { Reader } from "#openflow/wire/reader.ts";
import type { Writer } from "#openflow/wire/writer.ts";

/*
 * ofp_stats (OpenFlow 1.5.1 section 7.2.4): reserved (16) | length without padding (16) | TLVs | zeros to a multiple of 8.
 * A TLV: class (16) | field (7) and a flag (1) | length (8) | value, and in class 0xffff an experimenter before the value.
 */
const OXS_CLASS = 0x8002;
const FIELD = { duration: 0, idleTime: 1, flowCount: 3, packetCount: 4, byteCount: 5 } as const;
const LONGEST = 0xffff_ffffn;
const NANOSECONDS = 1_000_000_000n;

/** What a flow or a set of flows has counted; what the switch does not tell is absent. */
export interface OxsStats {
  /** Nanoseconds. */
  readonly duration?: bigint;
  /** Seconds since the last packet. */
  readonly idleAge?: number;
  readonly packets?: bigint;
  readonly bytes?: bigint;
  readonly flows?: number;
}

export const oxsStats: Codec<OxsStats> = {
  encode(w, stats) {
    const start = w.offset;
    w.u32(0);
    if (stats.duration !== undefined) {
      header(w, FIELD.duration, 8);
      duration.encode(w, stats.duration);
    }
    if (stats.idleAge !== undefined) {
      header(w, FIELD.idleTime, 8);
      w.u32(stats.idleAge);
      w.u32(0);
    }
    if (stats.packets !== undefined) {
      header(w, FIELD.packetCount, 8);
      w.u64(stats.packets);
    }
    if (stats.bytes !== undefined) {
      header(w, FIELD.byteCount, 8);
      w.u64(stats.bytes);
    }
    if (stats.flows !== undefined) {
      header(w, FIELD.flowCount, 4);
      w.u32(stats.flows);
    }
    w.patch16(start + 2, w.offset - start);
    w.pad(start, 8);
  },
  decode(r) {
    r.skip(2);
    const length = r.u16();
    if (length < 4) r.fail(`statistics length ${length}; at least 4 is expected`, "OFPBMC_BAD_LEN");
    const stats: OxsStats = r.slice(length - 4, () => decodeFields(r));
    r.skip((8 - (length % 8)) % 8);
    return stats;
  },
};

function header(w: Writer, field: number, length: number): void {
  w.u32(((OXS_CLASS << 16) | (field << 9) | length) >>> 0);
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function decodeFields(r: Reader): OxsStats {
  const stats: Mutable<OxsStats> = {};
  while (r.left > 0) {
    const oxsClass = r.u16();
    const field = r.u8() >>> 1;
    const length = r.u8();
    r.need(length);
    const end = r.offset + length;
    if (oxsClass === OXS_CLASS) decodeField(r, field, length, stats);
    r.offset = end;
  }
  return stats;
}

/** A field that is not known, or of another length, is passed over, as the specification wants. */
function decodeField(r: Reader, field: number, length: number, stats: Mutable<OxsStats>): void {
  if (field === FIELD.flowCount && length === 4) stats.flows = r.u32();
  else if (length !== 8) return;
  else if (field === FIELD.duration) stats.duration = nanoseconds(r.u32(), r.u32());
  else if (field === FIELD.idleTime) stats.idleAge = r.u32();
  else if (field === FIELD.packetCount) stats.packets = r.u64();
  else if (field === FIELD.byteCount) stats.bytes = r.u64();
}

export function nanoseconds(seconds: number, rest: number): bigint {
  return BigInt(seconds) * NANOSECONDS + BigInt(rest);
}

/** Nanoseconds: seconds (32) and the rest of them (32). */
export const duration: Codec<bigint> = {
  encode(w, value) {
    // A switch that does not tell has all bits set, also of the nanoseconds.
    const whole = value / NANOSECONDS;
    const seconds = whole > LONGEST ? LONGEST : whole;
    w.u32(Number(seconds));
    w.u32(Number(value - seconds * NANOSECONDS));
  },
  decode: (r) => nanoseconds(r.u32(), r.u32()),
};
