import assert from "node:assert/strict";
import {
  type Family,
  SERVER_PORT,
  type ServiceCluster,
  service,
  slice,
  startServiceCluster,
} from "#test/support/service-cluster.ts";
import { shell } from "../../demo/shell.ts";

const FAMILIES = [4, 6] as const;
const PROTOCOLS = ["tcp", "udp"] as const;
const POLICIES = ["Cluster", "Local"] as const;
type Policy = (typeof POLICIES)[number];

const OUTSIDE = { 4: "172.18.0.254", 6: "fd18::254" } as const;
const NODES = { n1: { 4: "172.18.0.1", 6: "fd18::1" }, n2: { 4: "172.18.0.2", 6: "fd18::2" } } as const;
const GATEWAYS = { 4: "10.10.1.1", 6: "fd10:10:1::1" } as const;
/** What hides a client outside from endpoints on another node than the one it came to. */
const HIDDEN = { n1: { 4: "10.10.1.0", 6: "fd10:10:1::" }, n2: { 4: "10.10.2.0", 6: "fd10:10:2::" } } as const;
const NODE_PORTS = { Cluster: 30080, Local: 30081 } as const;
const CLUSTER_IPS = { Cluster: { 4: "10.96.0.10", 6: "fd96::10" }, Local: { 4: "10.96.0.11", 6: "fd96::11" } } as const;
const EXTERNAL = {
  Cluster: { 4: "198.51.100.7", 6: "2001:db8::7" },
  Local: { 4: "198.51.100.8", 6: "2001:db8::8" },
} as const;
const BALANCED = {
  Cluster: { 4: "192.0.2.80", 6: "2001:db8::80" },
  Local: { 4: "192.0.2.81", 6: "2001:db8::81" },
} as const;
const PORTS = [
  { name: "t", port: 80 },
  { name: "u", port: 80, protocol: "UDP" },
];
const SLICE_PORTS = [
  { name: "t", port: SERVER_PORT },
  { name: "u", port: SERVER_PORT, protocol: "UDP" },
];
const HERE = "n1-pod2";
const THERE = "n2-pod2";

/** Where a client is, where it goes, and under whose address the endpoint on n1 and the one on n2 know it; undefined: not at all. */
interface Row {
  readonly client: "outside" | "n1-pod1" | "n1";
  readonly kind: "ClusterIP" | "NodePort of n1" | "NodePort of n2" | "LoadBalancer" | "external IP";
  readonly seen: (policy: Policy, family: Family) => readonly [here: string | undefined, there: string | undefined];
}

const pod = (family: Family): string => (family === 4 ? "pod 4" : "pod 6");
const both = (one: (family: Family) => string): Row["seen"] => {
  return (_policy, family) => [one(family), one(family)];
};
/** At the node to which it came, its own address; on the other it is hidden, or not served at all. */
const through = (node: "n1" | "n2", one: (family: Family) => string): Row["seen"] => {
  return (policy, family) => {
    const other = policy === "Local" ? undefined : HIDDEN[node][family];
    return node === "n1" ? [one(family), other] : [other, one(family)];
  };
};
const outside = (family: Family): string => OUTSIDE[family];
const n1 = (family: Family): string => NODES.n1[family];

const ROWS: readonly Row[] = [
  { client: "outside", kind: "ClusterIP", seen: (_policy, family) => [OUTSIDE[family], HIDDEN.n1[family]] },
  { client: "outside", kind: "NodePort of n1", seen: through("n1", outside) },
  { client: "outside", kind: "NodePort of n2", seen: through("n2", outside) },
  { client: "outside", kind: "LoadBalancer", seen: through("n1", outside) },
  { client: "outside", kind: "external IP", seen: through("n1", outside) },
  { client: "n1-pod1", kind: "ClusterIP", seen: both(pod) },
  { client: "n1-pod1", kind: "NodePort of n1", seen: both(pod) },
  { client: "n1-pod1", kind: "NodePort of n2", seen: through("n2", pod) },
  { client: "n1-pod1", kind: "LoadBalancer", seen: both(pod) },
  { client: "n1-pod1", kind: "external IP", seen: both(pod) },
  { client: "n1", kind: "ClusterIP", seen: both((family) => GATEWAYS[family]) },
  { client: "n1", kind: "NodePort of n1", seen: both(n1) },
  { client: "n1", kind: "NodePort of n2", seen: through("n2", n1) },
  { client: "n1", kind: "LoadBalancer", seen: both(n1) },
  { client: "n1", kind: "external IP", seen: both(n1) },
];

