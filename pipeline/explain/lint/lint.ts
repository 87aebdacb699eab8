import { isRecord } from "../../ingest/reader.ts";
import type { Pod } from "../../model/model.ts";
import type { NetworkPolicy } from "../../model/policy.ts";
import type { Problem } from "../../problem.ts";
import type { RawChange } from "../../source.ts";
import type { Cluster } from "../cluster.ts";
import { isIn } from "../matching.ts";
import { checkCoverage } from "./coverage.ts";
import { type Check, type Finding, SEVERITIES } from "./finding.ts";
import { checkDns, checkPortNames } from "./ports.ts";
import { checkNetworks, checkSelections, checkSelectorLists } from "./selections.ts";
import { checkIsolation, checkPolicyTypes } from "./shape.ts";

const CHECKS: readonly Check[] = [
  checkSelections,
  checkSelectorLists,
  checkPolicyTypes,
  checkPortNames,
  checkDns,
  checkCoverage,
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
  const policies = changes.filter(({ kind, key }) => kind === "NetworkPolicy" && !wrong.has(`NetworkPolicy ${key}`));
  const policiesOf = createPoliciesOf(cluster);
  const findings = policies.flatMap(({ key, object }) => {
    const policy = cluster.objects.NetworkPolicy.get(key);
    if (policy === undefined) return [];
    const written: unknown = isRecord(object) ? object["spec"] : undefined;
    const spec = isRecord(written) ? written : {};
    return CHECKS.flatMap((check) => [...check({ policy, spec, cluster, policiesOf })]);
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

function fromProblem({ object, field, message }: Problem): Finding {
  const remedy = object.startsWith("NetworkPolicy ")
    ? "write what is expected there; until then that part allows nothing"
    : "write what is expected there";
  return { severity: "error", check: "malformed", object, field, message, remedy };
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
