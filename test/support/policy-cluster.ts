import type { WeirNodeOptions } from "../../demo/weir-node.ts";
import { until } from "../watch/until.ts";
import { FAMILIES, type Manifest, PolicyFabric, podObject } from "./policy-fabric.ts";
import { type Probe, sendProbes } from "./policy-probes.ts";

/** The cluster of the truth tables: labels of pods and namespaces cross each other, and a port's name is not everywhere one number. */
export const PODS = {
  "a/web": { node: "n1", labels: { app: "web", tier: "front" }, http: 80 },
  "a/api": { node: "n1", labels: { app: "api" }, http: 8080 },
  "b/web": { node: "n1", labels: { app: "web", tier: "back" }, http: 8080 },
  "b/db": { node: "n2", labels: { app: "db", tier: "back" }, http: 80 },
  "a/far": { node: "n2", labels: { app: "web" }, http: 80 },
} as const;
export type PodKey = keyof typeof PODS;
const NAMESPACES = { a: { team: "red", env: "prod" }, b: { team: "blue" }, beacon: {} } as const;

/** `policies`: of the nodes' configuration. */
export async function createPolicyCluster(
  name: string,
  policies: WeirNodeOptions["policies"] = {},
): Promise<PolicyFabric> {
  const fabric = await PolicyFabric.create(name, undefined, policies);
  try {
    fabric.put(...Object.entries(NAMESPACES).map(([namespace, labels]) => namespaceObject(namespace, labels)));
    await Promise.all(Object.entries(PODS).map(([key, { node }]) => fabric.plug(key, node)));
    for (const key of Object.keys(PODS) as PodKey[]) fabric.put(podOf(fabric, key));
    await fabric.commit();
    await warmUp(fabric);
    return fabric;
  } catch (error) {
    await fabric.close();
    throw error;
  }
}

/** Its object, with other labels or in another phase where it is said so. */
export function podOf(fabric: PolicyFabric, key: PodKey, words: Parameters<typeof podObject>[1] = {}): Manifest {
  const { labels, http } = PODS[key];
  const ports = [
    { name: "http", containerPort: http },
    { name: "dns", containerPort: 5353, protocol: "UDP" },
  ];
  return podObject(fabric.pod(key), { labels, ports, ...words });
}

export function namespaceObject(name: string, labels: Readonly<Record<string, string>>): Manifest {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

export function policy(name: string, spec: object): Manifest {
  const [namespace = "", own = ""] = name.split("/");
  return { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata: { namespace, name: own }, spec };
}

const PORTS = [
  ["tcp", 80],
  ["tcp", 8080],
  ["tcp", 90],
  ["udp", 80],
  ["udp", 5353],
  ["icmp", 0],
] as const;

/** Everything from everywhere to every pod, and from every pod to the nodes and the outside. */
export function everything(ends: readonly string[] = Object.keys(PODS)): readonly Probe[] {
  const others = ["n1", "n2", "outside"];
  const pairs = [...ends, ...others].flatMap((from) =>
    (others.includes(from) ? ends : [...ends, ...others]).filter((to) => to !== from).map((to) => ({ from, to })),
  );
  return pairs.flatMap((pair) =>
    FAMILIES.flatMap((family) => PORTS.map(([protocol, port]): Probe => ({ ...pair, family, protocol, port }))),
  );
}

/** Open vSwitch's tunnels lose the first packet to a peer, and hosts ask for their neighbours. */
async function warmUp(fabric: PolicyFabric): Promise<void> {
  await until(async () => (await sendProbes(fabric, everything())).every(({ arrived }) => arrived === 1), 20_000);
}
