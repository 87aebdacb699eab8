import { type Codec, pad, struct, u16, u32 } from "#openflow/wire/codec.ts";
import { properties } from "./records.ts";

const head = struct({ bundleId: u32, control: u16, flags: u16, properties: properties({}) });

export interface BundleControl {
  readonly bundleId: number;
  /** OFPBCT_*. */
  readonly control: number;
  /** OFPBF_*: 1 atomic, 2 ordered. */
  readonly flags: number;
}

/** OFPT_BUNDLE_CONTROL (OpenFlow 1.5.1 section 7.3.9.1). */
export const bundleControl: Codec<BundleControl> = {
  encode: (w, value) => head.encode(w, { properties: {}, ...value }),
  decode: (r) => head.decode(r),
};

export const bundleAddHead = struct({ bundleId: u32, _pad: pad(2), flags: u16 });
