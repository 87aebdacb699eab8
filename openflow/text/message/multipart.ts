import type { MultipartReply, MultipartRequest } from "#openflow/messages/multipart.ts";
import { formatAggregate, formatFlowDesc, formatFlowFilter } from "./flows.ts";
import { formatGroupDesc, formatGroupFeatures, formatGroupStats } from "./groups.ts";
import { formatMeter, formatMeterFeatures, formatMeterId, formatMeterStats } from "./meters.ts";
import { formatFlowUpdate, formatMonitorRequest } from "./monitors.ts";
import { formatIpfixBridge, formatIpfixFlows } from "./nicira.ts";
import { formatPortDescs, formatPortStats } from "./ports.ts";
import { formatQueueDescRequest, formatQueueDescs, formatQueueStats, formatQueueStatsRequest } from "./queues.ts";
import { formatTables, viewFeatures, viewStats } from "./table-features.ts";
import { formatTableDesc } from "./tables.ts";
import { type Context, formatGroupId, formatPort } from "./words.ts";

const MORE = 1;

export function formatPartFlags(flags: number, side: "request" | "reply", { version }: Context): string {
  if (flags === 0) return "";
  const mayHaveMore = side === "reply" || version >= 4;
  const more = mayHaveMore && (flags & MORE) !== 0;
  const rest = more ? flags & ~MORE : flags;
  const unknown = rest === 0 ? "" : `[***unknown flags 0x${rest.toString(16).padStart(4, "0")}***]`;
  return ` flags=${more ? "[more]" : ""}${unknown}`;
}

export function formatRequest(request: MultipartRequest, context: Context): string {
  switch (request.kind) {
    case "desc":
    case "table_stats":
    case "group_features":
    case "meter_features":
    case "nxst_ipfix_bridge":
    case "nxst_ipfix_flow":
    case "table_desc":
    case "unknown":
      return "";
    case "flow_desc":
    case "aggregate_stats":
      return formatFlowFilter(request.body, context);
    case "port_stats":
      return ` port_no=${formatPort(request.body.port)}`;
    case "port_desc":
      return ` port=${formatPort(request.body.port)}`;
    case "queue_stats":
      return formatQueueStatsRequest(request.body);
    case "queue_desc":
      return formatQueueDescRequest(request.body);
    case "group_stats":
    case "group_desc":
      return ` group_id=${formatGroupId(request.body.groupId)}`;
    case "meter_stats":
    case "meter_config":
      return ` ${formatMeterId(request.body.meterId, "=")}`;
    case "table_features":
      return formatTables(request.body.map((table) => viewFeatures(table, context)));
    case "flow_monitor":
      return request.body.map((one) => formatMonitorRequest(one, context)).join("");
  }
}

export function formatReply(reply: MultipartReply, context: Context): string {
  switch (reply.kind) {
    case "unknown":
      return "";
    case "desc": {
      const { manufacturer, hardware, software, serialNumber, datapath } = reply.body;
      return (
        `\nManufacturer: ${manufacturer}\nHardware: ${hardware}\nSoftware: ${software}\n` +
        `Serial Num: ${serialNumber}\nDP Description: ${datapath}\n`
      );
    }
    case "flow_desc":
      return reply.body.map((flow) => formatFlowDesc(flow, context)).join("");
    case "aggregate_stats":
      return formatAggregate(reply.body);
    case "table_stats":
      return formatTables(reply.body.map((table) => viewStats(table, context)));
    case "port_stats":
      return formatCounted("ports", reply.body.map(formatPortStats), context);
    case "queue_stats":
      return formatCounted("queues", reply.body.map(formatQueueStats), context);
    case "group_stats":
      return reply.body.map(formatGroupStats).join("");
    case "group_desc":
      return reply.body.map((group) => formatGroupDesc(group, context)).join("");
    case "group_features":
      return formatGroupFeatures(reply.body, context);
    case "meter_stats":
      return reply.body.map((meter) => `\n${formatMeterStats(meter)}`).join("");
    case "meter_config":
      return reply.body.map((meter) => `\n${formatMeter(meter)}`).join("");
    case "meter_features":
      return formatMeterFeatures(reply.body);
    case "table_features":
      return formatTables(reply.body.map((table) => viewFeatures(table, context)));
    case "port_desc":
      return `\n${formatPortDescs(reply.body, context)}`;
    case "table_desc":
      return reply.body.map(formatTableDesc).join("");
    case "queue_desc":
      return formatQueueDescs(reply.body);
    case "flow_monitor":
      return reply.body.map((update) => formatFlowUpdate(update, context)).join("");
    case "nxst_ipfix_bridge":
      return formatIpfixBridge(reply.body);
    case "nxst_ipfix_flow":
      return formatIpfixFlows(reply.body);
  }
}

function formatCounted(what: string, items: readonly string[], { verbosity }: Context): string {
  return ` ${items.length} ${what}\n${verbosity < 1 ? "" : items.join("")}`;
}
