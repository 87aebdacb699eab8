import fc from "fast-check";
import type { RawChange } from "#pipeline/source.ts";
import { node, port } from "./samples.ts";

/** Small clusters with policies: few names, labels and addresses, so that everything meets everything. */

export const PODS = ["a/web", "a/api", "b/web", "b/db", "c/far"] as const;
export const LOCAL = PODS.slice(0, 4);
const ADDRESSES: Readonly<Record<string, readonly string[]>> = {
  "a/web": ["10.10.1.2", "fd10:1::2"],
  "a/api": ["10.10.1.3", "fd10:1::3"],
  "b/web": ["10.10.1.4", "fd10:1::4"],
  "b/db": ["10.10.1.5", "fd10:1::5"],
  "c/far": ["10.10.2.2", "fd10:2::2"],
};
export const OUTSIDE = ["203.0.113.7", "10.10.1.77", "10.10.2.9", "2001:db8::7"];
export const HOST = ["10.10.1.1", "172.18.0.1", "fd10:1::1"];

export function addressesOf(pod: string): readonly string[] {
  return ADDRESSES[pod] ?? [];
}

export function ofportOf(pod: string): number {
  return 10 + LOCAL.indexOf(pod as (typeof LOCAL)[number]);
}

const labelValue = fc.constantFrom("x", "y", "z");
const labels = fc.record({ app: labelValue, tier: labelValue }, { requiredKeys: [] });

const requirement = fc.oneof(
  fc.record({
    key: fc.constantFrom("app", "tier"),
    operator: fc.constantFrom("In", "NotIn"),
    values: fc.uniqueArray(labelValue, { minLength: 1, maxLength: 2 }),
  }),
  fc.record({ key: fc.constantFrom("app", "tier"), operator: fc.constantFrom("Exists", "DoesNotExist") }),
);
const selector = fc.oneof(
  fc.constant({}),
  fc.record({ matchLabels: labels }),
  fc.record({ matchExpressions: fc.array(requirement, { minLength: 1, maxLength: 2 }) }),
);

const ipBlock = fc.constantFrom(
  { cidr: "10.10.1.0/24" },
  { cidr: "10.10.1.0/24", except: ["10.10.1.2/32", "10.10.1.4/31"] },
  { cidr: "0.0.0.0/0", except: ["10.10.0.0/16"] },
  { cidr: "10.10.1.3/32" },
  { cidr: "fd10::/16", except: ["fd10:1::/64"] },
  { cidr: "fd10:1::4/128" },
);
const peer = fc.oneof(
  fc.record({ podSelector: selector }),
  fc.record({ namespaceSelector: selector }),
  fc.record({ namespaceSelector: selector, podSelector: selector }),
  fc.record({ ipBlock }),
);
const policyPort = fc.oneof(
  fc.record({ protocol: fc.constantFrom("TCP", "UDP", "SCTP") }),
  fc.record({
    protocol: fc.constantFrom("TCP", "UDP"),
    port: fc.constantFrom<number | string>(80, 8080, "http", "dns"),
  }),
  fc.constantFrom(
    { port: 80, endPort: 443 },
    { port: 1, endPort: 65535 },
    { protocol: "UDP", port: 5000, endPort: 6000 },
  ),
);
const rule = (side: "from" | "to") =>
  fc.record(
    { [side]: fc.array(peer, { maxLength: 2 }), ports: fc.array(policyPort, { maxLength: 2 }) },
    { requiredKeys: [] },
  );

const policy = fc.record(
  {
    podSelector: selector,
    policyTypes: fc.subarray(["Ingress", "Egress"]),
    ingress: fc.array(rule("from"), { maxLength: 2 }),
    egress: fc.array(rule("to"), { maxLength: 2 }),
  },
  { requiredKeys: ["podSelector"] },
);

/** Mostly none; and some that cannot be read. */
const annotations = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  fc.record(
    {
      "policy.weir.dev/enforcement": fc.constantFrom("enforced", "staged", "staged", "staged-deletion", "Staged"),
      "policy.weir.dev/new-connections-per-second": fc.constantFrom("10", "1000", "none"),
      "policy.weir.dev/deny": fc.constantFrom("reject", "reject", "drop", "refuse"),
      "policy.weir.dev/log": fc.constantFrom("all", "ingress[0]", "ingress[0], denied", "egress[1]"),
    },
    { requiredKeys: [] },
  ),
);
const described = (uid: string, spec: fc.Arbitrary<unknown>) =>
  fc.tuple(annotations, spec).map(([own, of]) => ({ metadata: { uid, annotations: own }, spec: of }));

