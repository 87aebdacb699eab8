import type { MessageOf } from "#openflow/messages/message.ts";
import { formatBits, refuse } from "./words.ts";

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

export function formatTableMod({ table, config, properties }: MessageOf<"table_mod">): string {
  const { eviction = (config & EVICTION) === 0 ? 2 : 1, vacancy, others } = properties;
  if (others !== undefined) refuse("a property is not known", "OFPBRC_BAD_TYPE");
  const { down = 0, up = 0, current = 0 } = vacancy ?? {};
  if (down > up || up > MOST || current !== 0)
    refuse(`vacancy between ${down} and ${up} percent, now ${current}`, "OFPBPC_BAD_VALUE");
  const name = table === ALL_TABLES ? " table_id: ALL_TABLES" : ` table_id=${table}`;
  const evicts = eviction === 0 ? "" : `, eviction=${EVICTION_SETTINGS[eviction] ?? "***error***"}`;
  const bounds = (config & VACANCY) === 0 ? "" : ` vacancy:${down},${up}`;
  return `${name}${evicts}, vacancy=${formatOn(config, VACANCY)}${bounds}`;
}
