import { CLUSTER_NETWORK_POLICIES, NETWORK_POLICIES, NODE_POLICY_STATUSES, NODES } from "#controller/cluster/kinds.ts";
import { isRecord, keyOf } from "#controller/watch/kinds.ts";
import { createPolicyStatuses, type PolicySummary } from "#pipeline/policy-status/aggregate.ts";
import { readPolicyFacts } from "#pipeline/policy-status/facts.ts";
import { policyIdOf, readNodeReport, SILENT_AFTER } from "#pipeline/policy-status/node-report.ts";
import type { ClusterSource } from "./cluster-option.ts";
import { CliError } from "./errors.ts";
import { EXIT } from "./exit-codes.ts";
import type { Io } from "./io.ts";
import { openLiveCluster } from "./live-cluster.ts";

/** The policies of a cluster, each as all nodes have it: from what the nodes tell, and so also without weir-cluster. */
export async function readClusterPolicies(source: ClusterSource, env: Io["env"]): Promise<readonly PolicySummary[]> {
  const { list, server } = await openLiveCluster(source, env);
  const [nodes, reports, networkPolicies, clusterNetworkPolicies] = await Promise.all(
    [NODES, NODE_POLICY_STATUSES, NETWORK_POLICIES, CLUSTER_NETWORK_POLICIES].map(list),
  );
  if (reports === undefined)
    throw new CliError(
      EXIT.wrong,
      `${server} knows no ${NODE_POLICY_STATUSES.kind}: deploy/weir.yaml has its definition`,
    );
  const statuses = createPolicyStatuses();
  for (const node of nodes ?? []) statuses.setNode(keyOf(node) ?? "", true);
  for (const report of reports) {
    const node = keyOf(report) ?? "";
    statuses.setReport(node, readNodeReport(report));
    statuses.setSilent(node, isOld(report));
  }
  for (const [kind, objects] of [
    ["NetworkPolicy", networkPolicies],
    ["ClusterNetworkPolicy", clusterNetworkPolicies],
  ] as const)
    for (const object of objects ?? []) {
      const name = keyOf(object) ?? "";
      statuses.setPolicy(policyIdOf({ kind, name }), readPolicyFacts(kind, name, object));
    }
  return [...statuses.ids()].flatMap((id) => statuses.summaryOf(id) ?? []);
}

function isOld(report: unknown): boolean {
  const at = Date.parse(String(isRecord(report) ? report["reportedAt"] : ""));
  return Number.isNaN(at) || Date.now() - at > SILENT_AFTER;
}
