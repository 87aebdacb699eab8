import { bundleControl } from "./bundles.ts";
import { asyncConfig, roleMessage, roleStatus } from "./controllers.ts";
import { flowMod } from "./flow-mod.ts";
import { flowRemoved } from "./flow-stats.ts";
import { groupMod } from "./groups.ts";
import { echo, empty, error, featuresReply, hello, switchConfig } from "./handshake.ts";
import { atLeast, exactly, inSteps, type Layout } from "./layout.ts";
import { meterMod } from "./meters.ts";
import {
  controllerId,
  ctFlush,
  ctFlushZone,
  flowModTableId,
  NICIRA,
  nxAsyncConfig,
  nxRole,
  setPacketInFormat,
  tlvTableMod,
  tlvTableReply,
} from "./nicira.ts";
import { nxFlowMod, nxFlowRemoved } from "./nicira-flows.ts";
import { nxPacketIn, packetIn, packetIn2, packetOut } from "./packets.ts";
import { portMod, portStatus } from "./ports.ts";
import { tableMod, tableStatus } from "./tables.ts";

/**
 * One line a message: its OFPT number, or the number of the experimenter's; its body behind the headers. Those that hold other
 * messages stand in message.ts.
 */
export const PLAIN_MESSAGES = {
  hello: { number: 0, layout: atLeast(0, hello, "all") },
  error: { number: 1, layout: atLeast(4, error, "all") },
  echo_request: { number: 2, layout: atLeast(0, echo, "all") },
  echo_reply: { number: 3, layout: atLeast(0, echo, "all") },
  features_request: { number: 5, layout: exactly(0, empty, "1.0") },
  features_reply: { number: 6, layout: exactly(24, featuresReply, "1.3") },
  get_config_request: { number: 7, layout: exactly(0, empty, "1.0") },
  get_config_reply: { number: 8, layout: exactly(4, switchConfig, "1.0") },
  set_config: { number: 9, layout: exactly(4, switchConfig, "1.0") },
  packet_in: { number: 10, layout: atLeast(16, packetIn, "1.3") },
  flow_removed: { number: 11, layout: inSteps(16, 8, flowRemoved) },
  port_status: { number: 12, layout: inSteps(48, 8, portStatus, "1.4") },
  packet_out: { number: 13, layout: atLeast(8, packetOut) },
  flow_mod: { number: 14, layout: inSteps(40, 8, flowMod) },
  group_mod: { number: 15, layout: inSteps(16, 8, groupMod) },
  port_mod: { number: 16, layout: inSteps(24, 8, portMod, "1.4") },
  table_mod: { number: 17, layout: inSteps(8, 8, tableMod, "1.4") },
  barrier_request: { number: 20, layout: exactly(0, empty, "1.1") },
  barrier_reply: { number: 21, layout: exactly(0, empty, "1.1") },
  role_request: { number: 24, layout: exactly(16, roleMessage, "1.2") },
  role_reply: { number: 25, layout: exactly(16, roleMessage, "1.2") },
  get_async_request: { number: 26, layout: exactly(0, empty, "1.3") },
  get_async_reply: { number: 27, layout: inSteps(0, 8, asyncConfig, "1.4") },
  set_async: { number: 28, layout: inSteps(0, 8, asyncConfig, "1.4") },
  meter_mod: { number: 29, layout: inSteps(8, 8, meterMod, "1.3") },
  role_status: { number: 30, layout: inSteps(16, 8, roleStatus, "1.4") },
  table_status: { number: 31, layout: inSteps(8, 8, tableStatus, "1.4") },
  bundle_control: { number: 33, layout: inSteps(8, 8, bundleControl, "1.4") },
  nxt_role_request: nicira(10, exactly(4, nxRole, "1.0")),
  nxt_role_reply: nicira(11, exactly(4, nxRole, "1.0")),
  nxt_flow_mod: nicira(13, inSteps(32, 8, nxFlowMod, "1.1")),
  nxt_flow_removed: nicira(14, inSteps(40, 8, nxFlowRemoved, "1.0")),
  nxt_flow_mod_table_id: nicira(15, exactly(8, flowModTableId, "1.0")),
  nxt_set_packet_in_format: nicira(16, exactly(4, setPacketInFormat, "1.0")),
  nxt_packet_in: nicira(17, atLeast(24, nxPacketIn, "1.0")),
  nxt_flow_age: nicira(18, exactly(0, empty, "1.0")),
  nxt_set_async_config: nicira(19, exactly(24, nxAsyncConfig, "1.0")),
  nxt_set_controller_id: nicira(20, exactly(8, controllerId, "1.0")),
  nxt_tlv_table_mod: nicira(24, inSteps(8, 8, tlvTableMod, "1.0")),
  nxt_tlv_table_request: nicira(25, exactly(0, empty, "1.0")),
  nxt_tlv_table_reply: nicira(26, inSteps(16, 8, tlvTableReply, "1.0")),
  nxt_resume: nicira(28, inSteps(0, 8, packetIn2, "1.0")),
  nxt_ct_flush_zone: nicira(29, exactly(8, ctFlushZone, "1.0")),
  nxt_packet_in2: nicira(30, inSteps(0, 8, packetIn2, "1.0")),
  nxt_ct_flush: nicira(32, inSteps(8, 8, ctFlush, "1.0")),
} as const satisfies Readonly<Record<string, Entry>>;

export interface Entry {
  readonly number: number;
  readonly experimenter?: number;
  /** What ovs-ofctl calls it, where that is not OFPT_ or nothing and the type in capitals. */
  readonly name?: string;
  readonly layout: Layout<unknown>;
}

function nicira<T>(number: number, layout: Layout<T>) {
  return { number, experimenter: NICIRA, layout };
}
