import { PODS, type PodKey, podOf, policy } from "./policy-cluster.ts";
import type { Manifest, PolicyFabric } from "./policy-fabric.ts";
import { FEATURES } from "./policy-features.ts";

/** A cluster that does not rest: each step changes some of its policies, pods' labels and pods' named ports by lot. */

const SPECS = Object.values(FEATURES);
const LABELS = [{ app: "web" }, { app: "api" }, { app: "web", tier: "front" }, { app: "db", tier: "back" }, {}];
const PLACES = ["a/p0", "a/p1", "a/p2", "b/p0", "b/p1", "b/p2"];

/** Puts that many changes into the fabric, without telling the nodes yet. */
export function changeSomething(fabric: PolicyFabric, random: () => number, changes: number): void {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  for (let i = 0; i < changes; i++) {
    const lot = random();
    const place = pick(PLACES);
    if (lot < 0.5) fabric.put(policy(place, pick(SPECS)));
    else if (lot < 0.65) fabric.remove(policy(place, {}));
    else fabric.put(changedPod(fabric, pick(Object.keys(PODS) as PodKey[]), pick));
  }
}

function changedPod(fabric: PolicyFabric, key: PodKey, pick: <T>(from: readonly T[]) => T): Manifest {
  const ports = [{ name: "http", containerPort: pick([80, 8080, 90]) }];
  return podOf(fabric, key, { labels: pick(LABELS), ports });
}
