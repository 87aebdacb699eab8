import { type Codec, pad, rest, struct, u8, u16, u32, u64, type ValueOf } from "#openflow/wire/codec.ts";
import type { PortDesc } from "./ports.ts";

/** Wire versions by their OpenFlow name. */
export const OPENFLOW_VERSION = { "1.0": 1, "1.1": 2, "1.2": 3, "1.3": 4, "1.4": 5, "1.5": 6 } as const;

/*
 * ofp_hello elements: type (16) | length (16) | body, zeros to a multiple of 8. Type 1 is a bitmap of versions: bit N of the
 * first word is version N.
 */
const VERSION_BITMAP = 1;

/** OFPT_HELLO. What is no element is no mistake: newer versions may say more. */
export interface Hello {
  /** Those of the bitmaps; none where the sender gave none. */
  readonly versions: readonly number[];
  /** The elements as they came, where they are not just one bitmap of versions. */
  readonly elements?: Uint8Array;
}

export const hello: Codec<Hello> = {
  encode(w, { versions, elements }) {
    if (elements !== undefined) w.raw(elements);
    else if (versions.length > 0) {
      w.u32((VERSION_BITMAP << 16) | 8);
      w.u32(versions.reduce((bitmap, version) => bitmap | (1 << version), 0) >>> 0);
    }
  },
  decode(r) {
    const elements = r.raw(r.left);
    const versions = readVersions(elements);
    const isBitmap =
      elements.length === 8 && versions.length > 0 && elements[3] === 8 && elements[1] === VERSION_BITMAP;
    return elements.length === 0 || isBitmap ? { versions } : { versions, elements };
  },
};

function readVersions(elements: Uint8Array): readonly number[] {
  const view = new DataView(elements.buffer, elements.byteOffset, elements.length);
  const versions: number[] = [];
  for (let at = 0; at + 4 <= elements.length; ) {
    const length = view.getUint16(at + 2);
    const end = at + length;
    if (length < 4 || end > elements.length) break;
    for (let word = at + 4; view.getUint16(at) === VERSION_BITMAP && word + 4 <= end; word += 4)
      for (let bit = 0; bit < 32; bit++)
        if ((view.getUint32(word) >>> bit) & 1) versions.push((word - at - 4) * 8 + bit);
    at += (length + 7) & ~7;
  }
  return versions;
}

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
