import type { OpenFlowConnection } from "#openflow/connection.ts";

/** OFPC_FRAG_MASK of a switch's flags, and Open vSwitch's own value of it (OFPC_FRAG_NX_MATCH). */
const FRAGMENTS = 3;
const MATCHED = 3;
/** OFPCML_NO_BUFFER. An action says itself how much of a packet it sends; without any length nothing comes at all. */
const WHOLE_PACKETS = 0xffff;

/**
 * Has first fragments matched with their ports and ICMP types. Left to itself Open vSwitch takes these for 0 in every fragment,
 * and whoever cuts his packets in two evades all flows that forbid something by port or type. vswitchd forgets it when it ends.
 * And has packets that flows send to the controller come by this connection, of which the switch knows as long as it lives.
 */
export async function configureSwitch(connection: OpenFlowConnection): Promise<void> {
  const config = await connection.request({ type: "get_config_request" });
  if (config.type !== "get_config_reply") return;
  const { flags, missSendLength } = config;
  if ((flags & FRAGMENTS) === MATCHED && missSendLength === WHOLE_PACKETS) return;
  const wanted = { flags: (flags & ~FRAGMENTS) | MATCHED, missSendLength: WHOLE_PACKETS };
  await connection.sendAll([
    // In the standard form there is no room for what the flow says of why.
    { type: "nxt_set_packet_in_format", format: "nxt_packet_in2" },
    { type: "set_config", ...wanted },
  ]);
}
