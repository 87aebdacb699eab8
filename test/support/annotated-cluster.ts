import { shell } from "../../demo/shell.ts";
import {
  type Family,
  SERVER_PORT,
  type ServiceCluster,
  service,
  slice,
  startServiceCluster,
} from "./service-cluster.ts";
import type { Heard } from "./service-wire.ts";

const FAMILIES = [4, 6] as const;
export const VIPS = { 4: "10.96.0.20", 6: "fd96::20" } as const;
/** The pod behind the service, and those who ask it. */
export const SERVER = "n1-pod2";
export const CLIENTS = { here: "n1-pod1", there: "n2-pod1" } as const;

/** Two nodes of three pods, each labelled with its own name, a service before one of them, and policies that a test rewrites. */
export interface AnnotatedCluster {
  readonly rig: ServiceCluster;
  /** Makes the policies be these; resolves when both switches have them. */
  put(...policies: readonly object[]): Promise<void>;
  ask(netns: string, protocol: "tcp" | "udp", address: string, count?: number): Promise<Heard>;
  addressesOf(pod: string): Readonly<Record<Family, string>>;
  netnsOfNode(node: string): string;
  /** What a node's weirctl says. */
  weirctl(node: string, ...argv: readonly string[]): Promise<string>;
  /** The same as a value. */
  read<T>(node: string, ...argv: readonly string[]): Promise<T>;
  /** Resolves when the switch has counted all packets that have gone through it. */
  settleCounts(node: string): Promise<void>;
  close(): Promise<void>;
}

export async function startAnnotatedCluster(
  name: string,
  traffic: Readonly<Record<string, unknown>> = {},
): Promise<AnnotatedCluster> {
  const rig = await startServiceCluster({ name, families: [4, 6], podsPerNode: 3, traffic });
  const { pods, nodes } = rig.cluster.lab;
  const addressesOf = (pod: string) => ({ 4: rig.address(pod, 4), 6: rig.address(pod, 6) });
  const weirctl = (node: string, ...argv: readonly string[]) =>
    shell("bin/weirctl", ...argv, "--socket", nodes.get(node)!.weir.paths.controlSocket);
  const ports = [
    { name: "", port: SERVER_PORT },
    { name: "u", port: SERVER_PORT, protocol: "UDP" },
  ];
  const endpoints = (family: Family) => [{ addresses: [rig.address(SERVER, family)], nodeName: "n1" }];
  const objects = [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "default" } },
    service("web", { clusterIPs: [VIPS[4], VIPS[6]], ports }),
    ...FAMILIES.map((family) => slice("web", family, endpoints(family), ports)),
  ];
  await rig.cluster.write(
    "pods.yaml",
    [...pods.keys()].map((key) => {
      const pod = key.split("/")[1]!;
      return {
        ...{ apiVersion: "v1", kind: "Pod", metadata: { name: pod, namespace: "default", labels: { app: pod } } },
        spec: { nodeName: pod.split("-")[0], containers: [] },
        status: { podIPs: FAMILIES.map((family) => ({ ip: rig.address(pod, family) })) },
      };
    }),
  );
  const settleCounts = async (node: string): Promise<void> => {
    const { ovsDirectory } = nodes.get(node)!.fabricNode;
    await shell("ovs-appctl", "-t", `${ovsDirectory}/vswitchd.ctl`, "revalidator/purge");
  };
  return {
    ...{ rig, addressesOf, weirctl, settleCounts },
    async put(...policies) {
      // The switch counts late, for whatever flows are there by then.
      for (const node of nodes.keys()) await settleCounts(node);
      await rig.put([...objects, ...policies]);
    },
    ask: (netns, protocol, address, count = 3) => rig.wire.ask(netns, protocol, address, SERVER_PORT, count),
    netnsOfNode: (node) => nodes.get(node)!.endpoint.netns,
    read: async (node, ...argv) => JSON.parse(await weirctl(node, ...argv, "-o", "json")),
    close: () => rig.close(),
  };
}

type Annotations = Readonly<Record<string, string>>;

/** Of one pod, by its label; annotations without their prefix. */
export function networkPolicy(name: string, app: string, annotations: Annotations, spec: object): object {
  return {
    ...{ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy" },
    metadata: { name, namespace: "default", uid: `uid ${name}`, annotations: prefixed(annotations) },
    spec: { podSelector: { matchLabels: { app } }, ...spec },
  };
}

/** Likewise, of the Admin tier. */
export function clusterPolicy(name: string, app: string, annotations: Annotations, spec: object): object {
  const subject = { pods: { namespaceSelector: {}, podSelector: { matchLabels: { app } } } };
  return {
    ...{ apiVersion: "policy.networking.k8s.io/v1alpha2", kind: "ClusterNetworkPolicy" },
    metadata: { name, uid: `uid ${name}`, annotations: prefixed(annotations) },
    spec: { tier: "Admin", priority: 5, subject, ...spec },
  };
}

/** A peer of a NetworkPolicy's rule. */
export function podOfApp(app: string): object {
  return { podSelector: { matchLabels: { app } } };
}

function prefixed(annotations: Annotations): Annotations {
  return Object.fromEntries(Object.entries(annotations).map(([name, value]) => [`policy.weir.dev/${name}`, value]));
}
