import type { Bucket } from "#openflow/flow.ts";
import type { Contribution } from "../../feature.ts";
import type { Endpoint } from "../../model/endpoints.ts";
import { PROTOCOLS } from "../../model/protocol.ts";
import type { Service, ServicePort } from "../../model/service.ts";
import { MOST_BUCKETS } from "../../model/service-groups.ts";
import { numberEndpoints, translateTo } from "./groups.ts";

/**
 * Of TCP what is established lives on by itself. Connections of other protocols do as long as the switch holds where they lead; but
 * with session affinity that is what new ones would follow.
 */
export function keepsLeaving({ affinityTimeout }: Service, { protocol }: ServicePort): boolean {
  return protocol !== PROTOCOLS.TCP && affinityTimeout === undefined;
}

/** The first of the groups holds those that are going too: without weight, so that no new connection gets them. */
export function withLeaving(
  groups: readonly Contribution[],
  endpoints: readonly Endpoint[],
  leaving: readonly Endpoint[],
): readonly Contribution[] {
  const [first, ...others] = groups;
  if (leaving.length === 0 || first?.target !== "group") return groups;
  const numbered = numberEndpoints([...endpoints, ...leaving]).slice(endpoints.length);
  const room = Math.max(MOST_BUCKETS - first.group.buckets.length, 0);
  const idle = numbered.slice(0, room).map((one): Bucket => ({ id: one.id, weight: 0, actions: [translateTo(one)] }));
  // Of several with the same score the switch takes the last.
  return [{ ...first, group: { ...first.group, buckets: [...idle, ...first.group.buckets] } }, ...others];
}
