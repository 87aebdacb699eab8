import type { Objects } from "../model/model.ts";
import type { Policy } from "../model/policy.ts";
import { countsIn, isStaged, NO_EXTRAS, type WorldName } from "../model/policy-extras.ts";
import type { Cluster } from "./cluster.ts";

type Policies = Pick<Objects, "NetworkPolicy" | "ClusterNetworkPolicy">;

/** The objects as they would be, were all staging over: staged policies in force, and those gone of which the deletion is staged. */
export function stagedWorld<T extends Policies>(objects: T): T {
  return inWorld("staged", objects);
}

/** The same of what is asked about. */
export function stagedCluster(cluster: Cluster): Cluster {
  return { ...cluster, objects: stagedWorld(cluster.objects) };
}

/** What is asked about without what is not in force. */
export function enforcedCluster(cluster: Cluster): Cluster {
  return { ...cluster, objects: inWorld("enforced", cluster.objects) };
}

/** Without staging: of those that count in the world, all are as any other policy. */
function inWorld<T extends Policies>(world: WorldName, objects: T): T {
  const settle = <P extends Policy>(policies: ReadonlyMap<string, P>): ReadonlyMap<string, P> =>
    new Map(
      [...policies].filter(([, policy]) => countsIn(world, policy)).map(([key, policy]) => [key, settled(policy)]),
    );
  return {
    ...objects,
    NetworkPolicy: settle(objects.NetworkPolicy),
    ClusterNetworkPolicy: settle(objects.ClusterNetworkPolicy),
  };
}

function settled<P extends Policy>(policy: P): P {
  return isStaged(policy)
    ? { ...policy, extras: { ...(policy.extras ?? NO_EXTRAS), enforcement: "enforced" } }
    : policy;
}
