import { PODS, type PodKey } from "./policy-cluster.ts";
import type { Family, Manifest } from "./policy-fabric.ts";
import type { Probe } from "./policy-probes.ts";

/** What a ClusterNetworkPolicy can say, each in rules of its own, for the pods of policy-cluster.ts; and what it stops, in other words. */
export interface ClusterFeature {
  readonly tier?: "Baseline";
  /** Of the pods that it is for, beside their namespace. */
  readonly subject?: object;
  readonly ingress?: readonly object[];
  readonly egress?: readonly object[];
  /** What it stops of the traffic of its own pods when nothing else is said. */
  stops(traffic: Traffic): boolean;
}

export interface Traffic extends Pick<Probe, "family" | "protocol" | "port"> {
  readonly direction: "ingress" | "egress";
  readonly own: PodKey;
  readonly other: string;
}

export const ofTeam = (team: string) => ({ namespaces: { matchLabels: { team } } });
const EVERY_POD = { namespaces: {} };
const RED = ofTeam("red");
const BLUE = ofTeam("blue");
const ofPods = (podSelector: object, namespaceSelector: object = {}) => ({ pods: { namespaceSelector, podSelector } });
const withLabel = (key: string, ...values: readonly string[]) => ({
  matchExpressions: [{ key, operator: values.length === 0 ? "Exists" : "In", ...(values.length > 0 && { values }) }],
});
const without = (key: string, ...values: readonly string[]) => ({
  matchExpressions: [
    { key, operator: values.length === 0 ? "DoesNotExist" : "NotIn", ...(values.length > 0 && { values }) },
  ],
});
export const at = (protocol: "tcp" | "udp" | "sctp", number: number) => ({
  [protocol]: { destinationPort: { number } },
});
const within = (protocol: "tcp" | "udp", start: number, end: number) => ({
  [protocol]: { destinationPort: { range: { start, end } } },
});
const named = (destinationNamedPort: string) => ({ destinationNamedPort });
export const from = (action: string, peers: readonly object[], ...protocols: readonly object[]) => ({
  ...{ action, from: peers },
  ...(protocols.length > 0 && { protocols }),
});
export const to = (action: string, peers: readonly object[], ...protocols: readonly object[]) => ({
  ...{ action, to: peers },
  ...(protocols.length > 0 && { protocols }),
});

const isPod = (end: string): end is PodKey => end in PODS;
const isOf = (namespace: string, end: string) => end.startsWith(`${namespace}/`);
const hasLabel = (end: string, key: string, value: string) =>
  isPod(end) && Object.entries(PODS[end].labels).some(([one, its]) => one === key && its === value);
const isTcp = ({ protocol, port }: Traffic, ...ports: readonly number[]) => protocol === "tcp" && ports.includes(port);
const isUdp = ({ protocol, port }: Traffic, ...ports: readonly number[]) => protocol === "udp" && ports.includes(port);
const isNode = (end: string) => end === "n1" || end === "n2";
/** Where it is: the node of a pod. */
const placeOf = (end: string) => (isPod(end) ? PODS[end].node : end);

