import type { OpenFlowConnection } from "#openflow/connection.ts";

/** OFPC_FRAG_MASK of a switch's flags, and Open vSwitch's own value of it (OFPC_FRAG_NX_MATCH). */
const FRAGMENTS = 3;
const MATCHED = 3;

/**
 * Has first fragments matched with their ports and ICMP types. Left to itself Open vSwitch takes these for 0 in every fragment,
 * and whoever cuts his packets in two evades all flows that forbid something by port or type. vswitchd forgets it when it ends.
 */
export async function matchFragments(connection: OpenFlowConnection): Promise<void> {
  const config = await connection.request({ type: "get_config_request" });
  if (config.type !== "get_config_reply" || (config.flags & FRAGMENTS) === MATCHED) return;
  const { flags, missSendLength } = config;
  await connection.sendAll([{ type: "set_config", flags: (flags & ~FRAGMENTS) | MATCHED, missSendLength }]);
}
