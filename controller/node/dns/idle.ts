import type { Ip } from "#base/address.ts";
import type { OpenFlowConnection } from "#openflow/connection.ts";
import type { FlowDesc } from "#openflow/messages/flow-stats.ts";
import { cookiesOfSite } from "#pipeline/layout/cookie.ts";
import { TABLES } from "#pipeline/layout/tables.ts";

/** Of addresses that lapsed: for how many seconds no connection of before has sent anything to them. */
export async function readIdle(connection: OpenFlowConnection): Promise<ReadonlyMap<Ip, number>> {
  const flows = await connection.dumpFlows({ table: TABLES.Endpoint.id, ...cookiesOfSite("policies/lapsed") });
  return new Map(flows.flatMap(idleOf));
}

function idleOf({ match, idleAge = 0 }: FlowDesc): readonly (readonly [Ip, number])[] {
  const term = match.find(({ field }) => field === "ip_dst" || field === "ipv6_dst");
  return term === undefined || !("value" in term) ? [] : [[term.value as Ip, idleAge]];
}
