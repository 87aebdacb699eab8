import type { Group } from "#openflow/flow.ts";
import { formatGroupEntry } from "#openflow/text/index.ts";
import { formatOwner } from "#pipeline/owner.ts";
import type { DesiredGroup } from "#pipeline/switch-state.ts";
import type { FlowTables } from "./flow-entries.ts";
import { selects } from "./flow-entries.ts";
import type { GroupEntry, GroupFilter } from "./node-view.ts";

export interface GroupTables {
  /** What the switch holds. */
  readonly installed: Iterable<Group>;
  /** What it counts: by group, for each of its buckets. */
  readonly bucketPackets: ReadonlyMap<number, readonly number[]>;
  readonly desired: ReadonlyMap<number, DesiredGroup>;
  /** How a desired group stands that the switch does not hold. */
  statusOf(id: number): ReturnType<FlowTables["statusOf"]>;
}

/** The groups of the switch with their reasons, and after them what should be there and is not. */
export function* groupEntries(
  { installed, bucketPackets, desired, statusOf }: GroupTables,
  filter: GroupFilter,
): Generator<GroupEntry> {
  const absent = new Set(desired.keys());
  for (const group of installed) {
    const wanted = desired.get(group.groupId);
    absent.delete(group.groupId);
    if (!selects(filter, undefined, wanted?.owners ?? [])) continue;
    const packets = bucketPackets.get(group.groupId);
    const status = wanted === undefined ? "foreign" : "installed";
    yield { ...describe(group, wanted), ...(packets !== undefined && { bucketPackets: packets }), status };
  }
  for (const id of absent) {
    const wanted = desired.get(id);
    if (wanted === undefined || !selects(filter, undefined, wanted.owners)) continue;
    const { state, why } = statusOf(id);
    const status = state === "failed" ? "failed" : "pending";
    yield { ...describe(wanted.group, wanted), status, ...(why !== undefined && { reason: why }) };
  }
}

function describe(group: Group, wanted: DesiredGroup | undefined): Omit<GroupEntry, "status"> {
  return {
    group: formatGroupEntry(group),
    owners: (wanted?.owners ?? []).map(formatOwner),
    ...(wanted !== undefined && { site: wanted.site }),
  };
}