describe("services from outside of the cluster, from pods and from nodes, with real connections", function () {
  this.timeout(60_000);
  let rig: ServiceCluster;

  before(async () => {
    rig = await startServiceCluster({ name: "svcout", families: [4, 6], podsPerNode: 3 });
    await routeFromOutside(rig);
    await rig.put(objects(rig));
  });
  after(() => rig?.close());

  const netns = (client: Row["client"]): string => {
    const { fabric, lab } = rig.cluster;
    if (client === "outside") return fabric.outside.netns;
    return client === "n1" ? lab.nodes.get("n1")!.endpoint.netns : rig.netns(client);
  };

  for (const family of FAMILIES)
    for (const protocol of PROTOCOLS)
      for (const policy of POLICIES)
        for (const { client, kind, seen } of ROWS)
          it(`${client} to ${kind}, externalTrafficPolicy ${policy}, IPv${family}, ${protocol.toUpperCase()}`, async () => {
            const [here, there] = seen(policy, family);
            const name = (address: string): string =>
              address.startsWith("pod ") ? rig.address("n1-pod1", family) : address;
            const expected = [
              ...(here === undefined ? [] : [`${HERE} ${name(here)}`]),
              ...(there === undefined ? [] : [`${THERE} ${name(there)}`]),
            ];
            const { address, port } = placeOf(kind, policy, family);
            const heard = await rig.wire.ask(netns(client), protocol, address, port, 24);
            assert.deepEqual(Object.keys(heard).sort(), expected);
          });
});

function placeOf(kind: Row["kind"], policy: Policy, family: Family): { address: string; port: number } {
  switch (kind) {
    case "ClusterIP":
      return { address: CLUSTER_IPS[policy][family], port: 80 };
    case "NodePort of n1":
      return { address: NODES.n1[family], port: NODE_PORTS[policy] };
    case "NodePort of n2":
      return { address: NODES.n2[family], port: NODE_PORTS[policy] };
    case "LoadBalancer":
      return { address: BALANCED[policy][family], port: 80 };
    case "external IP":
      return { address: EXTERNAL[policy][family], port: 80 };
  }
}

function objects(rig: ServiceCluster): object[] {
  return POLICIES.flatMap((policy) => [
    service(
      `web-${policy.toLowerCase()}`,
      {
        type: "LoadBalancer",
        clusterIPs: Object.values(CLUSTER_IPS[policy]),
        externalIPs: Object.values(EXTERNAL[policy]),
        externalTrafficPolicy: policy,
        ports: PORTS.map((port) => ({ ...port, nodePort: NODE_PORTS[policy] })),
      },
      { status: { loadBalancer: { ingress: Object.values(BALANCED[policy]).map((ip) => ({ ip })) } } },
    ),
    ...FAMILIES.map((family) =>
      slice(
        `web-${policy.toLowerCase()}`,
        family,
        [HERE, THERE].map((name) => ({ addresses: [rig.address(name, family)], nodeName: name.split("-")[0] })),
        SLICE_PORTS,
      ),
    ),
  ]);
}

/** To all but NodePorts through n1, as a balancer or a router would. */
async function routeFromOutside({ cluster }: ServiceCluster): Promise<void> {
  const { netns } = cluster.fabric.outside;
  for (const [network, via] of [
    ["192.0.2.0/24", NODES.n1[4]],
    ["198.51.100.0/24", NODES.n1[4]],
    ["10.96.0.0/16", NODES.n1[4]],
    ["2001:db8::/64", NODES.n1[6]],
    ["fd96::/112", NODES.n1[6]],
  ] as const)
    await shell("ip", "netns", "exec", netns, "ip", "route", "add", network, "via", via);
}
