import { type Codec, pad, rest, struct, u8, u16, u32, u64, type ValueOf } from "#openflow/wire/codec.ts";
import type { PortDesc } from "./ports.ts";

/** Wire versions by their OpenFlow name. */
export const OPENFLOW_VERSION = { "1.0": 1, "1.1": 2, "1.2": 3, "1.3": 4, "1.4": 5, "1.5": 6 } as const;

/*
 * ofp_hello elements: type (16) | length (16) | body, zeros to a multiple of 8. Type 1 is a bitmap of versions: bit N of the
 * first word is version N.
 */
const VERSION_BITMAP = 1;

/** OFPT_HELLO: the versions in the bitmap; none where the sender gave none. */
export const hello: Codec<{ readonly versions: readonly number[] }> = {
  encode(w, { versions }) {
    if (versions.length === 0) return;
    w.u32((VERSION_BITMAP << 16) | 8);
    w.u32(versions.reduce((bitmap, version) => bitmap | (1 << version), 0) >>> 0);
  },
  decode(r) {
    const versions: number[] = [];
    while (r.left >= 4) {
      const type = r.u16();
      const length = r.u16();
      if (length < 4) r.fail(`hello element length ${length}; at least 4 is expected`);
      r.slice(length - 4, () => {
        for (let word = 0; type === VERSION_BITMAP && r.left >= 4; word++) {
          const bitmap = r.u32();
          for (let bit = 0; bit < 32; bit++) if ((bitmap >>> bit) & 1) versions.push(word * 32 + bit);
        }
      });
      r.skip(Math.min(r.left, (8 - (length % 8)) % 8));
    }
    return { versions };
  },
};

/** OFPT_ERROR: `data` holds the start of the message that was refused. */
export const error = struct({ errorType: u16, errorCode: u16, data: rest });

export const echo = struct({ data: rest });

const features = struct({
  datapathId: u64,
  buffers: u32,
  tables: u8,
  auxiliaryId: u8,
  _pad: pad(2),
  capabilities: u32,
  /** In OpenFlow 1.0 the actions, as bits by their number. */
  reserved: u32,
});

/** OFPT_FEATURES_REPLY; up to OpenFlow 1.2 with the ports. */
export type FeaturesReply = ValueOf<typeof features> & { readonly ports?: readonly PortDesc[] };
export const featuresReply: Codec<FeaturesReply> = features;

export const switchConfig = struct({ flags: u16, missSendLength: u16 });

/** A message of a vendor: the experimenter's id, its own type, and what only it understands. */
export const experimenter = struct({ experimenter: u32, experimenterType: u32, data: rest });

export const empty = struct({});
