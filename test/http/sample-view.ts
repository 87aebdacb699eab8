import type { DenialRecord, FlowEntry, NodeView, PolicyReport } from "#controller/node/http/node-view.ts";

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
      problems: 1,
      flows: { desired: 40, installed: 39, pending: 0, failed: 1 },
      denials: { told: 3, untold: 70 },
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
    explain: () => ({ refusal: "nobody is here" }),
    policies: async (name) => (name === undefined || name === "shop/db" ? [samplePolicy] : []),
    denials: () => [sampleDenial],
    async *watchDenials() {
      yield sampleDenial;
    },
    owners: () => [{ cookie: sampleFlow.cookie, site: "pods/deliver", owners: sampleFlow.owners }],
    ...changes,
  };
}
