import { PODS, type PodKey } from "./policy-cluster.ts";
import { FAMILIES, type Family, type Manifest, type PolicyFabric } from "./policy-fabric.ts";
import type { Probe, ServiceAddress } from "./policy-probes.ts";

/** A service for each pod of policy-cluster.ts, which has it as its only endpoint: where a packet goes is then certain. */

const KEYS = Object.keys(PODS) as PodKey[];
/** The ports of pods; those of services are others. */
const PORTS = [
  ["tcp", 80],
  ["tcp", 8080],
  ["udp", 80],
  ["udp", 5353],
] as const;
const servicePort = (port: number) => 10_000 + port;
const addressesOf = (key: PodKey): Readonly<Record<Family, string>> => {
  const number = 10 + KEYS.indexOf(key);
  return { 4: `10.96.0.${number}`, 6: `fd96::${number}` };
};
const nameOf = (key: PodKey) => key.split("/") as [namespace: string, name: string];

export function serviceObjects(fabric: PolicyFabric): readonly Manifest[] {
  return [
    {
      ...{ apiVersion: "networking.k8s.io/v1", kind: "ServiceCIDR", metadata: { name: "kubernetes" } },
      spec: { cidrs: ["10.96.0.0/16", "fd96::/112"] },
    },
    ...KEYS.flatMap((key) => [serviceOf(key), ...FAMILIES.map((family) => sliceOf(fabric, key, family))]),
  ];
}

function serviceOf(key: PodKey): Manifest {
  const [namespace, name] = nameOf(key);
  const addresses = addressesOf(key);
  const ports = PORTS.map(([protocol, port]) => ({
    ...{ name: `${protocol}-${port}`, protocol: protocol.toUpperCase(), port: servicePort(port) },
  }));
  return {
    ...{ apiVersion: "v1", kind: "Service", metadata: { namespace, name } },
    spec: { clusterIPs: FAMILIES.map((family) => addresses[family]), ports },
  };
}

function sliceOf(fabric: PolicyFabric, key: PodKey, family: Family): Manifest {
  const [namespace, name] = nameOf(key);
  const { ips, node } = fabric.pod(key);
  return {
    ...{ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice" },
    metadata: { namespace, name: `${name}-${family}`, labels: { "kubernetes.io/service-name": name } },
    addressType: `IPv${family}`,
    ports: PORTS.map(([protocol, port]) => ({ name: `${protocol}-${port}`, protocol: protocol.toUpperCase(), port })),
    endpoints: [{ addresses: [ips[family]], nodeName: node }],
  };
}

/** From every pod and node to every service, the own one too. */
export function everythingThroughServices(): readonly Probe[] {
  return [...KEYS, "n1", "n2"].flatMap((from) =>
    KEYS.flatMap((to) =>
      FAMILIES.flatMap((family) =>
        PORTS.map(([protocol, port]): Probe => {
          const via: ServiceAddress = { addresses: addressesOf(to), port: servicePort(port) };
          return { from, to, family, protocol, port, via };
        }),
      ),
    ),
  );
}
