import type { ModelChange, ObjectChange } from "../model/model.ts";
import type { Policy } from "../model/policy.ts";
import { countsIn, type WorldName } from "../model/policy-extras.ts";

export type PolicyChange = Extract<ObjectChange, { readonly kind: "NetworkPolicy" | "ClusterNetworkPolicy" }>;

export function isOfPolicy(change: ModelChange): change is PolicyChange {
  return change.kind === "NetworkPolicy" || change.kind === "ClusterNetworkPolicy";
}

/** As a world sees the change: a policy that does not count there is not there. */
export function seenIn(world: WorldName, change: ModelChange): ModelChange {
  if (!isOfPolicy(change)) return change;
  const ifCounting = <T extends Policy>(policy: T | undefined): T | undefined =>
    policy !== undefined && countsIn(world, policy) ? policy : undefined;
  if (change.kind === "NetworkPolicy")
    return { ...change, before: ifCounting(change.before), after: ifCounting(change.after) };
  return { ...change, before: ifCounting(change.before), after: ifCounting(change.after) };
}
