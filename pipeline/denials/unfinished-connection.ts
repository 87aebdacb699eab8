import type { Ip } from "#base/address.ts";
import type { FieldName } from "#openflow/fields.ts";
import type { FieldValue, Match } from "#openflow/match.ts";
import { STATE } from "../features/vocabulary.ts";
import { CT_MARK, ZONE } from "../layout/conntrack.ts";
import { REGISTERS } from "../layout/registers.ts";

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
  const read = (...names: readonly FieldName[]): FieldValue | undefined =>
    metadata.find(({ field }) => field !== "unknown" && names.includes(field))?.value;
  const numberOf = (name: FieldName): number => Number(read(name) ?? 0);
  const { register, start, bits } = REGISTERS.deniedDirection;
  const isDenied = Math.floor(numberOf(register) / 2 ** start) % 2 ** bits !== 0;
  const isTranslated = (numberOf("ct_state") & (STATE.dnat | STATE.rpl)) === STATE.dnat;
  const wasLetThrough = (numberOf("ct_mark") & CT_MARK.known) !== 0;
  const source = read("ct_nw_src", "ct_ipv6_src");
  const destination = read("ct_nw_dst", "ct_ipv6_dst");
  if (!isDenied || !isTranslated || wasLetThrough || source === undefined || destination === undefined)
    return undefined;
  return {
    ...{ zone: ZONE, protocol: numberOf("ct_nw_proto"), source: source as Ip, destination: destination as Ip },
    ...{ sourcePort: numberOf("ct_tp_src"), destinationPort: numberOf("ct_tp_dst") },
  };
}