const POLICIES = ["a/one", "a/two", "a/three", "b/one", "b/two", "c/one"];

export const policyChange: fc.Arbitrary<RawChange> = fc.record({
  kind: fc.constant("NetworkPolicy" as const),
  key: fc.constantFrom(...POLICIES),
  object: fc.oneof({ weight: 6, arbitrary: described("p", policy) }, { weight: 1, arbitrary: fc.constant(undefined) }),
});

const clusterPeer = fc.oneof(
  fc.record({ namespaces: selector }),
  fc.record({ pods: fc.record({ namespaceSelector: selector, podSelector: selector }) }),
);
const outsidePeer = fc.oneof(
  fc.record({ nodes: fc.constantFrom({}, { matchLabels: { zone: "n1" } }, { matchLabels: { zone: "n2" } }) }),
  fc.record({
    networks: fc.subarray(["10.10.1.0/24", "0.0.0.0/0", "172.18.0.2/32", "fd10:1::4/127", "::/0"], { minLength: 1 }),
  }),
);
const domainPeer = fc.record({
  domainNames: fc.uniqueArray(fc.constantFrom("example.com", "*.Example.com", "www.example.com.", "*.com"), {
    ...{ minLength: 1, maxLength: 2 },
  }),
});
/** A part that this version of the API does not know, or not there: whatever has it must fail closed. */
const unheardOf = fc.constantFrom<unknown>({}, { serviceAccounts: {} }, { domainNames: ["-"] });
const numbered = fc.record({
  destinationPort: fc.constantFrom<unknown>({ number: 80 }, { number: 5353 }, { range: { start: 80, end: 8080 } }),
});
const protocol = fc.oneof(
  fc.record({ tcp: numbered }),
  fc.record({ udp: numbered }),
  fc.constantFrom<unknown>({ destinationNamedPort: "http" }, { destinationNamedPort: "dns" }),
);
const listOf = (part: fc.Arbitrary<unknown>) =>
  fc.array(fc.oneof({ weight: 12, arbitrary: part }, unheardOf), { minLength: 1, maxLength: 2 });
const clusterRule = (side: "from" | "to") =>
  fc.record(
    {
      action: fc.constantFrom("Accept", "Deny", "Pass"),
      [side]: listOf(side === "from" ? clusterPeer : fc.oneof(clusterPeer, outsidePeer, domainPeer, domainPeer)),
      protocols: listOf(protocol),
    },
    { requiredKeys: ["action", side] },
  );

/** Priorities on both sides of where a tier's second table begins, and few, so that policies share them. */
const clusterPolicy = fc.record({
  tier: fc.constantFrom("Admin", "Admin", "Baseline"),
  priority: fc.constantFrom(0, 499, 500, 1000),
  subject: fc.oneof({ weight: 12, arbitrary: clusterPeer }, fc.constant({})),
  ingress: fc.array(clusterRule("from"), { maxLength: 3 }),
  egress: fc.array(clusterRule("to"), { maxLength: 3 }),
});

export const clusterPolicyChange: fc.Arbitrary<RawChange> = fc.record({
  kind: fc.constant("ClusterNetworkPolicy" as const),
  key: fc.constantFrom("one", "two", "three"),
  object: fc.oneof(
    { weight: 6, arbitrary: described("c", clusterPolicy) },
    { weight: 1, arbitrary: fc.constant(undefined) },
  ),
});

const named = fc.uniqueArray(fc.constantFrom("203.0.113.7", "2001:db8::7", "10.10.2.9", "10.10.1.3", "fd10:2::2"), {
  maxLength: 3,
});

/** What a name's addresses are, and were; or nothing of it any more. */
export const domainChange: fc.Arbitrary<RawChange> = fc.record({
  kind: fc.constant("Domain" as const),
  key: fc.constantFrom("example.com", "www.example.com", "deep.www.example.com", "example.org"),
  object: fc.oneof(
    { weight: 6, arbitrary: fc.record({ addresses: named, lapsed: named }) },
    { weight: 1, arbitrary: fc.constant(undefined) },
  ),
});

