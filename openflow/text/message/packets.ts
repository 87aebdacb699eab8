import type { Match } from "#openflow/match.ts";
import type { MessageOf } from "#openflow/messages/message.ts";
import type { Continuation } from "#openflow/messages/packets.ts";
import { formatMatch } from "#openflow/text/format-match.ts";
import { formatActions } from "./flows.ts";
import { formatFrame } from "./frame.ts";
import { type Context, hex, isSince, refuse, shortHex } from "./words.ts";

const NO_BUFFER = 0xffff_ffff;
const NO_COOKIE = 0xffff_ffff_ffff_ffffn;

/** OFPR_* by number; two more mean a miss, which is not said. */
const REASONS = ["no_match", "action", "invalid_ttl", "action_set", "group", "packet_out", "", ""] as const;

export function formatPacketInReason(reason: number): string {
  return REASONS[reason] ?? `${reason}`;
}

/** What every kind of packet-in tells. */
interface PacketIn {
  readonly table: number;
  readonly cookie: bigint;
  readonly totalLength: number;
  readonly metadata: Match;
  readonly reason: number;
  readonly bufferId: number;
  readonly data: Uint8Array;
  readonly userdata?: Uint8Array;
  readonly continuation?: Continuation;
}

export function formatPacketIn(m: PacketIn, context: Context): string {
  const { table, cookie, totalLength, data, bufferId } = m;
  const words = [
    table === 0 ? undefined : `table_id=${table}`,
    cookie === NO_COOKIE ? undefined : `cookie=${hex(cookie)}`,
    `total_len=${totalLength}`,
    formatKnown(m.metadata),
    `(via ${formatPacketInReason(m.reason)})`,
    `data_len=${data.length}`,
    formatBuffer(bufferId, totalLength, data.length),
  ];
  return (
    ` ${words.filter((word) => word !== undefined).join(" ")}\n` +
    formatUserdata(m.userdata) +
    formatContinuation(m.continuation ?? [], context) +
    (context.verbosity > 0 ? formatFrame(data, packetTypeOf(m.metadata)) : "")
  );
}

/** What else is said of a packet is no reason to refuse it. */
function formatKnown(metadata: Match): string {
  return formatMatch(metadata.filter(({ field }) => field !== "unknown"));
}

function formatBuffer(bufferId: number, totalLength: number, dataLength: number): string {
  if (bufferId === NO_BUFFER)
    return totalLength === dataLength ? "(unbuffered)" : "(unbuffered) (***total_len != data_len***)";
  return `buffer=${hex(bufferId, 8)}${totalLength < dataLength ? " (***total_len < data_len***)" : ""}`;
}

function packetTypeOf(metadata: Match): number {
  return Number(metadata.find((term) => term.field === "packet_type")?.value ?? 0);
}

export function formatPacketIn2(
  { properties }: MessageOf<"nxt_packet_in2"> | MessageOf<"nxt_resume">,
  context: Context,
): string {
  const {
    data,
    fullLength,
    table = 0,
    cookie = NO_COOKIE,
    reason = 0,
    metadata = [],
    bufferId = NO_BUFFER,
  } = properties;
  if (data === undefined || data.length === 0) return refuse("there is no packet", "OFPBRC_BAD_LEN");
  const totalLength = fullLength === undefined || fullLength === 0 ? data.length : fullLength;
  if (totalLength < data.length)
    refuse(`the packet has ${totalLength} bytes, and ${data.length} are here`, "OFPBRC_BAD_LEN");
  const { userdata, continuation } = properties;
  return formatPacketIn(
    {
      table,
      cookie,
      totalLength,
      metadata,
      reason,
      bufferId,
      data,
      ...(userdata === undefined ? {} : { userdata }),
      ...(continuation === undefined ? {} : { continuation }),
    },
    context,
  );
}

function formatUserdata(userdata: Uint8Array | undefined): string {
  if (userdata === undefined || userdata.length === 0) return "";
  return ` userdata=${Array.from(userdata, (byte) => byte.toString(16).padStart(2, "0")).join(".")}\n`;
}

