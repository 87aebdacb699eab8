import { CLUSTER_FEATURES, clusterPolicyOf } from "./cluster-policy-features.ts";
import { PODS, type PodKey, podOf, policy } from "./policy-cluster.ts";
import type { Manifest, PolicyFabric } from "./policy-fabric.ts";
import { FEATURES } from "./policy-features.ts";

/** A cluster that does not rest: each step changes some of its policies of either kind, pods' labels and pods' named ports by lot. */

const SPECS = Object.values(FEATURES);
const LABELS = [{ app: "web" }, { app: "api" }, { app: "web", tier: "front" }, { app: "db", tier: "back" }, {}];
const CLUSTER_SPECS = Object.values(CLUSTER_FEATURES);
const CLUSTER_PLACES = ["c0", "c1", "c2"];
const PLACES = ["a/p0", "a/p1", "a/p2", "b/p0", "b/p1", "b/p2"];

/** Puts that many changes into the fabric, without telling the nodes yet. */
export function changeSomething(fabric: PolicyFabric, random: () => number, changes: number): void {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  for (let i = 0; i < changes; i++) {
    const lot = random();
    const place = pick(PLACES);
    if (lot < 0.4) fabric.put(policy(place, pick(SPECS)));
    else if (lot < 0.55) fabric.remove(policy(place, {}));
    else if (lot < 0.65) changeClusterPolicy(fabric, pick(CLUSTER_PLACES), pick);
    else fabric.put(changedPod(fabric, pick(Object.keys(PODS) as PodKey[]), pick));
  }
}

/** More often than not there is none: most of them deny. */
function changeClusterPolicy(fabric: PolicyFabric, name: string, pick: <T>(from: readonly T[]) => T): void {
  const object = clusterPolicyOf(name, pick(CLUSTER_SPECS), pick(["red", "blue"]), pick([0, 499, 500, 1000]));
  if (pick([true, false])) fabric.put(object);
  else fabric.remove(object);
}

function changedPod(fabric: PolicyFabric, key: PodKey, pick: <T>(from: readonly T[]) => T): Manifest {
  const ports = [{ name: "http", containerPort: pick([80, 8080, 90]) }];
  return podOf(fabric, key, { labels: pick(LABELS), ports });
}
