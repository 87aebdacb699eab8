import type { MessageOf } from "#openflow/messages/message.ts";
import { type Context, formatBits, isSince, refuse } from "./words.ts";

const ALL_TABLES = 0xff;
/** OFPTC_*. */
const EVICTION = 4;
const VACANCY = 8;
/** OFPTMPEF_* by bit. */
const EVICTION_FLAGS = ["OTHER", "IMPORTANCE", "LIFETIME"] as const;

type TableDesc = MessageOf<"table_status">["desc"];

function formatOn(config: number, bit: number): string {
  return (config & bit) === 0 ? "off" : "on";
}

export function formatTableDesc({ table, config, properties }: TableDesc): string {
  const { eviction, vacancy } = properties;
  const flags = eviction === undefined ? "(default)" : formatBits(eviction, EVICTION_FLAGS, "|");
  const { down = 0, up = 0, current = 0 } = vacancy ?? {};
  const bounds = (config & VACANCY) === 0 ? "" : ` vacancy_down=${down}% vacancy_up=${up}% vacancy=${current}%`;
  return (
    `\n  table ${table}:\n` +
    `   eviction=${formatOn(config, EVICTION)} eviction_flags=${flags}\n` +
    `   vacancy=${formatOn(config, VACANCY)}${bounds}\n`
  );
}

const STATUS_REASONS = new Map([
  [3, "VACANCY_DOWN"],
  [4, "VACANCY_UP"],
]);

export function formatTableStatus({ reason, desc }: MessageOf<"table_status">): string {
  const name = STATUS_REASONS.get(reason) ?? refuse(`reason ${reason} is not known`, "OFPBPC_BAD_VALUE");
  return ` reason=${name}\ntable_desc:-${formatTableDesc(desc)}`;
}

/** Where there is an eviction property, ovs-ofctl 3.1 takes its flags for one of these. */
const EVICTION_SETTINGS = ["", "on", "off"] as const;
const MOST = 100;

/** OFPTC_TABLE_MISS_*. */
export const MISS_SETTINGS = ["controller", "continue", "drop", "controller"] as const;

export function formatTableMod({ table, config, properties }: MessageOf<"table_mod">, context: Context): string {
  const name = table === ALL_TABLES ? " table_id: ALL_TABLES" : ` table_id=${table}`;
  if (isSince("1.4", context)) return `${name}${formatSettings({ config, properties })}`;
  return isSince("1.3", context) ? name : `${name}, flow_miss_config=${MISS_SETTINGS[config & 3]}`;
}

function formatSettings({ config, properties }: Pick<MessageOf<"table_mod">, "config" | "properties">): string {
  const { eviction = (config & EVICTION) === 0 ? 2 : 1, vacancy, others } = properties;
  if (others !== undefined) refuse("a property is not known", "OFPBRC_BAD_TYPE");
  const { down = 0, up = 0, current = 0 } = vacancy ?? {};
  if (down > up || up > MOST || current !== 0)
    refuse(`vacancy between ${down} and ${up} percent, now ${current}`, "OFPBPC_BAD_VALUE");
  const evicts = eviction === 0 ? "" : `, eviction=${EVICTION_SETTINGS[eviction] ?? "***error***"}`;
  const bounds = (config & VACANCY) === 0 ? "" : ` vacancy:${down},${up}`;
  return `${evicts}, vacancy=${formatOn(config, VACANCY)}${bounds}`;
}
