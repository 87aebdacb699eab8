import fc from "fast-check";
import type { Settings } from "#pipeline/settings.ts";
import type { RawChange } from "#pipeline/source.ts";

/** Random lives of small clusters: few names and addresses, so that everything meets everything. */

const address = fc.constantFrom(
  "172.18.0.1",
  "172.18.0.2",
  "172.18.9.3",
  "fd18::1",
  "fd18::2",
  "127.0.0.1",
  "nonsense",
);
const podCidr = fc.constantFrom(
  ...["10.10.1.0/24", "10.10.2.0/24", "10.10.2.0/25", "10.10.0.0/16", "172.18.0.0/24"],
  ...["fd10:1::/64", "fd10:2::/64", "fd10::/16", "10.10.1.0/33", "0.0.0.0/0", "255.255.255.255/32"],
);
const mtu = fc.option(fc.constantFrom("1450", "1430", "many"), { nil: undefined });

const node = fc
  .record({
    podCidrs: fc.array(podCidr, { maxLength: 3 }),
    addresses: fc.array(address, { maxLength: 3 }),
    mtu,
    label: fc.constantFrom("a", "b", 3),
  })
  .map((n) => ({
    metadata: {
      uid: "u",
      labels: { zone: n.label, "topology.kubernetes.io/zone": n.label },
      annotations: n.mtu === undefined ? {} : { "weir.dev/pod-mtu": n.mtu },
    },
    spec: { podCIDRs: n.podCidrs },
    status: { addresses: n.addresses.map((a) => ({ type: "InternalIP", address: a })) },
  }));

const port = fc
  .record({
    ofport: fc.constantFrom(10, 11, 12, -1, "ten"),
    mac: fc.constantFrom("0a:58:0a:0a:01:02", "0a:58:0a:0a:01:03", "bad"),
    ips: fc.subarray(["10.10.1.1", "10.10.1.2", "10.10.1.3", "fd10:1::2", "172.18.0.2", "10.10.2.9", "x"]),
    pod: fc.constantFrom("web", "db"),
  })
  .map((p) => ({
    ofport: p.ofport,
    externalIds: {
      "weir-mac": p.mac,
      "weir-ips": p.ips.join(","),
      "weir-pod-namespace": "default",
      "weir-pod-name": p.pod,
    },
  }));

const underlay = fc
  .record({ addresses: fc.subarray(["172.18.0.9/24", "fd18::9/64", "rubbish"]), mtu: fc.constantFrom(1500, 9000, 1) })
  .map((u) => ({ interface: "br-phy", ...u }));

const containers = [{ ports: [{ name: "http", containerPort: 8080 }] }];
const pod = fc
  .record({
    nodeName: fc.constantFrom("n1", "n2"),
    ip: fc.constantFrom("10.10.1.2", "fd10:1::2", "?"),
    app: fc.constantFrom("web", "db"),
    phase: fc.constantFrom("Running", "Running", "Failed"),
    hasPorts: fc.boolean(),
  })
  .map((p) => ({
    metadata: { labels: { app: p.app } },
    spec: { nodeName: p.nodeName, containers: p.hasPorts ? containers : [] },
    status: { phase: p.phase, podIPs: [{ ip: p.ip }] },
  }));

const selector = fc.constantFrom<unknown>(
  ...[{}, { matchLabels: { app: "web" } }, { matchExpressions: [{ key: "app", operator: "NotIn", values: ["web"] }] }],
  { matchLabels: { app: 4 } },
);
const peer = fc.oneof(
  selector.map((podSelector) => ({ podSelector })),
  fc.constantFrom("b", "c").map((a) => ({ namespaceSelector: { matchLabels: { a } } })),
  fc.constantFrom("10.10.0.0/16", "172.18.0.0/24", "fd10::/16", "x").map((cidr) => ({ ipBlock: { cidr } })),
  fc.constant({ ipBlock: { cidr: "10.10.0.0/16", except: ["10.10.1.0/30"] } }),
);
const policyPort = fc.constantFrom<unknown>(
  ...[{ port: 80 }, { port: "http" }, { port: 80, endPort: 90 }, { port: 80, protocol: "SCTP" }, { port: 0 }],
);
const policy = fc
  .record({
    podSelector: selector,
    policyTypes: fc.subarray(["Ingress", "Egress"]),
    peers: fc.array(peer, { maxLength: 2 }),
    ports: fc.array(policyPort, { maxLength: 2 }),
  })
  .map(({ podSelector, policyTypes, peers, ports }) => ({
    spec: { podSelector, policyTypes, ingress: [{ from: peers, ports }], egress: [{ to: peers, ports }] },
  }));

