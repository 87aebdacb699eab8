import { port16 } from "#openflow/wire/action-codec.ts";
import { fixedText, pad, struct, u8, u32, u64 } from "#openflow/wire/codec.ts";
import type { Reader } from "#openflow/wire/reader.ts";
import type { Message, MessageOf } from "../message.ts";
import { duration, nanoseconds } from "../oxs.ts";
import { ethernetFeatures, mac, type PortDesc } from "../ports.ts";
import { between, type Lengths, type OlderFormat, older, olderReply, olderRequest, readList } from "./formats.ts";

const ANY_PORT = 0xffff_ffff;
const ANY_QUEUE = 0xffff_ffff;
/** What a duration is that the version does not tell. */
const NO_DURATION = nanoseconds(0xffff_ffff, 0);

/** OFPPF_* of OpenFlow 1.0: what stands behind bit 6 is four bits higher since. */
function newFeatures(bits: number): number {
  return (bits & 0x7f) | ((bits & 0xf80) << 4);
}

/** kbit/s by bit, the fastest first. */
const SPEEDS = [
  [0b100_0000, 10_000_000],
  [0b011_0000, 1_000_000],
  [0b000_1100, 100_000],
  [0b000_0011, 10_000],
] as const;

function speedOf(features: number): number {
  return SPEEDS.find(([bits]) => (features & bits) !== 0)?.[1] ?? 0;
}

const wirePort10 = struct({
  port: port16,
  hwAddr: mac,
  name: fixedText(16),
  config: u32,
  state: u32,
  current: u32,
  advertised: u32,
  supported: u32,
  peer: u32,
});

export function readPort10(r: Reader): PortDesc {
  const { current, advertised, supported, peer, ...port } = wirePort10.decode(r);
  const ethernet = {
    current: newFeatures(current),
    advertised: newFeatures(advertised),
    supported: newFeatures(supported),
    peer: newFeatures(peer),
    currentSpeed: speedOf(current),
    maxSpeed: speedOf(supported),
  };
  return { ...port, properties: { ethernet } };
}

const wirePort11 = struct({
  port: u32,
  _pad: pad(4),
  hwAddr: mac,
  _pad2: pad(2),
  name: fixedText(16),
  config: u32,
  state: u32,
  ethernet: ethernetFeatures,
});

export function readPort11(r: Reader): PortDesc {
  const { ethernet, ...port } = wirePort11.decode(r);
  return { ...port, properties: { ethernet } };
}

function readStatus(readPort: (r: Reader) => PortDesc) {
  return (r: Reader): Message => {
    const reason = r.u8();
    r.skip(7);
    return { type: "port_status", reason, desc: readPort(r) };
  };
}

const mod10 = struct({ port: port16, hwAddr: mac, config: u32, mask: u32, advertise: u32 });
const mod11 = struct({
  port: u32,
  _pad: pad(4),
  hwAddr: mac,
  _pad2: pad(2),
  config: u32,
  mask: u32,
  advertise: u32,
});

function readMod10(r: Reader): Message {
  const { advertise, ...mod } = mod10.decode(r);
  return { type: "port_mod", ...mod, properties: { advertise: newFeatures(advertise) } };
}

function readMod11(r: Reader): Message {
  const { advertise, ...mod } = mod11.decode(r);
  return { type: "port_mod", ...mod, properties: { advertise } };
}

const counters = struct({
  rxPackets: u64,
  txPackets: u64,
  rxBytes: u64,
  txBytes: u64,
  rxDropped: u64,
  txDropped: u64,
  rxErrors: u64,
  txErrors: u64,
});
const ethernetStats = struct({ rxFrame: u64, rxOver: u64, rxCrc: u64, collisions: u64 });

type PortStats = Extract<MessageOf<"multipart_reply">, { readonly kind: "port_stats" }>["body"][number];

