import { isEqual } from "#base/equal.ts";
import { type Flow, type Group, type Meter, sameFlow } from "#openflow/flow.ts";
import { BUCKET } from "#openflow/messages/groups.ts";
import type { DesiredFlow, DesiredGroup, DesiredMeter } from "#pipeline/switch-state.ts";
import { describeFlow } from "./describe-flow.ts";
import { addFlow, removeFlow } from "./flow-mods.ts";
import type { EntryKind } from "./ledger.ts";

export const FLOWS: EntryKind<DesiredFlow, Flow> = {
  name: "flow",
  valueOf: ({ flow }) => flow,
  isSame: sameFlow,
  put: addFlow,
  remove: removeFlow,
  describe: describeFlow,
};

export const GROUPS: EntryKind<DesiredGroup, Group> = {
  name: "group",
  valueOf: ({ group }) => group,
  isSame: isEqual,
  // Whole, and whether it is there or not: buckets put into a group singly are not chosen by all of its methods.
  put: (group) => ({ type: "group_mod", command: "add_or_mod", group, commandBucketId: BUCKET.all }),
  remove: ({ groupId }) => ({
    ...{ type: "group_mod", command: "delete", commandBucketId: BUCKET.all },
    group: { groupId, type: "all", buckets: [] },
  }),
  describe: ({ groupId, type, buckets }) => `group_id=${groupId},type=${type} with ${buckets.length} buckets`,
};

export const METERS: EntryKind<DesiredMeter, Meter> = {
  name: "meter",
  valueOf: ({ meter }) => meter,
  isSame: isEqual,
  put: (meter, held) => ({ type: "meter_mod", command: held === undefined ? "add" : "modify", ...meter }),
  remove: ({ meterId, flags }) => ({ type: "meter_mod", command: "delete", meterId, flags, bands: [] }),
  describe: ({ meterId, bands }) => `meter=${meterId} with ${bands.map(({ rate }) => `rate=${rate}`).join(", ")}`,
};
