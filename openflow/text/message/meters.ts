import type { MeterBand } from "#openflow/flow.ts";
import type { MessageOf } from "#openflow/messages/message.ts";
import { formatBits, formatDuration, hex, refuse } from "./words.ts";

const LAST_METER = 0xffff_0000;
const NAMES = new Map([
  [0xffff_fffd, "slowpath"],
  [0xffff_fffe, "controller"],
  [0xffff_ffff, "all"],
]);

export function formatMeterId(meterId: number, separator: "=" | ":"): string {
  return `meter${separator}${meterId <= LAST_METER ? meterId : (NAMES.get(meterId) ?? "unknown")}`;
}

/** OFPMF_* by bit. */
const FLAGS = ["kbps", "pktps", "burst", "stats"] as const;
const KBPS = 1;
const PKTPS = 2;
const BURST = 4;

function formatFlags(flags: number): string {
  const words = FLAGS.filter((_, bit) => (flags >>> bit) & 1).map((name) => `${name} `);
  const rest = flags & ~0b1111;
  return `${words.join("")}${rest === 0 ? "" : `flags:${hex(rest)} `}`;
}

function formatBand(band: MeterBand, flags: number): string {
  const burst = (flags & BURST) === 0 ? "" : ` burst_size=${band.burst}`;
  const precedence = band.type === "dscp_remark" ? ` prec_level=${band.precedence}` : "";
  return `\ntype=${band.type} rate=${band.rate}${burst}${precedence}`;
}

interface Meter {
  readonly meterId: number;
  readonly flags: number;
  readonly bands: readonly MeterBand[];
}

export function formatMeter({ meterId, flags, bands }: Meter): string {
  const list = bands.map((band) => formatBand(band, flags)).join("");
  return `${formatMeterId(meterId, "=")} ${formatFlags(flags)}bands=${list}\n`;
}

const COMMANDS = { add: "ADD", modify: "MOD", delete: "DEL" } as const;

export function formatMeterMod({ command, ...meter }: MessageOf<"meter_mod">): string {
  if (command === "delete") return ` DEL ${formatMeter({ meterId: meter.meterId, flags: 0, bands: [] })}`;
  if ((meter.flags & KBPS) !== 0 && (meter.flags & PKTPS) !== 0) refuse("kbps and pktps at once", "OFPMMFC_BAD_FLAGS");
  return ` ${COMMANDS[command]} ${formatMeter(meter)}`;
}

type MeterStats = Extract<MessageOf<"multipart_reply">, { readonly kind: "meter_stats" }>["body"][number];

export function formatMeterStats({ meterId, flows, packets, bytes, duration, bands }: MeterStats): string {
  const list = bands.map((band, i) => `${i}: packet_count:${band.packets} byte_count:${band.bytes}\n`);
  return (
    `${formatMeterId(meterId, ":")} flow_count:${flows} packet_in_count:${packets} byte_in_count:${bytes} ` +
    `duration:${formatDuration(duration)} bands:\n${list.join("")}`
  );
}

type MeterFeatures = Extract<MessageOf<"multipart_reply">, { readonly kind: "meter_features" }>["body"];
/** OFPMBT_* by bit. */
const BAND_TYPES = [undefined, "drop", "dscp_remark"] as const;

export function formatMeterFeatures(features: MeterFeatures): string {
  const { maxMeters, maxBands, maxColor, bandTypes, capabilities } = features;
  return (
    `\nmax_meter:${maxMeters} max_bands:${maxBands} max_color:${maxColor}\n` +
    `band_types: ${formatBits(bandTypes, BAND_TYPES)}\n` +
    `capabilities: ${formatBits(capabilities, FLAGS)}\n`
  );
}
