import type {
  ConnectionRecord,
  DenialRecord,
  FlowEntry,
  GroupEntry,
  NodeView,
  PolicyReport,
  ServiceReport,
} from "#controller/node/http/node-view.ts";

export const sampleFlow: FlowEntry = {
  flow: "cookie=0x204000000000001, table=Route, priority=200,ip,nw_dst=10.10.1.5 actions=output:7",
  cookie: "0x204000000000001",
  packets: 12,
  bytes: 1200,
  owners: ["pod default/web, interface weir0a1b2c3d4e5"],
  site: "pods/deliver",
  why: "packets to the pod's address leave by its port",
  status: "installed",
};

export const sampleGroup: GroupEntry = {
  group: "group_id=7,type=select,bucket=bucket_id:1,actions=drop",
  bucketPackets: [3, 0],
  owners: ["service shop/db"],
  site: "services/balance",
  status: "installed",
};

const SERVING = { ready: true, serving: true, terminating: false };

export const sampleService: ServiceReport = {
  ...{ name: "shop/db", state: "realised", type: "ClusterIP", affinitySeconds: 100, packets: 5 },
  ...{ internalTrafficPolicy: "Cluster", externalTrafficPolicy: "Local" },
  frontends: [
    { address: "clusterIP 10.96.0.10", port: "80/TCP", portName: "web", outcome: "served", group: 7, packets: 5 },
    { address: "clusterIP 10.96.0.10", port: "53/UDP", portName: "dns", outcome: "refused", packets: 0 },
  ],
  backends: [
    {
      ...{ port: "80/TCP", portName: "web", family: "IPv4", scope: "Cluster", group: 7 },
      endpoints: [
        { address: "10.10.1.5", port: 8080, node: "n1", isLocal: true, ...SERVING, isChosen: true, packets: 3 },
        {
          ...{
            address: "10.10.2.5",
            port: 8080,
            node: "n2",
            isLocal: false,
            ...SERVING,
            ready: false,
            terminating: true,
          },
          ...{ isChosen: false, reason: "it is going, and others are ready" },
        },
      ],
    },
  ],
  problems: ["spec.ports[2] has no number"],
};

export const ignoredService: ServiceReport = { name: "shop/peers", state: "ignored", reason: "it is headless" };

export const sampleDenial: DenialRecord = {
  ...{ time: "2026-01-01T00:00:01.000Z", direction: "ingress", reason: "isolation", connection: "new" },
  ...{ pod: "shop/db", podAddress: "10.10.1.5", peer: "pod shop/web", peerAddress: "10.10.2.7" },
  ...{ protocol: "TCP", sourcePort: 40000, destinationPort: 5432, policies: ["shop/db"] },
};

export const samplePolicy: PolicyReport = {
  ...{ kind: "NetworkPolicy", name: "shop/db", generation: 2, directions: ["ingress"], pods: ["shop/db"] },
  ...{ state: "realised", since: "2026-01-01T00:00:00.000Z", packets: 12, bytes: 1200, denied: 3 },
  ...{ lastHit: "2026-01-01T00:00:02.000Z", lastDenied: "2026-01-01T00:00:01.000Z" },
  rules: [
    {
      ...{
        direction: "ingress",
        index: 0,
        rule: "from pods app=web of namespace shop, at 5432/TCP",
        verdict: "accept",
      },
      ...{ packets: 12, bytes: 1200, lastHit: "2026-01-01T00:00:02.000Z", since: "2026-01-01T00:00:00.000Z" },
    },
    {
      ...{
        direction: "ingress",
        index: 1,
        rule: "from 10.0.0.0/8, at every port",
        verdict: "accept",
        packets: 0,
        bytes: 0,
      },
      since: "2026-01-01T00:00:00.000Z",
    },
  ],
  problems: [],
};

export const sampleConnection: ConnectionRecord = {
  ...{ time: "2026-01-01T00:00:03.000Z", verdict: "allow", direction: "egress" },
  ...{ pod: "shop/web", podAddress: "10.10.2.7", peer: "203.0.113.9", peerAddress: "203.0.113.9" },
  ...{ protocol: "TCP", sourcePort: 40000, destinationPort: 443, policies: ["shop/web"], rule: "egress rule 1" },
};

/** A view with one of everything; a test replaces what it is about. */
export function sampleView(changes: Partial<NodeView> = {}): NodeView {
  return {
    status: () => ({
      node: "n1",
      version: "0.1.0",
      startedAt: "2026-01-01T00:00:00.000Z",
      ready: true,
      checks: [
        { name: "switch", ok: true },
        { name: "kubernetes", ok: false, message: "no answer since 12 s" },
      ],
      source: "kubernetes",
      absentKinds: ["clusternetworkpolicies"],
      bridge: "br-weir",
      datapath: "netdev",
      encapsulation: "always",
      tunnel: "geneve",
      mtu: 1450,
      podCidrs: ["10.10.1.0/24"],
      pods: 1,
      peers: 1,
      announced: [{ ip: "192.0.2.10", service: "shop/cart", link: "eth0" }],
      problems: 1,
      flows: { desired: 40, installed: 39, pending: 0, failed: 1 },
      denials: { told: 3, untold: 70 },
      connections: { told: 5, untold: 7 },
    }),
    pods: () => [
      {
        namespace: "default",
        name: "web",
        ips: ["10.10.1.5", "fd00:1::5"],
        mac: "0a:58:00:00:00:01",
        interface: "weir0a1b2c3d4e5",
        port: 7,
        containerId: "c0ffee",
        state: "ready",
      },
    ],
    nodes: () => [
      { name: "n1", addresses: ["172.18.0.1"], podCidrs: ["10.10.1.0/24"], path: "self", mtu: 1450 },
      { name: "n2", addresses: ["172.18.0.2"], podCidrs: ["10.10.2.0/24"], path: "tunnel" },
    ],
    problems: () => [
      { source: "pipeline", object: "Node n3", field: "spec.podCIDRs", message: "is empty; a network is needed" },
    ],
    flows: async () => [sampleFlow],
    groups: async () => [sampleGroup],
    services: async (name) => (name === undefined ? [sampleService, ignoredService] : [sampleService]),
    explain: () => ({ refusal: "nobody is here" }),
    policies: async (name) => (name === undefined || name === "shop/db" ? [samplePolicy] : []),
    denials: () => [sampleDenial],
    async *watchDenials() {
      yield sampleDenial;
    },
    connections: () => [sampleConnection],
    async *watchConnections() {
      yield sampleConnection;
    },
    owners: () => [{ cookie: sampleFlow.cookie, site: "pods/deliver", owners: sampleFlow.owners }],
    ...changes,
  };
}
