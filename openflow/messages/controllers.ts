import { type Codec, pad, rest, struct, u8, u16, u32, u64, type ValueOf } from "#openflow/wire/codec.ts";
import { named, properties, property } from "./records.ts";

const ROLE = { nochange: 0, equal: 1, primary: 2, secondary: 3 } as const;
const role = named(u32, ROLE, "role", "OFPRRFC_BAD_ROLE");

/** OFPT_ROLE_REQUEST and OFPT_ROLE_REPLY (OpenFlow 1.5.1 section 7.3.9). */
export const roleMessage = struct({ role, shortId: u16, _pad: pad(2), generationId: u64 });

const statusHead = struct({ role, reason: u8, _pad: pad(3), generationId: u64, properties: rest });

/** OFPT_ROLE_STATUS; reason OFPCRR_*. Properties are kept as they come: Open vSwitch does not look at them. */
export type RoleStatus = Omit<ValueOf<typeof statusHead>, "properties"> & { readonly properties?: Uint8Array };
export const roleStatus: Codec<RoleStatus> = {
  encode: (w, value) => statusHead.encode(w, { properties: new Uint8Array(0), ...value }),
  decode(r) {
    const { properties: kept, ...value } = statusHead.decode(r);
    return kept.length === 0 ? value : { ...value, properties: kept };
  },
};

/** OFPT_SET_ASYNC and OFPT_GET_ASYNC_REPLY (OpenFlow 1.5.1 section 7.3.10): bits by reason, as a secondary and else. */
export const asyncConfig = struct({
  properties: properties({
    packetInSecondary: property(0, u32),
    packetInPrimary: property(1, u32),
    portStatusSecondary: property(2, u32),
    portStatusPrimary: property(3, u32),
    flowRemovedSecondary: property(4, u32),
    flowRemovedPrimary: property(5, u32),
    roleStatusSecondary: property(6, u32),
    roleStatusPrimary: property(7, u32),
    tableStatusSecondary: property(8, u32),
    tableStatusPrimary: property(9, u32),
    requestforwardSecondary: property(10, u32),
    requestforwardPrimary: property(11, u32),
  }),
});
