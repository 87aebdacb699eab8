import { formatMac } from "#base/address.ts";
import type { MessageOf } from "#openflow/messages/message.ts";
import type { PortDesc } from "#openflow/messages/ports.ts";
import {
  type Context,
  formatBits,
  formatCounter,
  formatDuration,
  formatPort,
  isSince,
  NO_COUNTER,
  NO_COUNTER_32,
  refuse,
} from "./words.ts";

/** OFPPC_* by bit. */
const CONFIG = ["PORT_DOWN", "NO_STP", "NO_RECV", "NO_RECV_STP", "NO_FLOOD", "NO_FWD", "NO_PACKET_IN"] as const;
const CONFIG_MASK = 0b110_0101;
const CONFIG_MASK_OF_1_0 = 0b111_1111;
/** OFPPS_* by bit. */
const STATE = ["LINK_DOWN", "BLOCKED", "LIVE"] as const;
const STATE_MASK = 0b111;
/** In OpenFlow 1.0 two bits tell where the spanning tree has the port. */
const STP_STATES = ["STP_LISTEN", "STP_LEARN", "STP_FORWARD", "STP_BLOCK"] as const;
const STP_SHIFT = 8;

function formatConfig(bits: number, context: Context): string {
  return `${formatBits(bits & (isSince("1.1", context) ? CONFIG_MASK : CONFIG_MASK_OF_1_0), CONFIG)}\n`;
}

function formatState(bits: number, context: Context): string {
  if (isSince("1.1", context)) return `${formatBits(bits & STATE_MASK, STATE)}\n`;
  const stp = (bits >>> STP_SHIFT) & 3;
  const others = bits & 1;
  if (stp === 0) return `${formatBits(others, STATE)}\n`;
  return `${STP_STATES[stp]}${others === 0 ? "" : formatBits(others, STATE)}\n`;
}

/** OFPPF_* by bit, as of OpenFlow 1.1. */
const FEATURES = [
  "10MB-HD",
  "10MB-FD",
  "100MB-HD",
  "100MB-FD",
  "1GB-HD",
  "1GB-FD",
  "10GB-FD",
  "40GB-FD",
  "100GB-FD",
  "1TB-FD",
  "OTHER",
  "COPPER",
  "FIBER",
  "AUTO_NEG",
  "AUTO_PAUSE",
  "AUTO_PAUSE_ASYM",
] as const;

function formatFeatures(bits: number): string {
  return formatBits(bits & 0xffff, FEATURES);
}

/** The name up to the first byte that cannot be printed. */
function printableName(name: string): string {
  return /^[\x20-\x7e]*/.exec(name)?.[0] ?? "";
}

export function formatPortDesc({ port, name, hwAddr, config, state, properties }: PortDesc, context: Context): string {
  const {
    current = 0,
    advertised = 0,
    supported = 0,
    peer = 0,
    currentSpeed = 0,
    maxSpeed = 0,
  } = properties.ethernet ?? {};
  const features = [
    ["current:    ", current],
    ["advertised: ", advertised],
    ["supported:  ", supported],
    ["peer:       ", peer],
  ] as const;
  const lines = features
    .filter(([, bits]) => (bits & 0xffff) !== 0)
    .map(([label, bits]) => `     ${label}${formatFeatures(bits)}\n`);
  return (
    ` ${formatPort(port)}(${printableName(name)}): addr:${formatMac(hwAddr)}\n` +
    `     config:     ${formatConfig(config, context)}` +
    `     state:      ${formatState(state, context)}` +
    lines.join("") +
    `     speed: ${Math.floor(currentSpeed / 1000)} Mbps now, ${Math.floor(maxSpeed / 1000)} Mbps max\n`
  );
}

/** In the order of their numbers. */
export function formatPortDescs(ports: readonly PortDesc[], context: Context): string {
  return [...ports]
    .sort((a, b) => (a.port & 0xffff) - (b.port & 0xffff))
    .map((port) => formatPortDesc(port, context))
    .join("");
}

const REASONS = [" ADD:", " DEL:", " MOD:"] as const;

export function formatPortStatus({ reason, desc }: MessageOf<"port_status">, context: Context): string {
  return `${REASONS[reason] ?? refuse(`reason ${reason} is not known`, "NXBRC_BAD_REASON")}${formatPortDesc(desc, context)}`;
}