function formatContinuation(items: Continuation, context: Context): string {
  const stack: string[] = [];
  const actions: string[] = [];
  let actionSet = "";
  let [table, cookie] = [0, 0n];
  const lines = { bridge: "", mirrors: "", conntracked: "", odpPort: "" };
  for (const item of items) {
    switch (item.name) {
      case "bridge":
        lines.bridge = item.value.some((byte) => byte !== 0) ? `bridge=${formatUuid(item.value)}` : "";
        break;
      case "stack":
        stack.push(formatStackValue(item.value));
        break;
      case "mirrors":
        lines.mirrors = item.value === 0 ? "" : `mirrors=${hex(item.value)}`;
        break;
      case "conntracked":
        lines.conntracked = "conntracked=true";
        break;
      case "table":
        table = item.value;
        break;
      case "cookie":
        cookie = item.value;
        break;
      case "actions":
        actions.push(`unroll_xlate(table=${table}, cookie=${cookie})`);
        if (item.value.length > 0) actions.push(formatActions(item.value, context));
        break;
      case "actionSet":
        actionSet = item.value.length === 0 ? "" : formatActions(item.value, context);
        break;
      case "odpPort":
        lines.odpPort = item.value === 0 ? "" : `odp_port=${item.value}`;
        break;
      case "unknown":
        break;
    }
  }
  return [
    lines.bridge,
    stack.length === 0 ? "" : `stack=(top) ${stack.join(" ")} (bottom)`,
    lines.mirrors,
    lines.conntracked,
    actions.length === 0 ? "" : `actions=${actions.join(",")}`,
    actionSet === "" ? "" : `action_set=${actionSet}`,
    lines.odpPort,
  ]
    .filter((line) => line !== "")
    .map((line) => ` continuation.${line}\n`)
    .join("");
}

/** Open vSwitch hands a UUID over as its memory has it: four numbers of 32 bits, of a little-endian machine. */
function formatUuid(bytes: Uint8Array): string {
  const parts = [0, 4, 8, 12].map((at) => Buffer.from(bytes.slice(at, at + 4)).reverse());
  const digits = Buffer.concat(parts).toString("hex");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** A number of any size. */
function formatStackValue(bytes: Uint8Array): string {
  return shortHex(BigInt(`0x${Buffer.from(bytes).toString("hex") || "0"}`));
}

/** OFPP_MAX; and the ports above it that a packet may come from. */
const FIRST_RESERVED = 0xffff_ff00;
const SOURCES: readonly unknown[] = [0xffff_fffd, 0xffff_fffe, 0xffff_ffff];

const PIPELINE_FIELDS = /^(tun_(?!ttl|tos)\w+|metadata|in_port|x{0,2}reg\d+|packet_type)$/;

export function formatPacketOut(m: MessageOf<"packet_out">, context: Context): string {
  const { metadata, actions, bufferId, data } = m;
  for (const { field } of metadata)
    if (field !== "unknown" && !PIPELINE_FIELDS.test(field))
      refuse(`${field} is no field of the pipeline`, "OFPBRC_PIPELINE_FIELDS_ONLY");
  const port = metadata.find((term) => term.field === "in_port")?.value;
  if (
    port === undefined ||
    (port === 0 && isSince("1.5", context)) ||
    (Number(port) >= FIRST_RESERVED && !SOURCES.includes(port))
  )
    refuse(`in_port ${port} is no port that a packet comes from`, "OFPBRC_BAD_PORT");
  const text = ` ${formatKnown(metadata)} actions=${formatActions(actions, context)}`;
  if (bufferId !== NO_BUFFER) return `${text} buffer=${hex(bufferId, 8)}`;
  const frame = context.verbosity > 0 && data.length > 0 ? `\n${formatFrame(data, packetTypeOf(metadata))}` : "";
  return `${text} data_len=${data.length}${frame}`;
}
