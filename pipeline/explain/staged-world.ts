import type { Objects } from "../model/model.ts";
import type { Policy } from "../model/policy.ts";
import { countsIn, NO_EXTRAS } from "../model/policy-extras.ts";
import type { Cluster } from "./cluster.ts";

/** The objects as they would be, were all staging over: staged policies in force, and those gone of which the deletion is staged. */
export function stagedWorld<T extends Pick<Objects, "NetworkPolicy" | "ClusterNetworkPolicy">>(objects: T): T {
  const settle = <P extends Policy>(policies: ReadonlyMap<string, P>): ReadonlyMap<string, P> =>
    new Map(
      [...policies]
        .filter(([, policy]) => countsIn("staged", policy))
        .map(([key, policy]) => [
          key,
          { ...policy, extras: { ...(policy.extras ?? NO_EXTRAS), enforcement: "enforced" } },
        ]),
    );
  return {
    ...objects,
    NetworkPolicy: settle(objects.NetworkPolicy),
    ClusterNetworkPolicy: settle(objects.ClusterNetworkPolicy),
  };
}

/** The same of what is asked about. */
export function stagedCluster(cluster: Cluster): Cluster {
  return { ...cluster, objects: stagedWorld(cluster.objects) };
}
