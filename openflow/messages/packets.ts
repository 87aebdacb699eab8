import type { Action } from "#openflow/actions.ts";
import type { Match } from "#openflow/match.ts";
import { type Codec, pad, rest, struct, u8, u16, u32, u64, type ValueOf } from "#openflow/wire/codec.ts";
import { decodeTerms, encodeTerms } from "#openflow/wire/oxm.ts";
import { actions, match as strictMatch } from "./flow-parts.ts";
import { behind, byte, properties, property, propertyList } from "./records.ts";

/** What is said of a packet may be of fields that nobody here knows. */
function lenient(codec: Codec<Match>): Codec<Match> {
  return {
    ...codec,
    decode(r) {
      const { doubt } = r;
      const value = codec.decode(r);
      r.doubt = doubt;
      return value;
    },
  };
}

const match = lenient(strictMatch);
/** A match without its frame, up to the end of what is read. */
const terms = lenient({ encode: encodeTerms, decode: decodeTerms });

/** OFPT_PACKET_IN (OpenFlow 1.5.1 section 7.4.1): OFPR_* as reason; what is known of the packet is a match. */
export const packetIn = struct({
  bufferId: u32,
  totalLength: u16,
  reason: u8,
  table: u8,
  cookie: u64,
  metadata: match,
  _pad: pad(2),
  data: rest,
});

export interface PacketOut {
  readonly bufferId: number;
  /** in_port and other fields of the pipeline. */
  readonly metadata: Match;
  readonly actions: readonly Action[];
  /** Empty where a buffer is named. */
  readonly data: Uint8Array;
}

/* OFPT_PACKET_OUT (OpenFlow 1.5.1 section 7.3.6): buffer (32) | length of the actions (16) | zeros (16) | match | actions | data. */
export const packetOut: Codec<PacketOut> = {
  encode(w, value) {
    w.u32(value.bufferId);
    const lengthAt = w.offset;
    w.u32(0);
    match.encode(w, value.metadata);
    const start = w.offset;
    actions.encode(w, value.actions);
    w.patch16(lengthAt, w.offset - start);
    w.raw(value.data);
  },
  decode(r) {
    const bufferId = r.u32();
    const length = r.u16();
    r.skip(2);
    const metadata = match.decode(r);
    if (length > r.left) r.fail(`${length} bytes of actions; ${r.left} are left`, "OFPBAC_BAD_LEN");
    const list = r.slice(length, () => actions.decode(r));
    return { bufferId, metadata, actions: list, data: r.raw(r.left) };
  },
};

/** What the switch needs to go on with a packet that it handed over in the middle of its pipeline, in its own order. */
const continuation = propertyList({
  bridge: property(0x8000, rest),
  /** A value on the stack, the top one first. */
  stack: property(0x8001, rest),
  mirrors: property(0x8002, u32),
  conntracked: property(0x8003, struct({})),
  /** Table and cookie of the flow that the actions behind them belong to. */
  table: property(0x8004, byte),
  cookie: property(0x8005, behind(4, u64)),
  actions: property(0x8006, behind(4, actions)),
  actionSet: property(0x8007, behind(4, actions)),
  odpPort: property(0x8008, u32),
});
export type Continuation = ValueOf<typeof continuation>;

/** NXT_PACKET_IN2, and NXT_RESUME which gives it back. */
export const packetIn2 = struct({
  properties: properties({
    data: property(0, rest),
    fullLength: property(1, u32),
    table: property(3, byte),
    cookie: property(4, behind(4, u64)),
    reason: property(5, byte),
    metadata: property(6, terms),
    continuation: property(8, behind(4, continuation)),
    userdata: property(7, rest),
    bufferId: property(2, u32),
  }),
});

/** NXT_PACKET_IN: the length of the match stands before it, and covers its NXM terms only. */
const nxPacketInHead = struct({ bufferId: u32, totalLength: u16, reason: u8, table: u8, cookie: u64 });
export const nxPacketIn: Codec<ValueOf<typeof packetIn>> = {
  encode(w, value) {
    nxPacketInHead.encode(w, value);
    const lengthAt = w.offset;
    w.u64(0n);
    const start = w.offset;
    encodeTerms(w, value.metadata);
    w.patch16(lengthAt, w.offset - start);
    w.pad(start, 8);
    w.zeros(2);
    w.raw(value.data);
  },
  decode(r) {
    const head = nxPacketInHead.decode(r);
    const length = r.u16();
    r.skip(6);
    const metadata = r.slice(length, () => terms.decode(r));
    r.skip(((8 - (length % 8)) % 8) + 2);
    return { ...head, metadata, data: r.raw(r.left) };
  },
};
