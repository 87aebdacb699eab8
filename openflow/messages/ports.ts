import type { Mac } from "#base/address.ts";
import { type Codec, fixedText, listOf, pad, struct, u8, u32, u48, u64, type ValueOf } from "#openflow/wire/codec.ts";
import { duration } from "./oxs.ts";
import { behind, experimenterProperty, measured, properties, property } from "./records.ts";

export const mac = u48 as Codec<Mac>;

/** ofp_port_desc_prop_ethernet: OFPPF_* bits, and speeds in kbit/s. */
export const ethernetFeatures = struct({
  current: u32,
  advertised: u32,
  supported: u32,
  peer: u32,
  currentSpeed: u32,
  maxSpeed: u32,
});

/** ofp_port (OpenFlow 1.5.1 section 7.2.1). */
export const portDesc = measured(
  4,
  struct({
    port: u32,
    _length: pad(2),
    _pad: pad(2),
    hwAddr: mac,
    _pad2: pad(2),
    name: fixedText(16),
    config: u32,
    state: u32,
    properties: properties({ ethernet: property(0, behind(4, ethernetFeatures)) }),
  }),
);

export type PortDesc = ValueOf<typeof portDesc>;
export const portDescList = listOf("ports", portDesc);
/** OFPP_ANY asks for all. */
export const portRequest = struct({ port: u32, _pad: pad(4) });

/** OFPT_PORT_STATUS; reason 0 added, 1 deleted, 2 modified. */
export const portStatus = struct({ reason: u8, _pad: pad(7), desc: portDesc });

/** OFPT_PORT_MOD (OpenFlow 1.5.1 section 7.3.4.5): OFPPC_* bits; what ethernet advertises is left alone when it is absent. */
export const portMod = struct({
  port: u32,
  _pad: pad(4),
  hwAddr: mac,
  _pad2: pad(2),
  config: u32,
  mask: u32,
  properties: properties({ advertise: property(0, u32) }),
});

const INTEL = 0x0000_aa01;

/** Open vSwitch's extension: how many packets there were of which size (RFC 2819), and of what kind. */
const rfc2819 = struct({
  rx1To64: u64,
  rx65To127: u64,
  rx128To255: u64,
  rx256To511: u64,
  rx512To1023: u64,
  rx1024To1522: u64,
  rx1523ToMax: u64,
  tx1To64: u64,
  tx65To127: u64,
  tx128To255: u64,
  tx256To511: u64,
  tx512To1023: u64,
  tx1024To1522: u64,
  tx1523ToMax: u64,
  txMulticast: u64,
  rxBroadcast: u64,
  txBroadcast: u64,
  rxUndersized: u64,
  rxOversize: u64,
  rxFragmented: u64,
  rxJabber: u64,
});

export interface CustomCounter {
  readonly name: string;
  readonly value: bigint;
}

/** Open vSwitch's extension: zeros (16) | count (16) | count times: length (8) | name | value (64). */
const customCounters: Codec<readonly CustomCounter[]> = {
  encode(w, counters) {
    w.u16(0);
    w.u16(counters.length);
    for (const { name, value } of counters) {
      const bytes = Buffer.from(name, "utf8");
      w.u8(bytes.length);
      w.raw(bytes);
      w.u64(value);
    }
  },
  decode(r) {
    r.skip(2);
    const count = r.u16();
    return Array.from({ length: count }, (_, i) =>
      r.within(`counters[${i}]`, () => ({ name: Buffer.from(r.raw(r.u8())).toString("utf8"), value: r.u64() })),
    );
  },
};

const ethernetStats = struct({ rxFrame: u64, rxOver: u64, rxCrc: u64, collisions: u64 });

/** ofp_port_stats (OpenFlow 1.5.1 section 7.3.5.8); 2^64-1 is a counter that the switch does not have. */
export const portStats = measured(
  0,
  struct({
    _length: pad(2),
    _pad: pad(2),
    port: u32,
    duration,
    rxPackets: u64,
    txPackets: u64,
    rxBytes: u64,
    txBytes: u64,
    rxDropped: u64,
    txDropped: u64,
    rxErrors: u64,
    txErrors: u64,
    properties: properties({
      ethernet: property(0, behind(4, ethernetStats)),
      rfc2819: experimenterProperty(INTEL, 1, behind(4, rfc2819)),
      custom: experimenterProperty(INTEL, 2, customCounters),
    }),
  }),
);
export const portStatsList = listOf("ports", portStats);