/** Some pods may send to names, in one or two policies, and some of these to nothing else. */
const namingPolicy: fc.Arbitrary<RawChange> = fc
  .record({
    key: fc.constantFrom("one", "two"),
    tier: fc.constantFrom("Admin", "Baseline"),
    priority: fc.constantFrom(0, 500),
    subject: clusterPeer,
    to: fc.array(domainPeer, { minLength: 1, maxLength: 2 }),
    protocols: fc.constantFrom(undefined, [{ tcp: { destinationPort: { number: 80 } } }]),
    isClosed: fc.boolean(),
  })
  .map(({ key, tier, priority, subject, to, protocols, isClosed }) => {
    const accept = { action: "Accept", to, ...(protocols !== undefined && { protocols }) };
    const deny = { action: "Deny", to: [{ networks: ["0.0.0.0/0", "::/0"] }] };
    const spec = { tier, priority, subject, egress: isClosed ? [accept, deny] : [accept] };
    return { kind: "ClusterNetworkPolicy", key, object: { metadata: {}, spec } };
  });

/** The other node, with labels and with addresses outside of the cluster. */
export const nodeChange: fc.Arbitrary<RawChange> = fc
  .record({ far: fc.constantFrom("n1", "n2", "n3"), external: fc.subarray(["203.0.113.7", "2001:db8::7"]) })
  .map(({ far, external }) => nodeWith(node("n2", ["10.10.2.0/24", "fd10:2::/64"], ["172.18.0.2"]), far, external));

function nodeWith({ kind, key, object }: RawChange, zone: string, external: readonly string[]): RawChange {
  const { metadata, status, ...rest } = object as { metadata: object; status: { addresses: readonly unknown[] } };
  const addresses = [...status.addresses, ...external.map((address) => ({ type: "ExternalIP", address }))];
  return { kind, key, object: { ...rest, metadata: { ...metadata, labels: { zone } }, status: { addresses } } };
}

/** With some ports under names that differ from pod to pod. */
export const podChange: fc.Arbitrary<RawChange> = fc
  .record({
    key: fc.constantFrom(...PODS),
    labels,
    http: fc.option(fc.constantFrom(80, 8080), { nil: undefined }),
    isThere: fc.boolean(),
    phase: fc.constantFrom("Running", "Running", "Running", "Succeeded"),
  })
  .map(({ key, labels: own, http, isThere, phase }) => ({
    kind: "Pod" as const,
    key,
    object: isThere || key === "a/web" ? podObject(key, own, http, phase) : undefined,
  }));

function podObject(key: string, labels: unknown, http: number | undefined, phase: string): unknown {
  const ports = [
    ...(http === undefined ? [] : [{ name: "http", containerPort: http }]),
    { name: "dns", protocol: "UDP", containerPort: 5353 },
  ];
  return {
    metadata: { uid: `uid ${key}`, labels },
    spec: { nodeName: key === "c/far" ? "n2" : "n1", containers: [{ ports }] },
    status: { phase, podIPs: addressesOf(key).map((ip) => ({ ip })) },
  };
}

export const namespaceChange: fc.Arbitrary<RawChange> = fc
  .record({ key: fc.constantFrom("a", "b", "c"), labels })
  .map(({ key, labels: own }) => ({ kind: "Namespace" as const, key, object: { metadata: { labels: own } } }));

/** What is there whatever the policies: two nodes, and the ports of the pods on the first. */
export function ground(): readonly RawChange[] {
  return [
    nodeWith(node("n1", ["10.10.1.0/24", "fd10:1::/64"], ["172.18.0.1"]), "n1", []),
    node("n2", ["10.10.2.0/24", "fd10:2::/64"], ["172.18.0.2"]),
    ...LOCAL.map((pod) => port(`port${ofportOf(pod)}`, ofportOf(pod), addressesOf(pod), pod)),
  ];
}

/** Clusters of which the policies are about names. */
export const namingChanges = fc
  .tuple(
    fc.array(namespaceChange, { minLength: 2, maxLength: 3 }),
    fc.array(podChange, { minLength: 4, maxLength: 7 }),
    fc.array(namingPolicy, { minLength: 1, maxLength: 3 }),
    fc.array(domainChange, { minLength: 2, maxLength: 4 }),
  )
  .map((parts) => parts.flat());

export const clusterChanges = fc
  .tuple(
    fc.array(namespaceChange, { minLength: 2, maxLength: 3 }),
    fc.array(podChange, { minLength: 4, maxLength: 7 }),
    fc.array(policyChange, { minLength: 1, maxLength: 5 }),
    fc.array(clusterPolicyChange, { maxLength: 4 }),
    fc.array(domainChange, { maxLength: 3 }),
    fc.array(nodeChange, { maxLength: 1 }),
  )
  .map((parts) => parts.flat());
