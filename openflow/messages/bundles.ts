import { type Codec, pad, rest, struct, u16, u32 } from "#openflow/wire/codec.ts";

/** Properties as they come: Open vSwitch does not look at them. */
const head = struct({ bundleId: u32, control: u16, flags: u16, properties: rest });

export interface BundleControl {
  readonly bundleId: number;
  /** OFPBCT_*. */
  readonly control: number;
  /** OFPBF_*: 1 atomic, 2 ordered. */
  readonly flags: number;
  readonly properties?: Uint8Array;
}

/** OFPT_BUNDLE_CONTROL (OpenFlow 1.5.1 section 7.3.9.1). */
export const bundleControl: Codec<BundleControl> = {
  encode: (w, value) => head.encode(w, { properties: new Uint8Array(0), ...value }),
  decode(r) {
    const { properties, ...value } = head.decode(r);
    return properties.length === 0 ? value : { ...value, properties };
  },
};

export const bundleAddHead = struct({ bundleId: u32, _pad: pad(2), flags: u16 });
