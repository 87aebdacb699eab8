import type { OpenFlowConnection } from "#openflow/connection.ts";
import { flowKey } from "#openflow/flow.ts";
import { OFPG_ALL } from "#openflow/messages/groups.ts";
import { cookiesOfFeature } from "#pipeline/layout/cookie.ts";

/** What the switch counts for services. */
export interface ServiceCounts {
  /** By flow identity. */
  readonly flowPackets: ReadonlyMap<string, number>;
  /** By group, for each of its buckets. */
  readonly bucketPackets: ReadonlyMap<number, readonly number[]>;
}

/** Reads it now; nothing without a connection. */
export async function readServiceCounts(connection: OpenFlowConnection | undefined): Promise<ServiceCounts> {
  if (connection === undefined) return { flowPackets: new Map(), bucketPackets: new Map() };
  const [flows, groups] = await Promise.all([
    connection.dumpFlows(cookiesOfFeature("services")),
    connection.multipart("group_stats", { groupId: OFPG_ALL }),
  ]);
  return {
    flowPackets: new Map(flows.map((flow) => [flowKey(flow), Number(flow.packets ?? 0n)])),
    bucketPackets: new Map(
      groups.map(({ groupId, buckets }) => [groupId, buckets.map(({ packets }) => Number(packets))]),
    ),
  };
}
