import type { Ip } from "#base/address.ts";
import type { Match } from "#openflow/match.ts";
import { STATE } from "../features/vocabulary.ts";
import { CT_MARK, ZONE } from "../layout/conntrack.ts";
import { readField, readNumber, readRegister } from "./metadata.ts";

/** A connection by the addresses and ports that its first packet came with. */
export interface ConnectionTuple {
  readonly zone: number;
  readonly protocol: number;
  readonly source: Ip;
  readonly destination: Ip;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/**
 * The connection of a packet that policies deny, where conntrack knows it though nothing has let it through: one to a service, which
 * translates before policies are asked.
 */
export function unfinishedConnection(metadata: Match): ConnectionTuple | undefined {
  const isDenied = readRegister(metadata, "deniedDirection") !== 0;
  const isTranslated = (readNumber(metadata, "ct_state") & (STATE.dnat | STATE.rpl)) === STATE.dnat;
  const wasLetThrough = (readNumber(metadata, "ct_mark") & CT_MARK.known) !== 0;
  const source = readField(metadata, "ct_nw_src") ?? readField(metadata, "ct_ipv6_src");
  const destination = readField(metadata, "ct_nw_dst") ?? readField(metadata, "ct_ipv6_dst");
  if (!isDenied || !isTranslated || wasLetThrough || source === undefined || destination === undefined)
    return undefined;
  return {
    ...{
      zone: ZONE,
      protocol: readNumber(metadata, "ct_nw_proto"),
      source: source as Ip,
      destination: destination as Ip,
    },
    ...{ sourcePort: readNumber(metadata, "ct_tp_src"), destinationPort: readNumber(metadata, "ct_tp_dst") },
  };
}