/** `isWide`: the port has 32 bits, and as many of zeros behind it. */
function readPortStats(isWide: boolean, hasDuration: boolean) {
  return (r: Reader): PortStats => {
    const port = isWide ? r.u32() : port16.decode(r);
    r.skip(isWide ? 4 : 6);
    const common = counters.decode(r);
    const ethernet = ethernetStats.decode(r);
    return { port, ...common, duration: hasDuration ? duration.decode(r) : NO_DURATION, properties: { ethernet } };
  };
}

function portStatsReply(versions: readonly number[], lengths: Lengths, read: (r: Reader) => PortStats): OlderFormat {
  return olderReply(versions, STATS, lengths, "port_stats", (r) => readList(r, "ports", read));
}

const queueCounters = struct({ txBytes: u64, txPackets: u64, txErrors: u64 });
type QueueStats = Extract<MessageOf<"multipart_reply">, { readonly kind: "queue_stats" }>["body"][number];

function readQueueStats(isWide: boolean, hasDuration: boolean) {
  return (r: Reader): QueueStats => {
    const port = isWide ? r.u32() : port16.decode(r);
    if (!isWide) r.skip(2);
    const queue = r.u32();
    const common = queueCounters.decode(r);
    return { port, queue, ...common, duration: hasDuration ? duration.decode(r) : NO_DURATION };
  };
}

function queueStatsReply(versions: readonly number[], lengths: Lengths, read: (r: Reader) => QueueStats): OlderFormat {
  return olderReply(versions, QUEUE_STATS, lengths, "queue_stats", (r) => readList(r, "queues", read));
}

function readQueueRequest10(r: Reader) {
  const port = port16.decode(r);
  r.skip(2);
  return { port: port === ALL_PORTS ? ANY_PORT : port, queue: r.u32() };
}
const ALL_PORTS = 0xffff_fffc;
const LAST_PORT = 0xff00;

/** OFPT_QUEUE_GET_CONFIG_REQUEST, which became OFPMP_QUEUE_DESC. */
function readQueueConfigRequest(isWide: boolean) {
  return (r: Reader): Message => {
    const port = isWide ? r.u32() : port16.decode(r);
    if (port >= LAST_PORT && !(isWide && port === ANY_PORT)) r.fail(`port ${port} has no queues`, "OFPQOFC_BAD_PORT");
    return { type: "multipart_request", kind: "queue_desc", more: false, body: { port, queue: ANY_QUEUE } };
  };
}

type QueueDesc = Extract<MessageOf<"multipart_reply">, { readonly kind: "queue_desc" }>["body"][number];
const MIN_RATE = 1;
const MAX_RATE = 2;

/** `headerSize` of a queue: 8 bytes, or 16 with the port. */
function readQueueConfigReply(isWide: boolean, headerSize: 8 | 16) {
  return (r: Reader): Message => {
    const port = isWide ? r.u32() : port16.decode(r);
    r.skip(isWide ? 4 : 6);
    const body = readList(r, "queues", (): QueueDesc => {
      const queue = r.u32();
      if (headerSize === 16) r.skip(4);
      const length = r.u16();
      r.skip(headerSize === 16 ? 6 : 2);
      if (length < headerSize || length % 8 !== 0) r.fail(`queue length ${length}`, "OFPBRC_BAD_LEN");
      return r.slice(length - headerSize, () => ({ port, queue, properties: readRates(r) }));
    });
    return { type: "multipart_reply", kind: "queue_desc", more: false, body };
  };
}

function readRates(r: Reader): QueueDesc["properties"] {
  const rates: { minRate?: number; maxRate?: number } = {};
  while (r.left > 0) {
    const property = r.u16();
    const length = r.u16();
    if (length < 8 || length % 8 !== 0) r.fail(`property length ${length}`, "OFPBRC_BAD_LEN");
    r.slice(length - 4, () => {
      if (property !== MIN_RATE && property !== MAX_RATE) return;
      if (length !== 16) r.fail(`property length ${length}; 16 is expected`, "OFPBRC_BAD_LEN");
      r.skip(4);
      rates[property === MIN_RATE ? "minRate" : "maxRate"] = r.u16();
    });
  }
  return rates;
}

