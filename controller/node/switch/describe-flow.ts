import type { Flow } from "#openflow/flow.ts";
import { formatFlow } from "#openflow/text/index.ts";
import { TABLE_NAMES } from "#pipeline/layout/tables.ts";

/** As ovs-ofctl prints it, with table names: for logs and errors. */
export function describeFlow(flow: Flow): string {
  return formatFlow(flow, { tableNames: TABLE_NAMES }).trim();
}