export const CLUSTER_FEATURES: Readonly<Record<string, ClusterFeature>> = {
  "ingress from namespaces with a label": {
    ingress: [from("Deny", [BLUE])],
    stops: ({ direction, other }) => direction === "ingress" && isOf("b", other),
  },
  "ingress from namespaces without one": {
    ingress: [from("Deny", [{ namespaces: without("env") }])],
    stops: ({ direction, other }) => direction === "ingress" && isOf("b", other),
  },
  "ingress from pods of every namespace": {
    ingress: [from("Deny", [ofPods(withLabel("tier"))])],
    stops: ({ direction, other }) => direction === "ingress" && ["a/web", "b/web", "b/db"].includes(other),
  },
  "ingress from pods of some namespaces, without a label": {
    ingress: [from("Deny", [ofPods(without("tier"), withLabel("env", "prod"))])],
    stops: ({ direction, other }) => direction === "ingress" && ["a/api", "a/far"].includes(other),
  },
  "accepted before all others are denied": {
    ingress: [from("Accept", [ofPods({ matchLabels: { app: "api" } })]), from("Deny", [EVERY_POD])],
    stops: ({ direction, other }) => direction === "ingress" && isPod(other) && other !== "a/api",
  },
  "passed on before all others are denied": {
    ingress: [from("Pass", [RED]), from("Deny", [EVERY_POD])],
    stops: ({ direction, other }) => direction === "ingress" && isOf("b", other),
  },
  "a port of TCP": {
    ingress: [from("Deny", [EVERY_POD], at("tcp", 80))],
    stops: (one) => one.direction === "ingress" && isPod(one.other) && isTcp(one, 80),
  },
  "ports of TCP and of UDP": {
    ingress: [from("Deny", [BLUE, RED], within("tcp", 81, 8080), at("udp", 80))],
    stops: (one) => one.direction === "ingress" && isPod(one.other) && (isTcp(one, 90, 8080) || isUdp(one, 80)),
  },
  "a port by its name": {
    ingress: [from("Deny", [EVERY_POD], named("http"))],
    stops: (one) => one.direction === "ingress" && isPod(one.other) && isTcp(one, PODS[one.own].http),
  },
  "a name that is of UDP": {
    ingress: [from("Deny", [EVERY_POD], named("dns"))],
    stops: (one) => one.direction === "ingress" && isPod(one.other) && isUdp(one, 5353),
  },
  "egress to pods by an expression": {
    egress: [to("Deny", [ofPods(withLabel("app", "web", "db"))])],
    stops: ({ direction, other }) => direction === "egress" && isPod(other) && other !== "a/api",
  },
  "egress to ports by their names": {
    egress: [to("Deny", [ofPods({}, {})], named("http"), named("dns"))],
    stops: (one) =>
      one.direction === "egress" && isPod(one.other) && (isTcp(one, PODS[one.other].http) || isUdp(one, 5353)),
  },
  "egress to nodes with a label": {
    egress: [to("Deny", [{ nodes: { matchLabels: { zone: "east" } } }])],
    stops: ({ direction, other }) => direction === "egress" && other === "n2",
  },
  "egress to every node at a port": {
    egress: [to("Deny", [{ nodes: {} }], at("tcp", 80), within("udp", 5000, 6000))],
    stops: (one) => one.direction === "egress" && isNode(one.other) && (isTcp(one, 80) || isUdp(one, 5353)),
  },
  "egress to networks": {
    egress: [to("Deny", [{ networks: ["10.10.2.0/24", "fd10:10:1::/64", "172.18.0.254/32"] }])],
    stops: ({ direction, other, family }) =>
      direction === "egress" &&
      (family === 4
        ? other === "outside" || (isPod(other) && placeOf(other) === "n2")
        : isPod(other) && placeOf(other) === "n1"),
  },
  "egress to all the world but the cluster's pods": {
    egress: [
      to("Accept", [{ networks: ["10.10.0.0/16", "fd10:10::/32"] }]),
      to("Deny", [{ networks: ["0.0.0.0/0"] }, { networks: ["::/0"] }]),
    ],
    stops: ({ direction, other }) => direction === "egress" && !isPod(other),
  },
  "pods, nodes and networks in one rule": {
    egress: [
      to("Deny", [BLUE, { nodes: withLabel("zone", "west") }, { networks: ["172.18.0.254/32"] }], at("tcp", 90)),
    ],
    stops: (one) =>
      one.direction === "egress" &&
      isTcp(one, 90) &&
      (isOf("b", one.other) || one.other === "n1" || (one.other === "outside" && one.family === 4)),
  },
  "both directions, for some pods": {
    subject: { matchLabels: { app: "web" } },
    ingress: [from("Deny", [BLUE])],
    egress: [to("Deny", [RED])],
    stops: ({ direction, own, other }) =>
      hasLabel(own, "app", "web") && isOf(direction === "ingress" ? "b" : "a", other),
  },
  "Baseline: from all pods, but for some at a port": {
    tier: "Baseline",
    ingress: [from("Accept", [RED], at("tcp", 80)), from("Deny", [EVERY_POD])],
    stops: (one) => one.direction === "ingress" && isPod(one.other) && !(isOf("a", one.other) && isTcp(one, 80)),
  },
  "Baseline: to nothing but names of the own kind": {
    tier: "Baseline",
    subject: without("tier", "back"),
    egress: [to("Pass", [RED], named("dns")), to("Deny", [{ networks: ["0.0.0.0/0", "::/0"] }])],
    stops: (one) =>
      one.direction === "egress" && !hasLabel(one.own, "tier", "back") && !(isOf("a", one.other) && isUdp(one, 5353)),
  },
};

/** The policy for the pods of one namespace. */
export function clusterPolicyOf(name: string, feature: ClusterFeature, team: string, priority: number): Manifest {
  const { tier = "Admin", subject, ingress = [], egress = [] } = feature;
  const spec = {
    tier,
    priority,
    subject: subject === undefined ? ofTeam(team) : ofPods(subject, { matchLabels: { team } }),
  };
  return clusterPolicy(name, { ...spec, ingress, egress });
}

export function clusterPolicy(name: string, spec: object): Manifest {
  return { apiVersion: "policy.networking.k8s.io/v1alpha2", kind: "ClusterNetworkPolicy", metadata: { name }, spec };
}

/** Whether it stops a packet when it is for the pods of one namespace and nothing else is said. */
export function isStopped({ stops }: ClusterFeature, namespace: string, probe: Probe): boolean {
  const { from: sender, to: receiver, family, protocol, port } = probe;
  const what: { family: Family } & Pick<Probe, "protocol" | "port"> = { family, protocol, port };
  const leaves = isPod(sender) && isOf(namespace, sender);
  const enters = isPod(receiver) && isOf(namespace, receiver);
  return (
    (leaves && stops({ ...what, direction: "egress", own: sender, other: receiver })) ||
    (enters && stops({ ...what, direction: "ingress", own: receiver, other: sender }))
  );
}

/** Each two of them once. */
export function pairsOfClusterFeatures(): readonly (readonly [string, string])[] {
  const names = Object.keys(CLUSTER_FEATURES);
  return names.flatMap((one, i) => names.slice(i + 1).map((other) => [one, other] as const));
}
