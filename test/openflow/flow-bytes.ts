import type { Flow } from "#openflow/flow.ts";
import { FLOW_MOD_DEFAULTS } from "#openflow/messages/flow-mod.ts";
import { encode } from "#openflow/messages/message.ts";

/** The message that adds the flow. */
export function addFlow(flow: Flow): Uint8Array {
  return encode({ type: "flow_mod", command: "add", ...FLOW_MOD_DEFAULTS, ...flow }, 1);
}
