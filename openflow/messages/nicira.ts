import type { Ipv6 } from "#base/address.ts";
import { type Codec, listOf, pad, struct, u8, u16, u32, u64 } from "#openflow/wire/codec.ts";
import { behind, byte, halfWord, named, properties, property } from "./records.ts";

export const NICIRA = 0x0000_2320;

/** NXT_ROLE_REQUEST and NXT_ROLE_REPLY: 0 other, 1 primary, 2 secondary. */
export const nxRole = struct({
  role: named(u32, { equal: 0, primary: 1, secondary: 2 } as const, "role", "OFPRRFC_BAD_ROLE"),
});

const maskPair = struct({ primary: u32, secondary: u32 });
/** NXT_SET_ASYNC_CONFIG: bits by reason. */
export const nxAsyncConfig = struct({ packetIn: maskPair, portStatus: maskPair, flowRemoved: maskPair });

export const flowModTableId = struct({ enable: u8, _pad: pad(7) });
/** 0 the standard OFPT_PACKET_IN, 1 NXT_PACKET_IN, 2 NXT_PACKET_IN2. */
const PACKET_IN_FORMAT = { standard: 0, nxt_packet_in: 1, nxt_packet_in2: 2 } as const;
export const setPacketInFormat = struct({ format: named(u32, PACKET_IN_FORMAT, "packet-in format", "OFPBRC_EPERM") });
export const controllerId = struct({ _pad: pad(6), controllerId: u16 });

/** Which Geneve option stands in which tun_metadata field. */
const tlvMappings = listOf(
  "mappings",
  struct({ optionClass: u16, optionType: u8, optionLength: u8, index: u16, _pad: pad(2) }),
);
const TLV_COMMAND = { add: 0, delete: 1, clear: 2 } as const;
export const tlvTableMod = struct({
  command: named(u16, TLV_COMMAND, "tlv_table_mod command", "NXTTMFC_BAD_COMMAND"),
  _pad: pad(6),
  mappings: tlvMappings,
});
export const tlvTableReply = struct({ maxOptionSpace: u32, maxFields: u16, _pad: pad(10), mappings: tlvMappings });

export const ctFlushZone = struct({ _pad: pad(6), zone: u16 });

const address: Codec<Ipv6> = {
  encode: (w, value) => w.wide(value, 16),
  decode: (r) => r.wide(16) as Ipv6,
};
/** IPv4 addresses are mapped into IPv6. */
const tuple = properties({
  source: property(0, address),
  destination: property(1, address),
  sourcePort: property(2, halfWord),
  destinationPort: property(3, halfWord),
  icmpId: property(4, halfWord),
  icmpType: property(5, byte),
  icmpCode: property(6, byte),
});
const label: Codec<bigint> = { encode: (w, value) => w.wide(value, 16), decode: (r) => r.wide(16) };
export const ctFlush = struct({
  ipProto: u8,
  _pad: pad(7),
  properties: properties({
    original: property(0, behind(4, tuple)),
    reply: property(1, behind(4, tuple)),
    zone: property(2, halfWord),
    /** As of Open vSwitch 3.3; without a mask the whole value counts. */
    mark: property(3, u32),
    markMask: property(4, u32),
    labels: property(5, label),
    labelsMask: property(6, label),
  }),
});

/** What an IPFIX exporter has seen and sent. */
export const ipfixStats = struct({
  totalFlows: u64,
  currentFlows: u64,
  packets: u64,
  ipv4Packets: u64,
  ipv6Packets: u64,
  errorPackets: u64,
  ipv4ErrorPackets: u64,
  ipv6ErrorPackets: u64,
  txPackets: u64,
  txErrors: u64,
  collectorSetId: u32,
  _pad: pad(4),
});
export const ipfixStatsList = listOf("collectors", ipfixStats);
