import { DEFAULT_PRIORITY, type Flow } from "#openflow/flow.ts";
import { formatActions } from "./format-actions.ts";
import { formatMatch } from "./format-match.ts";
import { formatTable, type NameOptions } from "./names.ts";
import { formatHex } from "./values.ts";

export { formatActions } from "./format-actions.ts";
export { formatMatch } from "./format-match.ts";

/** OFPFF_* by bit number. */
export const FLOW_FLAGS = ["send_flow_rem", "check_overlap", "reset_counts", "no_packet_counts", "no_byte_counts"];

/**
 * A flow as `ovs-ofctl -O OpenFlow15 dump-flows --no-stats` prints it. Without names `ovs-ofctl add-flow` takes it back.
 *
 *     formatFlow(flow) // "cookie=0x5, table=10, priority=200,ip,nw_dst=10.0.0.0/8 actions=output:3"
 */
export function formatFlow(flow: Flow, names: NameOptions = {}): string {
  const { cookie, table, idleTimeout = 0, hardTimeout = 0, flags = 0, importance = 0 } = flow;
  let text = "";
  if (cookie !== 0n) text += `cookie=${formatHex(cookie)}, `;
  if (table !== 0 || names.tableNames?.has(table)) text += `table=${formatTable(table, names)}, `;
  if (idleTimeout !== 0) text += `idle_timeout=${idleTimeout}, `;
  if (hardTimeout !== 0) text += `hard_timeout=${hardTimeout}, `;
  for (const [bit, name] of FLOW_FLAGS.entries()) if ((flags >>> bit) & 1) text += `${name} `;
  if (importance !== 0) text += `importance=${importance}, `;
  const match = formatMatch(flow.match, names);
  const priority = flow.priority === DEFAULT_PRIORITY ? "" : `priority=${flow.priority}`;
  const separator = priority !== "" && match !== "" ? "," : "";
  const matched = `${priority}${separator}${match}`;
  return `${text}${matched}${matched === "" ? "" : " "}actions=${formatActions(flow.actions, names)}`;
}