const clusterPeer = fc.constantFrom<unknown>(
  ...[
    { namespaces: {} },
    { namespaces: { matchLabels: { a: "b" } } },
    { nodes: {} },
    { nodes: { matchLabels: { zone: "a" } } },
  ],
  ...[{ networks: ["10.10.0.0/16"] }, { networks: ["x"] }, {}],
  ...[{ domainNames: ["example.com"] }, { domainNames: ["*.example.com", "example.com"] }],
);
const protocol = fc.constantFrom<unknown>(
  ...[{ tcp: { destinationPort: { number: 80 } } }, { udp: { destinationPort: { range: { start: 80, end: 90 } } } }],
  ...[{ destinationNamedPort: "http" }, { icmp: {} }],
);
const clusterRule = (side: "from" | "to") =>
  fc.record(
    {
      action: fc.constantFrom("Accept", "Deny", "Pass"),
      [side]: fc.array(clusterPeer, { minLength: 1, maxLength: 2 }),
      protocols: fc.array(protocol, { minLength: 1, maxLength: 2 }),
    },
    { requiredKeys: ["action", side] },
  );
const clusterPolicy = fc
  .record({
    tier: fc.constantFrom("Admin", "Baseline", "Other"),
    priority: fc.constantFrom(0, 499, 500, 1000),
    subject: fc.constantFrom<unknown>(...[{ namespaces: {} }, { namespaces: { matchLabels: { a: "b" } } }, {}], {
      pods: { namespaceSelector: {}, podSelector: { matchLabels: { app: "web" } } },
    }),
    ingress: fc.array(clusterRule("from"), { maxLength: 2 }),
    egress: fc.array(clusterRule("to"), { maxLength: 2 }),
  })
  .map((spec) => ({ spec }));

const namespace = fc.constantFrom("b", "c", 4).map((value) => ({ metadata: { labels: { a: value } } }));

const virtualIp = fc.constantFrom("10.96.0.1", "10.96.0.2", "fd96::1", "10.10.1.2", "None", "x");
const servicePort = fc.record({
  name: fc.constantFrom("", "http", "dns"),
  port: fc.constantFrom<unknown>(80, 81, 0, "http"),
  protocol: fc.constantFrom("TCP", "UDP", "SCTP", "ICMP"),
});
const trafficPolicy = fc.constantFrom("Cluster", "Local", "Nearby");
const service = fc
  .record({
    type: fc.constantFrom("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"),
    clusterIPs: fc.array(virtualIp, { maxLength: 2 }),
    externalIPs: fc.array(fc.constantFrom("192.0.2.1", "2001:db8::1", "10.96.0.1"), { maxLength: 2 }),
    ports: fc.array(servicePort, { maxLength: 2 }),
    sessionAffinity: fc.constantFrom("None", "ClientIP", 7),
    internalTrafficPolicy: trafficPolicy,
    externalTrafficPolicy: trafficPolicy,
    loadBalancerSourceRanges: fc.subarray(["203.0.113.0/24", "::/0", "near"]),
    balanced: fc.constantFrom("192.0.2.1", "192.0.2.2"),
    mode: fc.constantFrom("dsr", "dsr", "snat", undefined),
  })
  .map(({ balanced, mode, ...spec }) => ({
    metadata: { annotations: mode === undefined ? {} : { "weir.dev/load-balancer-mode": mode } },
    ...{ spec, status: { loadBalancer: { ingress: [{ ip: balanced }] } } },
  }));

