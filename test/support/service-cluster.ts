import { TABLES } from "#pipeline/layout/tables.ts";
import { shell } from "../../demo/shell.ts";
import { until } from "../watch/until.ts";
import { type Cluster, type ClusterPlan, startCluster } from "./cluster.ts";
import { openServiceWire, type ServiceWire } from "./service-wire.ts";

export const SERVER_PORT = 8080;
export type Family = 4 | 6;

/** Two nodes with pods that serve, and services in front of them that a test rewrites. */
export interface ServiceCluster {
  readonly cluster: Cluster;
  readonly wire: ServiceWire;
  address(pod: string, family: Family): string;
  netns(pod: string): string;
  /** Makes the cluster's services and slices be these; resolves when both switches and hosts have them. */
  put(objects: readonly object[]): Promise<void>;
  /** Of a node's switch, as ovs-ofctl says it. */
  ofctl(node: string, ...words: readonly string[]): Promise<string>;
  close(): Promise<void>;
}

const SERVICE_CIDR = {
  ...{ apiVersion: "networking.k8s.io/v1", kind: "ServiceCIDR", metadata: { name: "kubernetes" } },
  spec: { cidrs: ["10.96.0.0/16", "fd96::/112"] },
};

/** The address of a service that says how far the switches have come. */
const BEACON = (round: number): string => `198.18.${round >> 8}.${round & 255}`;

export async function startServiceCluster(plan: ClusterPlan): Promise<ServiceCluster> {
  const cluster = await startCluster(plan);
  const wire = await openServiceWire();
  const { lab } = cluster;
  const pod = (name: string) => lab.pods.get(`default/${name}`)!.endpoint;
  const ofctl = (node: string, ...[command, ...words]: readonly string[]): Promise<string> => {
    const bridge = `unix:${lab.nodes.get(node)!.fabricNode.ovsDirectory}/br-weir.mgmt`;
    return shell("ovs-ofctl", "-O", "OpenFlow15", command!, bridge, ...words);
  };
  for (const [key, { endpoint }] of lab.pods) {
    const name = key.split("/")[1]!;
    await wire.serve(name, endpoint.netns, "::", SERVER_PORT);
  }
  let round = 0;
  return {
    ...{ cluster, wire, ofctl },
    address: (name, family) => pod(name).addresses[family]!,
    netns: (name) => pod(name).netns,
    async put(objects) {
      const nodePort = 20_000 + ++round;
      const beacon = service("beacon", {
        type: "NodePort",
        clusterIPs: [BEACON(round)],
        ports: [{ port: 1, nodePort }],
      });
      await cluster.write("services.yaml", [...objects, SERVICE_CIDR, beacon]);
      for (const [node, { endpoint }] of lab.nodes) {
        await until(async () =>
          (await ofctl(node, "dump-flows", `table=${TABLES.Service.id}`)).includes(BEACON(round)),
        );
        const list = ["nft", "list", "set", "inet", "weir", "node_ports_4"];
        await until(async () =>
          (await shell("ip", "netns", "exec", endpoint.netns, ...list)).includes(`tcp . ${nodePort}`),
        );
      }
    },
    async close() {
      await wire.close();
      await cluster.close();
    },
  };
}

export function service(name: string, spec: object, more: object = {}): object {
  return { apiVersion: "v1", kind: "Service", metadata: { name, namespace: "default" }, spec, ...more };
}

/** One slice of a service in one family. */
export function slice(
  serviceName: string,
  family: Family,
  endpoints: readonly object[],
  ports: readonly object[] = [{ port: SERVER_PORT }, { port: SERVER_PORT, protocol: "UDP" }],
): object {
  const metadata = {
    name: `${serviceName}-${family}`,
    namespace: "default",
    labels: { "kubernetes.io/service-name": serviceName },
  };
  const head = { apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", metadata };
  return { ...head, addressType: `IPv${family}`, ports, endpoints };
}
