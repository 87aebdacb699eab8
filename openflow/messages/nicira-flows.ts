import type { Action } from "#openflow/actions.ts";
import type { Match } from "#openflow/match.ts";
import { port16 } from "#openflow/wire/action-codec.ts";
import { type Codec, struct, u8, u16, u32, u64, type ValueOf } from "#openflow/wire/codec.ts";
import { FLOW_MOD_COMMAND } from "./flow-mod.ts";
import { instructions } from "./flow-parts.ts";
import { decodeNxm, encodeNxm, type NxmMatch } from "./nxm.ts";
import { duration } from "./oxs.ts";
import { named } from "./records.ts";

const flowModCommand16 = named(u16, FLOW_MOD_COMMAND, "flow_mod command", "OFPFMFC_BAD_COMMAND");

const flowModHead = struct({
  /** All ones leave a modified flow's cookie as it is. */
  newCookie: u64,
  command: flowModCommand16,
  idleTimeout: u16,
  hardTimeout: u16,
  priority: u16,
  bufferId: u32,
  outPort: port16,
  flags: u16,
});

/** NXT_FLOW_MOD; the cookie to look for is part of its match. */
export type NxFlowMod = ValueOf<typeof flowModHead> &
  NxmMatch & {
    readonly actions: readonly Action[];
    /** Only in OpenFlow 1.0, where the command has room for it. */
    readonly table?: number;
  };

/* The head | length of the match (16) | zeros (48) | match | instructions */
export const nxFlowMod: Codec<NxFlowMod> = {
  encode(w, value) {
    flowModHead.encode(w, value);
    const lengthAt = w.offset;
    w.u64(0n);
    encodeNxm(w, lengthAt, value);
    instructions.encode(w, value.actions);
  },
  decode(r) {
    const head = flowModHead.decode(r);
    const length = r.u16();
    r.skip(6);
    return { ...head, ...decodeNxm(r, length), actions: instructions.decode(r) };
  },
};

const flowRemovedHead = struct({
  cookie: u64,
  priority: u16,
  reason: u8,
  /** One more than the table's number; 0 where the switch does not tell. */
  tablePlusOne: u8,
  duration,
  idleTimeout: u16,
});
const counters = struct({ packets: u64, bytes: u64 });

export type NxFlowRemoved = ValueOf<typeof flowRemovedHead> & ValueOf<typeof counters> & { readonly match: Match };

/* NXT_FLOW_REMOVED: the head | length of the match (16) | counters | match */
export const nxFlowRemoved: Codec<NxFlowRemoved> = {
  encode(w, value) {
    flowRemovedHead.encode(w, value);
    const lengthAt = w.offset;
    w.u16(0);
    counters.encode(w, value);
    encodeNxm(w, lengthAt, { match: value.match, cookie: 0n, cookieMask: 0n });
  },
  decode(r) {
    const head = flowRemovedHead.decode(r);
    const length = r.u16();
    return { ...head, ...counters.decode(r), match: decodeNxm(r, length).match };
  },
};
