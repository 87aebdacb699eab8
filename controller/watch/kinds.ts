import type { Kind } from "#pipeline/source.ts";
import { createPrune, type Prune } from "./prune.ts";

/** How one kind of Kubernetes object is watched, and what is kept of it. */
export interface WatchedKind<K extends string = Kind> {
  readonly kind: K;
  readonly apiVersion: string;
  /** The last part of the API path, and of the source's name. */
  readonly plural: string;
  readonly namespaced: boolean;
  /** The field that names an object's node, where only those of this node are wanted: the API selects by it. Absent: all. */
  readonly nodeField?: string;
  /** A cluster may be without it, as long as nobody installs its definition: then there are none. */
  readonly optional?: true;
  readonly prune: Prune;
}

const IDENTITY = ["metadata.name", "metadata.namespace", "metadata.uid", "metadata.labels"];
const POD = [
  ...IDENTITY,
  "metadata.creationTimestamp",
  "metadata.deletionTimestamp",
  "spec.nodeName",
  "spec.hostNetwork",
  "spec.containers[].ports",
  "spec.initContainers[].ports",
  "spec.initContainers[].restartPolicy",
  "status.phase",
  "status.podIPs",
];
/** Without the times: a heartbeat is no change. */
const NETWORK_CONDITION = ["type", "status", "reason", "message"].map(
  (field) => `status.conditions[type=NetworkUnavailable].${field}`,
);
const NODE = [
  ...IDENTITY,
  "metadata.annotations[weir.dev/pod-mtu]",
  "spec.podCIDR",
  "spec.podCIDRs",
  "status.addresses",
  ...NETWORK_CONDITION,
];

const POLICY = [
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "metadata.generation",
  "metadata.annotations[policy.weir.dev/*]",
  "spec",
];

const SERVICE = [
  ...IDENTITY,
  "metadata.annotations[weir.dev/assigned-from]",
  "metadata.annotations[weir.dev/load-balancer-mode]",
  ...["spec", "status.loadBalancer.ingress"],
];
const ENDPOINT = ["addresses", "conditions", "nodeName", "hints"].map((field) => `endpoints[].${field}`);
const SLICE_LABEL = "metadata.labels[kubernetes.io/service-name]";
const SLICE = ["metadata.name", "metadata.namespace", SLICE_LABEL, "addressType", "ports", ...ENDPOINT];

/** One line a kind. What its prune does not keep is dropped on arrival: a change in it is no change to us. */
// biome-ignore format: one line a kind
export const WATCHED_KINDS: readonly WatchedKind[] = [
  { kind: "Pod", apiVersion: "v1", plural: "pods", namespaced: true, prune: createPrune(...POD) },
  { kind: "Node", apiVersion: "v1", plural: "nodes", namespaced: false, prune: createPrune(...NODE) },
  { kind: "Namespace", apiVersion: "v1", plural: "namespaces", namespaced: false, prune: createPrune(...IDENTITY) },
  { kind: "NetworkPolicy", apiVersion: "networking.k8s.io/v1", plural: "networkpolicies", namespaced: true, prune: createPrune(...POLICY) },
  { kind: "ClusterNetworkPolicy", apiVersion: "policy.networking.k8s.io/v1alpha2", plural: "clusternetworkpolicies", namespaced: false, optional: true, prune: createPrune(...POLICY) },
  { kind: "Service", apiVersion: "v1", plural: "services", namespaced: true, prune: createPrune(...SERVICE) },
  { kind: "EndpointSlice", apiVersion: "discovery.k8s.io/v1", plural: "endpointslices", namespaced: true, prune: createPrune(...SLICE) },
  { kind: "ServiceCIDR", apiVersion: "networking.k8s.io/v1", plural: "servicecidrs", namespaced: false, optional: true, prune: createPrune("metadata.name", "spec") },
  { kind: "AddressPool", apiVersion: "weir.dev/v1alpha1", plural: "addresspools", namespaced: false, optional: true, prune: createPrune("metadata.name", "metadata.deletionTimestamp", "spec") },
];

/** "/api/v1/pods": the whole cluster's collection. */
export function collectionPath({ apiVersion, plural }: Pick<WatchedKind, "apiVersion" | "plural">): string {
  return `${apiVersion.includes("/") ? "/apis" : "/api"}/${apiVersion}/${plural}`;
}

/** "namespace/name" or "name"; undefined when the object cannot be named. */
export function keyOf(object: unknown): string | undefined {
  const name = readPath(object, ["metadata", "name"]);
  if (typeof name !== "string" || name === "") return undefined;
  const namespace = readPath(object, ["metadata", "namespace"]);
  return typeof namespace === "string" && namespace !== "" ? `${namespace}/${name}` : name;
}

export function readPath(object: unknown, path: readonly string[]): unknown {
  let value = object;
  for (const step of path) {
    if (!isRecord(value) || !Object.hasOwn(value, step)) return undefined;
    value = value[step];
  }
  return value;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
