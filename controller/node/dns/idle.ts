import type { Ip } from "#base/address.ts";
import type { OpenFlowConnection } from "#openflow/connection.ts";
import type { FlowDesc } from "#openflow/messages/flow-stats.ts";
import { siteNumber } from "#pipeline/layout/sites.ts";
import { TABLES } from "#pipeline/layout/tables.ts";

const ANY = 0xffff_ffff;
const SITE_MASK = 0xffff_0000_0000_0000n;

/** Of addresses that lapsed: for how many seconds no connection of before has sent anything to them. */
export async function readIdle(connection: OpenFlowConnection): Promise<ReadonlyMap<Ip, number>> {
  const flows = await connection.multipart("flow_desc", {
    ...{ table: TABLES.Endpoint.id, outPort: ANY, outGroup: ANY, match: [] },
    ...{ cookie: BigInt(siteNumber("policies/lapsed")) << 48n, cookieMask: SITE_MASK },
  });
  return new Map(flows.flatMap(idleOf));
}

function idleOf({ match, idleAge = 0 }: FlowDesc): readonly (readonly [Ip, number])[] {
  const term = match.find(({ field }) => field === "ip_dst" || field === "ipv6_dst");
  return term === undefined || !("value" in term) ? [] : [[term.value as Ip, idleAge]];
}