const sliceEndpoint = fc
  .record({
    ip: fc.constantFrom("10.10.1.2", "10.10.2.9", "fd10:1::2", "127.0.0.1"),
    ready: fc.constantFrom<unknown>(true, false, undefined, "yes"),
    terminating: fc.boolean(),
    nodeName: fc.constantFrom("n1", "n2", undefined),
    hints: fc.constantFrom<unknown>(undefined, { forZones: [{ name: "a" }] }, { forNodes: [{ name: "n1" }] }, 3),
  })
  .map(({ ip, ready, terminating, ...rest }) => ({ addresses: [ip], conditions: { ready, terminating }, ...rest }));
const endpointSlice = fc
  .record({
    of: fc.constantFrom("web", "db", "nobody"),
    addressType: fc.constantFrom("IPv4", "IPv6", "FQDN", "IPv5"),
    ports: fc.array(servicePort, { maxLength: 2 }),
    endpoints: fc.array(sliceEndpoint, { maxLength: 3 }),
  })
  .map(({ of, ...rest }) => ({ metadata: { labels: { "kubernetes.io/service-name": of } }, ...rest }));

const serviceCidr = fc
  .subarray(["10.96.0.0/16", "fd96::/112", "10.10.0.0/16", "0.0.0.0/0", "127.0.0.0/8"])
  .map((cidrs) => ({ spec: { cidrs } }));

const domainAddresses = fc.subarray(["203.0.113.7", "10.10.1.2", "172.18.0.2", "fd10:1::2", "x"]);
const domain = fc.record({ addresses: domainAddresses, lapsed: domainAddresses });

const malformed = fc.oneof(
  fc.constantFrom<unknown>({ spec: "no" }, { spec: { podCIDRs: 5 }, status: { addresses: [1] } }, { externalIds: [] }),
  fc.anything().filter((value) => value !== undefined),
);

function changesOf(kind: RawChange["kind"], keys: readonly string[], object: fc.Arbitrary<unknown>) {
  return fc.record({
    kind: fc.constant(kind),
    key: fc.constantFrom(...keys),
    object: fc.oneof(
      { weight: 5, arbitrary: object },
      { weight: 3, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: malformed },
    ),
  });
}

/** One object that appears, changes, comes again or goes, known or not. */
export const change: fc.Arbitrary<RawChange> = fc.oneof(
  { weight: 4, arbitrary: changesOf("Node", ["n0", "n1", "n2", "n3"], node) },
  { weight: 4, arbitrary: changesOf("Port", ["weir1", "weir2", "weir3"], port) },
  { weight: 2, arbitrary: changesOf("Underlay", ["underlay"], underlay) },
  { weight: 2, arbitrary: changesOf("Pod", ["default/web", "default/db"], pod) },
  { weight: 2, arbitrary: changesOf("NetworkPolicy", ["default/p", "default/q"], policy) },
  { weight: 2, arbitrary: changesOf("ClusterNetworkPolicy", ["p", "q"], clusterPolicy) },
  { weight: 2, arbitrary: changesOf("Service", ["default/web", "default/db"], service) },
  { weight: 2, arbitrary: changesOf("EndpointSlice", ["default/s", "default/t"], endpointSlice) },
  { weight: 2, arbitrary: changesOf("Domain", ["example.com", "www.example.com"], domain) },
  changesOf("ServiceCIDR", ["kubernetes", "more"], serviceCidr),
  changesOf("Namespace", ["default"], namespace),
);

/** Batches of changes; one may be told twice, or turn up again after others. */
export const history: fc.Arbitrary<readonly (readonly RawChange[])[]> = fc
  .tuple(
    fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), { maxLength: 20 }),
    fc.array(fc.nat(19), { maxLength: 5 }),
  )
  .map(([batches, again]) => [...batches, ...again.flatMap((i) => batches.slice(i, i + 1))]);

export const settings = fc.constantFrom<Settings>(
  { nodeName: "n1", encapsulation: "always" },
  { nodeName: "n1", encapsulation: "never" },
  { nodeName: "n1", encapsulation: "hybrid" },
);

/** What the sources say at the end, in another order: a fresh start sees this and nothing else. */
export function lastWords(history: readonly (readonly RawChange[])[]): readonly RawChange[] {
  const current = new Map(history.flat().map((one) => [`${one.kind} ${one.key}`, one]));
  const ordered = [...current].sort(([a], [b]) => (a < b ? -1 : 1));
  return ordered.map(([, one]) => one).filter((one) => one.object !== undefined);
}
