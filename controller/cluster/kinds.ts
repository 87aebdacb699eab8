import { readPath, type WatchedKind } from "#controller/watch/kinds.ts";
import { createPrune } from "#controller/watch/prune.ts";
import { ADDRESS_REQUEST, ASSIGNED_FROM, POOL_REQUEST } from "#pipeline/address-pools/names.ts";
import { readPolicyFacts } from "#pipeline/policy-status/facts.ts";
import { NODE_POLICY_STATUS, type NodePolicyReport, readNodeReport } from "#pipeline/policy-status/node-report.ts";

/** What of the cluster's objects the duties need; all else of them is dropped on arrival. */

/** A policy without what it says: whether it can be read is all that counts here. */
export interface WatchedPolicy {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly uid: string;
  readonly generation: number;
  /** "spec.ingress[0].from is ...". */
  readonly problems: readonly string[];
  readonly isStaged: boolean;
  /** As they stand in its status: whose they are is told by their type. */
  readonly conditions: readonly unknown[];
}

export interface WatchedReport {
  readonly metadata: { readonly name: string };
  /** Another one with each writing. */
  readonly reportedAt: unknown;
  readonly report: NodePolicyReport;
}

const NAME = createPrune("metadata.name", "metadata.namespace");

function prunePolicy(kind: "NetworkPolicy" | "ClusterNetworkPolicy"): (object: unknown) => WatchedPolicy {
  return (object) => {
    const { generation, problems, isStaged } = readPolicyFacts(kind, "", object);
    const conditions = readPath(object, ["status", "conditions"]);
    return {
      ...(NAME(object) as Pick<WatchedPolicy, "metadata">),
      uid: String(readPath(object, ["metadata", "uid"])),
      ...{ generation, problems, isStaged },
      conditions: Array.isArray(conditions) ? conditions : [],
    };
  };
}

function pruneReport(object: unknown): WatchedReport {
  return {
    ...(NAME(object) as Pick<WatchedReport, "metadata">),
    reportedAt: readPath(object, ["reportedAt"]),
    report: readNodeReport(object),
  };
}

/** Most services are of no balancer: of these nothing else is kept. */
function pruneService(object: unknown): unknown {
  const isBalanced = readPath(object, ["spec", "type"]) === "LoadBalancer";
  return isBalanced ? BALANCED(object) : NAME(object);
}

const BALANCED = createPrune(
  ...["name", "namespace", "uid", "resourceVersion", "labels"].map((field) => `metadata.${field}`),
  ...[ASSIGNED_FROM, POOL_REQUEST, ADDRESS_REQUEST].map((name) => `metadata.annotations[${name}]`),
  ...["type", "loadBalancerClass", "loadBalancerIP", "ipFamilies"].map((field) => `spec.${field}`),
  "status.loadBalancer.ingress",
);

export const NODES: WatchedKind<string> = {
  ...{ kind: "Node", apiVersion: "v1", plural: "nodes", namespaced: false },
  prune: createPrune("metadata.name", "status.addresses"),
};
export const NAMESPACES: WatchedKind<string> = {
  ...{ kind: "Namespace", apiVersion: "v1", plural: "namespaces", namespaced: false },
  prune: createPrune("metadata.name", "metadata.labels"),
};
export const SERVICES: WatchedKind<string> = {
  ...{ kind: "Service", apiVersion: "v1", plural: "services", namespaced: true },
  prune: pruneService,
};
export const ADDRESS_POOLS: WatchedKind<string> = {
  ...{
    kind: "AddressPool",
    apiVersion: "weir.dev/v1alpha1",
    plural: "addresspools",
    namespaced: false,
    optional: true,
  },
  prune: createPrune("metadata.name", "metadata.uid", "metadata.deletionTimestamp", "spec", "status"),
};
export const NETWORK_POLICIES: WatchedKind<string> = {
  ...{ kind: "NetworkPolicy", apiVersion: "networking.k8s.io/v1", plural: "networkpolicies", namespaced: true },
  prune: prunePolicy("NetworkPolicy"),
};
export const CLUSTER_NETWORK_POLICIES: WatchedKind<string> = {
  ...{ kind: "ClusterNetworkPolicy", apiVersion: "policy.networking.k8s.io/v1alpha2", namespaced: false },
  ...{ plural: "clusternetworkpolicies", optional: true },
  prune: prunePolicy("ClusterNetworkPolicy"),
};
export const NODE_POLICY_STATUSES: WatchedKind<string> = {
  ...NODE_POLICY_STATUS,
  ...{ namespaced: false, optional: true },
  prune: pruneReport,
};
