import type { Action } from "#openflow/actions.ts";
import { DEFAULT_PRIORITY } from "#openflow/flow.ts";
import type { Match } from "#openflow/match.ts";
import type { FlowModCommand } from "#openflow/messages/flow-mod.ts";
import type { FlowDesc } from "#openflow/messages/flow-stats.ts";
import type { MessageOf } from "#openflow/messages/message.ts";
import type { OxsStats } from "#openflow/messages/oxs.ts";
import { formatActions as formatList } from "#openflow/text/format-actions.ts";
import { formatMatch as formatTerms } from "#openflow/text/format-match.ts";
import { checkActions, checkFlow, checkMatch, checkPort } from "./refusals.ts";
import {
  type Context,
  formatCounter,
  formatDuration,
  formatPort,
  hex,
  isSince,
  NO_COUNTER,
  NO_COUNTER_32,
  refuse,
} from "./words.ts";

const OFPP_ANY = 0xffff_ffff;
const NO_BUFFER = 0xffff_ffff;
const ALL_TABLES = 0xff;
const ALL_ONES = 0xffff_ffff_ffff_ffffn;
/** What a duration is that the switch does not tell: 2^32-1 seconds and as many nanoseconds. */
const NO_DURATION = 4294967295n * 1_000_000_000n + 4294967295n;

/** With the priority before it, where it is not the usual one. */
export function formatMatch(match: Match, context: Context, priority = DEFAULT_PRIORITY): string {
  checkMatch(match, context);
  const terms = formatTerms(match);
  if (priority === DEFAULT_PRIORITY) return terms;
  return terms === "" ? `priority=${priority}` : `priority=${priority},${terms}`;
}

export function formatActions(actions: readonly Action[], context: Context): string {
  checkActions(actions, context);
  return formatList(actions);
}

/** OFPFF_* by bit. */
const FLAGS = ["send_flow_rem", "check_overlap", "reset_counts", "no_packet_counts", "no_byte_counts"] as const;
const FLAGS_SINCE = { "1.0": 0b11, "1.1": 0b11, "1.2": 0b111, "1.3": 0b1_1111 } as const;

function knownFlags(context: Context): number {
  if (isSince("1.3", context)) return FLAGS_SINCE["1.3"];
  return isSince("1.2", context) ? FLAGS_SINCE["1.2"] : FLAGS_SINCE["1.1"];
}

export function formatFlowFlags(flags: number, context: Context): string {
  if ((flags & ~knownFlags(context)) !== 0) refuse(`flow flags ${hex(flags)} are not known`, "OFPFMFC_BAD_FLAGS");
  return FLAGS.filter((_, bit) => (flags >>> bit) & 1)
    .map((name) => `${name} `)
    .join("");
}

const COMMANDS: Readonly<Record<FlowModCommand, string>> = {
  add: "ADD",
  modify: "MOD",
  modify_strict: "MOD_STRICT",
  delete: "DEL",
  delete_strict: "DEL_STRICT",
};

export function formatFlowMod(m: MessageOf<"flow_mod">, context: Context): string {
  const deletes = m.command === "delete" || m.command === "delete_strict";
  checkMatch(m.match, context);
  if (m.table === ALL_TABLES && !deletes) refuse(`${m.command} in all tables`, "OFPFMFC_BAD_TABLE_ID");
  checkPort(m.outPort);
  const cookies =
    m.command === "add"
      ? { newCookie: m.cookie, cookie: 0n, cookieMask: 0n }
      : { newCookie: ALL_ONES, cookie: m.cookie, cookieMask: m.cookieMask };
  const importance = m.command === "add" && isSince("1.4", context) ? m.importance : 0;
  return formatAnyFlowMod({ ...m, ...cookies, importance }, context);
}

/** Open vSwitch looks for the table in the command only in OpenFlow 1.0. */
export function formatNxFlowMod(m: MessageOf<"nxt_flow_mod">, context: Context): string {
  if (m.command === "add" && m.cookieMask !== 0n) refuse("add has a cookie to look for", "NXBRC_NXM_INVALID");
  return formatAnyFlowMod({ ...m, table: m.table ?? ALL_TABLES, importance: 0 }, context);
}

interface AnyFlowMod
  extends Pick<
    MessageOf<"flow_mod">,
    | "command"
    | "table"
    | "match"
    | "priority"
    | "idleTimeout"
    | "hardTimeout"
    | "importance"
    | "bufferId"
    | "outPort"
    | "flags"
    | "actions"
    | "cookie"
    | "cookieMask"
  > {
  readonly newCookie: bigint;
}

function formatAnyFlowMod(m: AnyFlowMod, context: Context): string {
  const match = formatMatch(m.match, context, m.priority);
  const words = [
    m.table === 0 ? COMMANDS[m.command] : `${COMMANDS[m.command]} table:${m.table}`,
    match === "" ? undefined : match,
    m.newCookie === 0n || m.newCookie === ALL_ONES ? undefined : `cookie:${hex(m.newCookie)}`,
    m.cookieMask === 0n ? undefined : `cookie:${hex(m.cookie)}/${hex(m.cookieMask)}`,
    m.idleTimeout === 0 ? undefined : `idle:${m.idleTimeout}`,
    m.hardTimeout === 0 ? undefined : `hard:${m.hardTimeout}`,
    m.importance === 0 ? undefined : `importance:${m.importance}`,
    m.bufferId === NO_BUFFER ? undefined : `buf:${hex(m.bufferId)}`,
    m.outPort === OFPP_ANY ? undefined : `out_port:${formatPort(m.outPort)}`,
  ];
  const actions = formatActions(m.actions, context);
  const flags = formatFlowFlags(withoutEmergency(m, context), context);
  checkFlow(m, context);
  return ` ${words.filter((word) => word !== undefined).join(" ")} ${flags}actions=${actions}`;
}

