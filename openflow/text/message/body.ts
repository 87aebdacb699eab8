import type { Message, MessageOf } from "#openflow/messages/message.ts";
import { formatBundleControl } from "./bundles.ts";
import { formatAsync, formatNxAsync, formatRole, formatRoleStatus } from "./controllers.ts";
import { formatFlowMod, formatFlowRemoved, formatNxFlowMod, formatNxFlowRemoved } from "./flows.ts";
import { formatGroupMod } from "./groups.ts";
import { formatConfig, formatEcho, formatError, formatFeatures, formatHello } from "./handshake.ts";
import { checkForwarded, formatBundleAdd, type Quote } from "./members.ts";
import { formatMeterMod } from "./meters.ts";
import { formatReply, formatRequest } from "./multipart.ts";
import { formatCtFlush, formatFlowModTableId, formatNxRole, formatTlvTableMod, formatTlvTableReply } from "./nicira.ts";
import { formatPacketIn, formatPacketIn2, formatPacketOut } from "./packets.ts";
import { formatPortMod, formatPortStatus } from "./ports.ts";
import { formatTableMod, formatTableStatus } from "./tables.ts";
import { type Context, refuse } from "./words.ts";

/** What stands behind the line with the message's name. Throws DecodeError for what no switch would take. */
export function formatBody(message: Message, context: Context, quote: Quote): string {
  switch (message.type) {
    case "features_request":
    case "get_config_request":
    case "barrier_request":
    case "barrier_reply":
    case "get_async_request":
    case "nxt_flow_age":
    case "nxt_tlv_table_request":
    case "unknown":
      return "";
    case "experimenter":
      return formatExperimenter(message);
    case "hello":
      return formatHello(context);
    case "error":
      return formatError(message, context, (bytes) => quote(bytes, 1));
    case "echo_request":
    case "echo_reply":
      return formatEcho(message, context);
    case "features_reply":
      return formatFeatures(message, context);
    case "get_config_reply":
    case "set_config":
      return formatConfig(message, context);
    case "packet_in":
    case "nxt_packet_in":
      return formatPacketIn(message, context);
    case "nxt_packet_in2":
    case "nxt_resume":
      return formatPacketIn2(message, context);
    case "packet_out":
      return formatPacketOut(message, context);
    case "flow_mod":
      return formatFlowMod(message, context);
    case "nxt_flow_mod":
      return formatNxFlowMod(message, context);
    case "flow_removed":
      return formatFlowRemoved(message, context);
    case "nxt_flow_removed":
      return formatNxFlowRemoved(message, context);
    case "port_status":
      return formatPortStatus(message, context);
    case "port_mod":
      return formatPortMod(message, context);
    case "group_mod":
      return formatGroupMod(message, context);
    case "table_mod":
      return formatTableMod(message, context);
    case "table_status":
      return formatTableStatus(message);
    case "meter_mod":
      return formatMeterMod(message);
    case "role_request":
    case "role_reply":
      return formatRole(message);
    case "role_status":
      return formatRoleStatus(message);
    case "get_async_reply":
    case "set_async":
      return formatAsync(message, context);
    case "requestforward":
      return formatRequestforward(message, context);
    case "bundle_control":
      return formatBundleControl(message);
    case "bundle_add":
      return formatBundleAdd(context, quote);
    case "multipart_request":
      return formatRequest(message, context);
    case "multipart_reply":
      return formatReply(message, context);
    case "nxt_role_request":
    case "nxt_role_reply":
      return formatNxRole(message);
    case "nxt_set_async_config":
      return formatNxAsync(message, context);
    case "nxt_flow_mod_table_id":
      return formatFlowModTableId(message);
    case "nxt_set_packet_in_format":
      return ` format=${message.format}`;
    case "nxt_set_controller_id":
      return ` id=${message.controllerId}`;
    case "nxt_tlv_table_mod":
      return formatTlvTableMod(message);
    case "nxt_tlv_table_reply":
      return formatTlvTableReply(message);
    case "nxt_ct_flush_zone":
      return ` zone_id=${message.zone}`;
    case "nxt_ct_flush":
      return formatCtFlush(message);
  }
}

const FLOW_FORMATS = new Map([
  [0, "openflow10"],
  [2, "nxm"],
]);
/** NXT_SET_FLOW_FORMAT, and NXT_ and ONFT_FLOW_MONITOR_CANCEL, of older versions. */
const SET_FLOW_FORMAT = 12;
const MONITOR_CANCEL: readonly number[] = [21, 1870];

function formatExperimenter({ experimenterType, data }: MessageOf<"experimenter">): string {
  if (data.length !== 4) return "";
  const value = new DataView(data.buffer, data.byteOffset).getUint32(0);
  if (experimenterType === SET_FLOW_FORMAT) return ` format=${FLOW_FORMATS.get(value) ?? "(unknown)"}`;
  return MONITOR_CANCEL.includes(experimenterType) ? ` id=${value}` : "";
}

function formatRequestforward({ message }: MessageOf<"requestforward">, context: Context): string {
  checkForwarded(context.bytes);
  if (message.type === "group_mod") return ` reason=group_mod${formatGroupMod(message, context)}`;
  if (message.type === "meter_mod") return ` reason=meter_mod${formatMeterMod(message)}`;
  return refuse(`${message.type} is not forwarded`, "OFPBFC_MSG_UNSUP");
}
