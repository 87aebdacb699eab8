import { isRecord } from "../../ingest/reader.ts";
import type { Pod } from "../../model/model.ts";
import type { NetworkPolicy, Policy } from "../../model/policy.ts";
import type { Problem } from "../../problem.ts";
import type { RawChange } from "../../source.ts";
import type { Cluster } from "../cluster.ts";
import { isIn } from "../matching.ts";
import { enforcedCluster, stagedCluster } from "../staged-world.ts";
import { checkCoverage } from "./coverage.ts";
import { type Check, type Finding, ofNetworkPolicies, SEVERITIES } from "./finding.ts";
import { checkDns, checkPortNames } from "./ports.ts";
import { checkNetworks, checkSelections, checkSelectorLists } from "./selections.ts";
import { checkIsolation, checkPolicyTypes } from "./shape.ts";
import { checkPriorities, checkReach } from "./tiers.ts";

const CHECKS: readonly Check[] = [
  checkSelections,
  ofNetworkPolicies(checkSelectorLists),
  ofNetworkPolicies(checkPolicyTypes),
  checkPortNames,
  ofNetworkPolicies(checkDns),
  ofNetworkPolicies(checkCoverage),
  checkReach,
  checkPriorities,
  checkNetworks,
  checkIsolation,
];

/**
 * What in the policies is wrong or probably not meant, the gravest first. Of one that is wrong as an object only that is told:
 * a part of it has no effect, and the rest may mean something else once it is mended.
 */
export function lint(
  changes: readonly RawChange[],
  cluster: Cluster,
  problems: readonly Problem[],
): readonly Finding[] {
  const wrong = new Set(problems.map(({ object }) => object));
  // A staged policy is judged beside those that would be in force with it.
  const worlds = [enforcedCluster(cluster), stagedCluster(cluster)].map((world) => ({
    cluster: world,
    policiesOf: createPoliciesOf(world),
  }));
  const findings = changes.flatMap(({ kind, key, object }) => {
    if (kind !== "NetworkPolicy" && kind !== "ClusterNetworkPolicy") return [];
    const world = worlds.find((one) => one.cluster.objects[kind].has(key));
    const policy: Policy | undefined = world?.cluster.objects[kind].get(key);
    if (world === undefined || policy === undefined || wrong.has(`${kind} ${key}`)) return [];
    const written: unknown = isRecord(object) ? object["spec"] : undefined;
    const spec = isRecord(written) ? written : {};
    return CHECKS.flatMap((check) => [...check({ policy, spec, ...world })]);
  });
  return [...problems.map(fromProblem), ...findings].toSorted(
    (a, b) =>
      SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity) ||
      compare(a.object, b.object) ||
      compare(a.field, b.field),
  );
}

function createPoliciesOf({ objects }: Cluster): (pod: Pod) => readonly NetworkPolicy[] {
  const found = new Map<Pod, readonly NetworkPolicy[]>();
  return (pod) => {
    const own = found.get(pod) ?? [...objects.NetworkPolicy.values()].filter((one) => isIn(one.subject, pod, objects));
    found.set(pod, own);
    return own;
  };
}

const UNTIL_THEN: ReadonlyMap<string, string> = new Map([
  ["NetworkPolicy", "; until then that part allows nothing"],
  ["ClusterNetworkPolicy", "; until then it accepts nothing there, and denies everything that it would deny or pass"],
]);

function fromProblem({ object, field, message }: Problem): Finding {
  const [kind = ""] = object.split(" ");
  // What an annotation says is beside the rules: these hold whatever it is.
  const until = field.startsWith("metadata.") ? undefined : UNTIL_THEN.get(kind);
  const remedy = `write what is expected there${until ?? ""}`;
  return { severity: "error", check: "malformed", object, field, message, remedy };
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