const featuresHead = struct({
  datapathId: u64,
  buffers: u32,
  tables: u8,
  auxiliaryId: u8,
  _pad: pad(2),
  capabilities: u32,
  reserved: u32,
});

function readFeatures(readPort: (r: Reader) => PortDesc) {
  return (r: Reader): Message => ({
    type: "features_reply",
    ...featuresHead.decode(r),
    ports: readList(r, "ports", readPort),
  });
}

const V1_0 = between("1.0", "1.0");
const V1_1 = between("1.1", "1.1");
const V1_1_TO_1_2 = between("1.1", "1.2");
const V1_3 = between("1.3", "1.3");
const V1_1_TO_1_3 = between("1.1", "1.3");
const STATUS = { name: "OFPT_PORT_STATUS", number: 12 };
const MOD = { name: "OFPT_PORT_MOD", number: 16 };
const DESC = { name: "OFPST_PORT_DESC", number: 13 };
const STATS = { name: "OFPST_PORT", number: 4 };
const QUEUE_STATS = { name: "OFPST_QUEUE", number: 5 };
const FEATURES = { name: "OFPT_FEATURES_REPLY", number: 6 };
const QUEUE_REQUEST = "OFPT_QUEUE_GET_CONFIG_REQUEST";
const QUEUE_REPLY = "OFPT_QUEUE_GET_CONFIG_REPLY";

export const OLDER_PORTS: readonly OlderFormat[] = [
  older(V1_0, FEATURES, [24, 48], readFeatures(readPort10)),
  older(V1_1_TO_1_2, FEATURES, [24, 64], readFeatures(readPort11)),
  older(V1_0, STATUS, [56, 0], readStatus(readPort10)),
  older(V1_1_TO_1_3, STATUS, [72, 0], readStatus(readPort11)),
  older(V1_0, { ...MOD, number: 15 }, [24, 0], readMod10),
  older(V1_1_TO_1_3, MOD, [32, 0], readMod11),
  olderRequest(between("1.0", "1.4"), DESC, [0, 0], "port_desc", () => ({ port: ANY_PORT })),
  olderReply(V1_0, DESC, [0, 48], "port_desc", (r) => readList(r, "ports", readPort10)),
  olderReply(V1_1_TO_1_3, DESC, [0, 64], "port_desc", (r) => readList(r, "ports", readPort11)),
  olderRequest(V1_0, STATS, [8, 0], "port_stats", (r) => ({ port: port16.decode(r) })),
  portStatsReply(V1_0, [0, 104], readPortStats(false, false)),
  portStatsReply(V1_1_TO_1_2, [0, 104], readPortStats(true, false)),
  portStatsReply(V1_3, [0, 112], readPortStats(true, true)),
  olderRequest(V1_0, QUEUE_STATS, [8, 0], "queue_stats", readQueueRequest10),
  queueStatsReply(V1_0, [0, 32], readQueueStats(false, false)),
  queueStatsReply(V1_1_TO_1_2, [0, 32], readQueueStats(true, false)),
  queueStatsReply(V1_3, [0, 40], readQueueStats(true, true)),
  older(V1_0, { name: QUEUE_REQUEST, number: 20 }, [4, 0], readQueueConfigRequest(false)),
  older(V1_1_TO_1_3, { name: QUEUE_REQUEST, number: 22 }, [8, 0], readQueueConfigRequest(true)),
  older(V1_0, { name: QUEUE_REPLY, number: 21 }, [8, 8], readQueueConfigReply(false, 8)),
  older(V1_1, { name: QUEUE_REPLY, number: 23 }, [8, 8], readQueueConfigReply(true, 8)),
  older(between("1.2", "1.3"), { name: QUEUE_REPLY, number: 23 }, [8, 8], readQueueConfigReply(true, 16)),
];