/** OFPFF_EMERG of OpenFlow 1.0: the flows of a cache that Open vSwitch does not have. */
const EMERGENCY = 4;

/** The flags; a flow of the emergency cache is refused for its time-outs, or as if there were no room. */
function withoutEmergency({ flags, idleTimeout, hardTimeout }: AnyFlowMod, context: Context): number {
  if (isSince("1.1", context) || (flags & EMERGENCY) === 0) return flags;
  const others = flags & ~EMERGENCY;
  formatFlowFlags(others, context);
  return refuse(
    "emergency flows are not kept",
    idleTimeout || hardTimeout ? "OFPFMFC_BAD_EMERG_TIMEOUT" : "OFPFMFC_TABLE_FULL",
  );
}

type FlowFilter = Extract<MessageOf<"multipart_request">, { readonly kind: "flow_desc" }>["body"];

export function formatFlowFilter({ table, outPort, match }: FlowFilter, context: Context): string {
  checkPort(outPort);
  const tableText = table === ALL_TABLES ? "" : ` table=${table}`;
  const portText = outPort === OFPP_ANY ? "" : ` out_port=${formatPort(outPort)}`;
  return `${tableText}${portText} ${formatMatch(match, context)}`;
}

export function formatFlowDesc(flow: FlowDesc, context: Context): string {
  const { cookie, table, idleTimeout, hardTimeout, flags, importance, idleAge, hardAge, actions } = flow;
  const duration = flow.duration ?? NO_DURATION;
  const fields = [
    `cookie=${hex(cookie)}`,
    `duration=${formatDuration(duration)}`,
    `table=${table}`,
    `n_packets=${formatCounter(flow.packets)}`,
    `n_bytes=${formatCounter(flow.bytes)}`,
    idleTimeout === 0 ? undefined : `idle_timeout=${idleTimeout}`,
    hardTimeout === 0 ? undefined : `hard_timeout=${hardTimeout}`,
  ];
  const behindFlags = [
    importance === 0 ? undefined : `importance=${importance}`,
    idleAge === undefined ? undefined : `idle_age=${idleAge | 0}`,
    hardAge === undefined || BigInt(hardAge) === duration / 1_000_000_000n ? undefined : `hard_age=${hardAge}`,
  ];
  const match = formatMatch(flow.match, context, flow.priority);
  return (
    `\n ${listed(fields)}${formatFlowFlags(flags, context)}${listed(behindFlags)}` +
    `${match}${match === "" ? "" : " "}actions=${formatActions(actions, context)}`
  );
}

/** Each with a comma behind it. */
function listed(words: readonly (string | undefined)[]): string {
  return words
    .filter((word) => word !== undefined)
    .map((word) => `${word}, `)
    .join("");
}

export function formatAggregate({ packets, bytes, flows }: OxsStats): string {
  return ` packet_count=${packets ?? NO_COUNTER} byte_count=${bytes ?? NO_COUNTER} flow_count=${flows ?? NO_COUNTER_32}`;
}

/** OFPRR_* by number. */
const REMOVED_REASONS = ["idle", "hard", "delete", "group_delete", "meter_delete", "eviction"] as const;

export function formatRemovedReason(reason: number): string {
  return REMOVED_REASONS[reason] ?? `${reason}`;
}

interface FlowRemoved {
  readonly match: Match;
  readonly priority: number;
  readonly reason: number;
  readonly table: number;
  readonly cookie: bigint;
  readonly idleTimeout: number;
  readonly hardTimeout: number;
  readonly stats: OxsStats;
}

export function formatFlowRemoved(m: FlowRemoved, context: Context): string {
  const { table, cookie, hardTimeout, stats } = m;
  const words = [
    formatMatch(m.match, context, m.priority),
    `reason=${formatRemovedReason(m.reason)}`,
    table === ALL_TABLES ? undefined : `table_id=${table}`,
    cookie === 0n ? undefined : `cookie:${hex(cookie)}`,
    `duration${formatDuration(stats.duration ?? NO_DURATION)}`,
    `idle${m.idleTimeout}`,
    hardTimeout === 0 ? undefined : `hard${hardTimeout}`,
    `pkts${stats.packets ?? NO_COUNTER}`,
    `bytes${stats.bytes ?? NO_COUNTER}`,
  ];
  return ` ${words.filter((word) => word !== undefined).join(" ")}\n`;
}

export function formatNxFlowRemoved(m: MessageOf<"nxt_flow_removed">, context: Context): string {
  const { duration, packets, bytes, tablePlusOne } = m;
  const table = tablePlusOne === 0 ? ALL_TABLES : tablePlusOne - 1;
  return formatFlowRemoved({ ...m, table, hardTimeout: 0, stats: { duration, packets, bytes } }, context);
}
