import { clusterPolicy } from "./cluster-policy-features.ts";
import { namespaceObject, PODS, type PodKey, podOf, policy } from "./policy-cluster.ts";
import type { Manifest, PolicyFabric } from "./policy-fabric.ts";

/** Policies of both kinds, and labels, drawn by lot for the cluster of policy-cluster.ts: few values, so that much matches much. */

type Random = () => number;

interface Lots {
  pick<T>(from: readonly T[]): T;
  /** So many of them, each drawn anew. */
  some<T>(least: number, most: number, draw: () => T): readonly T[];
  chance(part: number): boolean;
}

function lotsOf(random: Random): Lots {
  const below = (count: number) => Math.floor(random() * count);
  return {
    pick: (among) => among[below(among.length)]!,
    some: (least, most, draw) => Array.from({ length: least + below(most - least + 1) }, draw),
    chance: (part) => random() < part,
  };
}

const VALUES = {
  app: ["web", "api", "db"],
  tier: ["front", "back"],
  team: ["red", "blue"],
  env: ["prod"],
  zone: ["west", "east"],
} as const;
type Key = keyof typeof VALUES;
const OF_PODS = ["app", "tier"] as const;
const OF_NAMESPACES = ["team", "env"] as const;
const NETWORKS = [
  ...["0.0.0.0/0", "10.10.0.0/16", "10.10.1.0/24", "10.10.2.0/24", "172.18.0.0/24", "172.18.0.2/32", "10.10.1.4/30"],
  ...["::/0", "fd10:10::/32", "fd10:10:1::/64", "fd10:10:2::/64", "fd18::/64", "fd18::254/128"],
];
const BLOCKS = [
  ...NETWORKS.map((cidr) => ({ cidr })),
  { cidr: "10.10.0.0/16", except: ["10.10.1.0/24"] },
  { cidr: "10.10.1.0/24", except: ["10.10.1.2/31", "10.10.1.6/32"] },
  { cidr: "0.0.0.0/0", except: ["172.18.0.0/24", "10.10.2.0/25"] },
  { cidr: "fd10:10::/32", except: ["fd10:10:2::/64", "fd10:10:1::3/128"] },
];

function labels({ pick, chance }: Lots, keys: readonly Key[]): Readonly<Record<string, string>> {
  return Object.fromEntries(keys.filter(() => chance(0.7)).map((key) => [key, pick(VALUES[key])]));
}

function selector(lots: Lots, keys: readonly Key[]): object {
  const { pick, some, chance } = lots;
  if (chance(0.25)) return {};
  if (chance(0.5)) return { matchLabels: labels(lots, keys) };
  return {
    matchExpressions: some(1, 2, () => {
      const key = pick(keys);
      const operator = pick(["In", "NotIn", "Exists", "DoesNotExist"]);
      return { key, operator, ...(operator.endsWith("In") && { values: some(1, 2, () => pick(VALUES[key])) }) };
    }),
  };
}

function networkPolicySpec(lots: Lots): object {
  const { pick, some, chance } = lots;
  const peer = () => {
    if (chance(0.3)) return { ipBlock: pick(BLOCKS) };
    const pods = { podSelector: selector(lots, OF_PODS) };
    const namespaces = { namespaceSelector: selector(lots, OF_NAMESPACES) };
    return pick([pods, namespaces, { ...pods, ...namespaces }]);
  };
  const port = () =>
    pick<object>([
      ...[{ port: 80 }, { port: 8080 }, { port: "http" }, { protocol: "UDP" }, { protocol: "UDP", port: "dns" }, {}],
      ...[
        { port: 81, endPort: 8079 },
        { protocol: "UDP", port: 80, endPort: 5353 },
        { port: 1, endPort: 65_535 },
      ],
    ]);
  const rule = (peers: "from" | "to") => ({
    ...(chance(0.8) && { [peers]: some(1, 2, peer) }),
    ...(chance(0.5) && { ports: some(1, 2, port) }),
  });
  return {
    podSelector: selector(lots, OF_PODS),
    policyTypes: pick([["Ingress"], ["Egress"], ["Ingress", "Egress"]]),
    ingress: some(0, 2, () => rule("from")),
    egress: some(0, 2, () => rule("to")),
  };
}

function clusterPolicySpec(lots: Lots): object {
  const { pick, some, chance } = lots;
  const pods = () =>
    pick([
      { namespaces: selector(lots, OF_NAMESPACES) },
      { pods: { namespaceSelector: selector(lots, OF_NAMESPACES), podSelector: selector(lots, OF_PODS) } },
    ]);
  const destination = () => {
    if (chance(0.5)) return pods();
    return pick<object>([
      { nodes: selector(lots, ["zone"]) },
      { networks: [...new Set(some(1, 3, () => pick(NETWORKS)))] },
    ]);
  };
  const port = () =>
    pick<object>([{ number: 80 }, { number: 8080 }, { number: 5353 }, { range: { start: 80, end: 90 } }]);
  const protocol = () => {
    // What this version of the API does not know.
    if (chance(0.03)) return {};
    if (chance(0.3)) return { destinationNamedPort: pick(["http", "dns"]) };
    return { [pick(["tcp", "udp"])]: { destinationPort: port() } };
  };
  const rule = (side: "from" | "to") => ({
    action: pick(["Accept", "Deny", "Pass"]),
    [side]: some(1, 2, side === "from" ? pods : destination),
    ...(chance(0.5) && { protocols: some(1, 2, protocol) }),
  });
  return {
    tier: pick(["Admin", "Baseline"]),
    priority: pick([0, 10, 499, 500, 1000]),
    subject: pods(),
    ingress: some(0, 3, () => rule("from")),
    egress: some(0, 3, () => rule("to")),
  };
}

/** Everything but the pods' addresses, drawn anew; returns the policies. Nothing is told to the nodes yet. */
export function drawCluster(fabric: PolicyFabric, random: Random): readonly Manifest[] {
  const lots = lotsOf(random);
  const { pick, some } = lots;
  for (const key of Object.keys(PODS) as PodKey[]) {
    const http = { name: "http", containerPort: pick([80, 8080, 90]) };
    const dns = { name: "dns", protocol: "UDP", containerPort: pick([5353, 80]) };
    fabric.put(podOf(fabric, key, { labels: labels(lots, OF_PODS), ports: some(0, 2, () => pick([http, dns])) }));
  }
  for (const namespace of ["a", "b"]) fabric.put(namespaceObject(namespace, labels(lots, OF_NAMESPACES)));
  for (const node of fabric.of("Node"))
    fabric.put({ ...node, metadata: { ...node.metadata, labels: labels(lots, ["zone"]) } });
  const drawn = [
    ...some(0, 4, () => networkPolicySpec(lots)).map((spec, i) => policy(`${pick(["a", "b"])}/p${i}`, spec)),
    ...some(1, 5, () => clusterPolicySpec(lots)).map((spec, i) => clusterPolicy(`c${i}`, spec)),
  ];
  const former = fabric.of("NetworkPolicy").filter(({ metadata }) => metadata.namespace !== "beacon");
  fabric.remove(...former, ...fabric.of("ClusterNetworkPolicy"));
  fabric.put(...drawn);
  return drawn;
}
