import type { Flow } from "#openflow/flow.ts";
import { FLOW_MOD_DEFAULTS } from "#openflow/messages/flow-mod.ts";
import type { MessageOf } from "#openflow/messages/message.ts";

export type FlowMod = MessageOf<"flow_mod">;

/** OFPFC_ADD: puts the flow there, in place of one of the same identity. */
export function addFlow({ table, priority, match, actions, cookie, ...rest }: Flow): FlowMod {
  const { idleTimeout = 0, hardTimeout = 0, flags = 0 } = rest;
  const content = { actions, cookie, idleTimeout, hardTimeout, flags };
  return { ...FLOW_MOD_DEFAULTS, type: "flow_mod", command: "add", table, priority, match, ...content };
}

/** OFPFC_DELETE_STRICT: removes exactly this identity. */
export function removeFlow({ table, priority, match }: Flow): FlowMod {
  return {
    ...FLOW_MOD_DEFAULTS,
    ...{ type: "flow_mod", command: "delete_strict", table, priority, match, actions: [], cookie: 0n },
  };
}
