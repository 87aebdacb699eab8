import type { FlowUpdate } from "#openflow/messages/flow-monitor.ts";
import type { MessageOf } from "#openflow/messages/message.ts";
import { formatActions, formatMatch, formatRemovedReason } from "./flows.ts";
import { type Context, chomp, formatBits, formatPort, hex, refuse, shortHex } from "./words.ts";

const OFPP_ANY = 0xffff_ffff;
const OFPG_ANY = 0xffff_ffff;
const ALL_TABLES = 0xff;
/** OFPFMF_* by bit. */
const FLAGS = ["initial", "add", "delete", "modify", "actions", "no-abbrev", "own"] as const;
const CHANGES = 0b1110;
const KNOWN = 0b101_1111;

type MonitorRequest = Extract<MessageOf<"multipart_request">, { readonly kind: "flow_monitor" }>["body"][number];

export function formatMonitorRequest(request: MonitorRequest, context: Context): string {
  const { monitorId, command, flags, outPort, outGroup, table, match } = request;
  if (command === "delete") return `\n id=${monitorId} command=delete`;
  if ((flags & CHANGES) === 0 || (flags & ~KNOWN) !== 0)
    refuse(`flow monitor flags ${hex(flags)} are not known, or ask for nothing`, "OFPMOFC_BAD_FLAGS");
  const words = [
    `id=${monitorId}`,
    `flags=${formatBits(flags, FLAGS, ",")}`,
    outPort === OFPP_ANY ? undefined : `out_port=${formatPort(outPort)}`,
    outGroup === 0 || outGroup === OFPG_ANY ? undefined : `out_group=${outGroup | 0}`,
    table === ALL_TABLES ? undefined : `table=${table}`,
    formatMatch(match, context),
  ];
  return chomp(`\n ${words.filter((word) => word !== undefined).join(" ")}`);
}

const EVENTS = { initial: "INITIAL", added: "ADDED", removed: "DELETED", modified: "MODIFIED" } as const;

export function formatFlowUpdate(update: FlowUpdate, context: Context): string {
  switch (update.event) {
    case "abbrev":
      return `\n event=ABBREV xid=${hex(update.xid)}`;
    case "paused":
      return "\n event=PAUSED";
    case "resumed":
      return "\n event=RESUMED";
    default: {
      const { event, table, idleTimeout, hardTimeout, cookie, match, actions } = update;
      const words = [
        `event=${EVENTS[event]}`,
        event === "removed" ? `reason=${formatRemovedReason(update.reason)}` : undefined,
        `table=${table}`,
        idleTimeout === 0 ? undefined : `idle_timeout=${idleTimeout}`,
        hardTimeout === 0 ? undefined : `hard_timeout=${hardTimeout}`,
        `cookie=${shortHex(cookie)}`,
        formatMatch(match, context),
      ];
      const text = `\n ${words.filter((word) => word !== undefined).join(" ")}`;
      if (actions.length === 0) return text;
      return `${text}${text.endsWith(" ") ? "" : " "}actions=${formatActions(actions, context)}`;
    }
  }
}
