import type { OpenFlowConnection } from "#openflow/connection.ts";
import { flowKey } from "#openflow/flow.ts";
import { OFPG_ALL } from "#openflow/messages/groups.ts";
import { FEATURES } from "#pipeline/layout/sites.ts";

/** What the switch counts for services. */
export interface ServiceCounts {
  /** By flow identity. */
  readonly flowPackets: ReadonlyMap<string, number>;
  /** By group, for each of its buckets. */
  readonly bucketPackets: ReadonlyMap<number, readonly number[]>;
}

const ANY = 0xffff_ffff;
const FEATURE_MASK = 0xffn << 56n;

/** Reads it now; nothing without a connection. */
export async function readServiceCounts(connection: OpenFlowConnection | undefined): Promise<ServiceCounts> {
  if (connection === undefined) return { flowPackets: new Map(), bucketPackets: new Map() };
  const cookie = BigInt(FEATURES.services.id) << 56n;
  const [flows, groups] = await Promise.all([
    connection.multipart("flow_desc", {
      ...{ table: 0xff, outPort: ANY, outGroup: ANY },
      ...{ cookie, cookieMask: FEATURE_MASK, match: [] },
    }),
    connection.multipart("group_stats", { groupId: OFPG_ALL }),
  ]);
  return {
    flowPackets: new Map(flows.map((flow) => [flowKey(flow), Number(flow.packets ?? 0n)])),
    bucketPackets: new Map(
      groups.map(({ groupId, buckets }) => [groupId, buckets.map(({ packets }) => Number(packets))]),
    ),
  };
}
