import type { MessageOf } from "#openflow/messages/message.ts";
import { formatRemovedReason } from "./flows.ts";
import { formatPacketInReason } from "./packets.ts";
import { type Context, isSince, refuse } from "./words.ts";

const NO_GENERATION = 0xffff_ffff_ffff_ffffn;

export function formatRole(message: MessageOf<"role_request"> | MessageOf<"role_reply">): string {
  const { type, role, generationId } = message;
  // A request that changes nothing has no generation; a reply has none when the switch has seen none.
  const hasGeneration = generationId !== NO_GENERATION && !(type === "role_request" && role === "nochange");
  return ` role=${role}${hasGeneration ? ` generation_id=${generationId}` : ""}`;
}

const ROLE_REASONS = ["primary_request", "configuration_changed", "experimenter_data_changed"] as const;

export function formatRoleStatus({ role, generationId, reason }: MessageOf<"role_status">): string {
  const generation = generationId === NO_GENERATION ? "" : ` generation_id=${generationId}`;
  return ` role=${role}${generation} reason=${ROLE_REASONS[reason] ?? "(unknown)"}`;
}

/** Of each asynchronous message: which reasons are allowed, and what they are called. */
const REASONS = {
  PACKET_IN: { key: "packetIn", allowed: 0b11_1111, nameOf: formatPacketInReason },
  PORT_STATUS: { key: "portStatus", allowed: 0b111, nameOf: names("add", "delete", "modify") },
  FLOW_REMOVED: { key: "flowRemoved", allowed: 0b11_1111, nameOf: formatRemovedReason },
  ROLE_STATUS: { key: "roleStatus", allowed: 0b111, nameOf: names(...ROLE_REASONS) },
  TABLE_STATUS: {
    key: "tableStatus",
    allowed: 0b1_1000,
    nameOf: (reason: number) => (reason === 3 ? "vacancy_down" : reason === 4 ? "vacancy_up" : `${reason}`),
  },
  REQUESTFORWARD: { key: "requestforward", allowed: 0b11, nameOf: names("group_mod_request", "meter_mod_request") },
} as const;
const NO_MATCH = 1;
const EXPLICIT_MISS = 1 << 6;
const IMPLICIT_MISS = 1 << 7;
const PACKET_IN_OF_1_0 = 0b111;

function names(...list: readonly string[]): (reason: number) => string {
  return (reason) => list[reason] ?? `${reason}`;
}

type Masks = Readonly<Record<"primary" | "secondary", Readonly<Partial<Record<string, number>>>>>;

/** `loose`: what is not allowed is passed over, as in a reply. */
function formatMasks(masks: Masks, loose: boolean, context: Context): string {
  let text = "";
  for (const role of ["primary", "secondary"] as const) {
    text += `\n ${role}:\n`;
    for (const [name, { key, allowed, nameOf }] of Object.entries(REASONS)) {
      const limit = key === "packetIn" && !isSince("1.4", context) ? PACKET_IN_OF_1_0 : allowed;
      let mask = masks[role][key] ?? 0;
      if ((mask & ~limit) !== 0 && !loose) refuse(`${name} has no reasons ${mask & ~limit}`, "OFPACFC_INVALID");
      mask &= limit;
      if (key === "packetIn" && (mask & NO_MATCH) !== 0)
        mask |= EXPLICIT_MISS | (isSince("1.3", context) ? 0 : IMPLICIT_MISS);
      text += `${name.padStart(16)}:${nameReasons(mask, nameOf)}\n`;
    }
  }
  return text;
}

function nameReasons(mask: number, nameOf: (reason: number) => string): string {
  if (mask === 0) return " (off)";
  return Array.from({ length: 32 }, (_, bit) => ((mask >>> bit) & 1 ? nameOf(bit) : ""))
    .filter((name) => name !== "")
    .map((name) => ` ${name}`)
    .join("");
}

export function formatAsync(message: MessageOf<"set_async"> | MessageOf<"get_async_reply">, context: Context): string {
  const { type, properties } = message;
  const isReply = type === "get_async_reply";
  if (properties.others !== undefined && !isReply) refuse("a property is not known", "OFPACFC_UNSUPPORTED");
  const primary: Record<string, number> = {};
  const secondary: Record<string, number> = {};
  for (const [name, mask] of Object.entries(properties))
    if (typeof mask === "number") {
      if (name.endsWith("Primary")) primary[name.slice(0, -"Primary".length)] = mask;
      else secondary[name.slice(0, -"Secondary".length)] = mask;
    }
  return formatMasks({ primary, secondary }, isReply, context);
}

export function formatNxAsync(message: MessageOf<"nxt_set_async_config">, context: Context): string {
  const { packetIn, portStatus, flowRemoved } = message;
  const masksOf = (role: "primary" | "secondary") => ({
    packetIn: packetIn[role],
    portStatus: portStatus[role],
    flowRemoved: flowRemoved[role],
  });
  return formatMasks({ primary: masksOf("primary"), secondary: masksOf("secondary") }, true, context);
}