export function formatPortMod(
  { port, hwAddr, config, mask, properties }: MessageOf<"port_mod">,
  context: Context,
): string {
  const advertise = (properties.advertise ?? 0) & 0xffff;
  return (
    ` port: ${formatPort(port)}: addr:${formatMac(hwAddr)}\n` +
    `     config: ${formatConfig(config & mask, context)}` +
    `     mask:   ${formatConfig(mask, context)}` +
    `     advertise: ${advertise === 0 ? "UNCHANGED" : formatFeatures(advertise)}\n`
  );
}

type PortStats = Extract<MessageOf<"multipart_reply">, { readonly kind: "port_stats" }>["body"][number];
type SizeCounters = NonNullable<PortStats["properties"]["rfc2819"]>;

const RX_SIZES: readonly (readonly [label: string, counter: keyof SizeCounters])[] = [
  ["1_to_64_packets", "rx1To64"],
  ["65_to_127_packets", "rx65To127"],
  ["128_to_255_packets", "rx128To255"],
  ["256_to_511_packets", "rx256To511"],
  ["512_to_1023_packets", "rx512To1023"],
  ["1024_to_1522_packets", "rx1024To1522"],
  ["1523_to_max_packets", "rx1523ToMax"],
  ["broadcast_packets", "rxBroadcast"],
  ["undersized_errors", "rxUndersized"],
  ["oversize_errors", "rxOversize"],
  ["rx_fragmented_errors", "rxFragmented"],
  ["rx_jabber_errors", "rxJabber"],
];
const TX_SIZES: readonly (readonly [label: string, counter: keyof SizeCounters])[] = [
  ["1_to_64_packets", "tx1To64"],
  ["65_to_127_packets", "tx65To127"],
  ["128_to_255_packets", "tx128To255"],
  ["256_to_511_packets", "tx256To511"],
  ["512_to_1023_packets", "tx512To1023"],
  ["1024_to_1522_packets", "tx1024To1522"],
  ["1523_to_max_packets", "tx1523ToMax"],
  ["multicast_packets", "txMulticast"],
  ["broadcast_packets", "txBroadcast"],
];
const INDENT = "           ";

export function formatPortStats(stats: PortStats): string {
  const { port, duration, properties } = stats;
  const { ethernet, rfc2819, custom = [] } = properties;
  const count = formatCounter;
  const alignment = (port & 0xffff) < 10 ? " " : "";
  return (
    `  port ${alignment}${formatPort(port)}: rx pkts=${count(stats.rxPackets)}, bytes=${count(stats.rxBytes)}, ` +
    `drop=${count(stats.rxDropped)}, errs=${count(stats.rxErrors)}, frame=${count(ethernet?.rxFrame)}, ` +
    `over=${count(ethernet?.rxOver)}, crc=${count(ethernet?.rxCrc)}\n` +
    `${INDENT}tx pkts=${count(stats.txPackets)}, bytes=${count(stats.txBytes)}, drop=${count(stats.txDropped)}, ` +
    `errs=${count(stats.txErrors)}, coll=${count(ethernet?.collisions)}\n` +
    formatAge(duration) +
    formatSizes("rx", RX_SIZES, rfc2819) +
    formatSizes("tx", TX_SIZES, rfc2819) +
    formatCustom(custom)
  );
}

function formatAge(duration: bigint | undefined): string {
  if (duration === undefined || duration / 1_000_000_000n >= NO_COUNTER_32) return "";
  return `${INDENT}duration=${formatDuration(duration)}\n`;
}

function formatSizes(side: "rx" | "tx", sizes: typeof RX_SIZES, counters: SizeCounters | undefined): string {
  if (counters === undefined) return "";
  const known = sizes.filter(([, name]) => counters[name] !== NO_COUNTER);
  if (known.length === 0) return "";
  return `${INDENT}${side} rfc2819 ${known.map(([label, name]) => `${label}=${counters[name]}, `).join("")}\n`;
}

/** Three a line; one without a name takes its place and is not shown. */
function formatCustom(counters: NonNullable<PortStats["properties"]["custom"]>): string {
  if (counters.length === 0) return "";
  const words = counters.map(({ name, value }, i) =>
    name === "" ? "" : `${i % 3 === 0 ? `\n${INDENT}${INDENT}` : " "}${name}=${value},`,
  );
  return `${INDENT}CUSTOM Statistics${words.join("")}\n`;
}
