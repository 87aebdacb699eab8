import type { Action } from "#openflow/actions.ts";
import type { Match } from "#openflow/match.ts";
import { decodeActions, encodeActions } from "#openflow/wire/actions.ts";
import type { Codec } from "#openflow/wire/codec.ts";
import { decodeInstructions, encodeInstructions } from "#openflow/wire/instructions.ts";
import { decodeMatch, encodeMatch } from "#openflow/wire/oxm.ts";

/** What flows are made of, as codecs. */
export const match: Codec<Match> = {
  encode: encodeMatch,
  decode(r) {
    r.enter("match");
    const value = decodeMatch(r);
    r.leave();
    return value;
  },
};

/** Instructions up to the end of what is read. */
export const instructions: Codec<readonly Action[]> = {
  encode: encodeInstructions,
  decode(r) {
    r.enter("instructions");
    const value = decodeInstructions(r);
    r.leave();
    return value;
  },
};

/** Actions up to the end of what is read. */
export const actions: Codec<readonly Action[]> = { encode: encodeActions, decode: decodeActions };
