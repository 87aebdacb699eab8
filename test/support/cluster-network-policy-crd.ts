/** ClusterNetworkPolicies as an API server has to know them for the tests: the fields that we read, and no more. */

type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: "string" };
const count: Schema = { type: "integer", format: "int32" };

function object(properties: Readonly<Record<string, Schema>>, ...required: readonly string[]): Schema {
  return { type: "object", properties, ...(required.length > 0 && { required }) };
}

function list(items: Schema): Schema {
  return { type: "array", items };
}

const selector = object({
  matchLabels: { type: "object", additionalProperties: text },
  matchExpressions: list(object({ key: text, operator: text, values: list(text) }, "key", "operator")),
});
const pods = {
  namespaces: selector,
  pods: object({ namespaceSelector: selector, podSelector: selector }, "podSelector"),
};
const port = object({ destinationPort: object({ number: count, range: object({ start: count, end: count }) }) });
const protocols = list(object({ tcp: port, udp: port, sctp: port, destinationNamedPort: text }));
const rule = { name: text, action: { type: "string", enum: ["Accept", "Deny", "Pass"] }, protocols };
const destination = object({ ...pods, nodes: selector, networks: list(text), domainNames: list(text) });

const spec = object(
  {
    tier: { type: "string", enum: ["Admin", "Baseline"] },
    priority: { ...count, minimum: 0, maximum: 1000 },
    subject: object(pods),
    ingress: list(object({ ...rule, from: list(object(pods)) }, "action", "from")),
    egress: list(object({ ...rule, to: list(destination) }, "action", "to")),
  },
  "tier",
  "priority",
  "subject",
);

const condition = object(
  {
    ...{ type: text, status: text, reason: text, message: text },
    lastTransitionTime: { type: "string", format: "date-time" },
    observedGeneration: { type: "integer", format: "int64" },
  },
  "type",
);
const status = object({
  conditions: { ...list(condition), "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"] },
});

const GROUP = "policy.networking.k8s.io";

export const CLUSTER_NETWORK_POLICY_CRD = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: {
    name: `clusternetworkpolicies.${GROUP}`,
    // Groups of Kubernetes itself ask for this.
    annotations: { "api-approved.kubernetes.io": "unapproved, for tests alone" },
  },
  spec: {
    group: GROUP,
    scope: "Cluster",
    names: { kind: "ClusterNetworkPolicy", plural: "clusternetworkpolicies" },
    versions: [
      {
        ...{ name: "v1alpha2", served: true, storage: true, subresources: { status: {} } },
        schema: { openAPIV3Schema: object({ spec, status }, "spec") },
      },
    ],
  },
} as const;
