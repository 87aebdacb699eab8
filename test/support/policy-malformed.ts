/** NetworkPolicies that no API server would let in, and some that it would: each has one thing wrong in it. */

type Random = () => number;

const GARBAGE: readonly unknown[] = [null, 7, "x", true, [], {}, [[]], [null], { a: 1 }, -1, 1.5, "", "0", [{}]];

/** Each of these puts the garbage in one place of a sound spec. */
const PLACES: Readonly<Record<string, (garbage: unknown) => object>> = {
  podSelector: (garbage) => ({ podSelector: garbage, ingress: [{}] }),
  matchLabels: (garbage) => ({ podSelector: { matchLabels: garbage }, ingress: [{}] }),
  matchExpressions: (garbage) => ({ podSelector: { matchExpressions: garbage }, ingress: [{}] }),
  requirement: (garbage) => ({ podSelector: { matchExpressions: [garbage] }, ingress: [{}] }),
  operator: (garbage) => ({ podSelector: { matchExpressions: [{ key: "app", operator: garbage, values: ["web"] }] } }),
  values: (garbage) => ({ podSelector: { matchExpressions: [{ key: "app", operator: "In", values: garbage }] } }),
  policyTypes: (garbage) => ({ podSelector: {}, policyTypes: garbage, ingress: [{}] }),
  policyType: (garbage) => ({ podSelector: {}, policyTypes: [garbage], egress: [{}] }),
  ingress: (garbage) => ({ podSelector: {}, policyTypes: ["Ingress"], ingress: garbage }),
  rule: (garbage) => ({ podSelector: {}, ingress: [garbage], egress: [garbage] }),
  from: (garbage) => ({ podSelector: {}, ingress: [{ from: garbage }] }),
  peer: (garbage) => ({ podSelector: {}, ingress: [{ from: [garbage] }] }),
  peerSelector: (garbage) => ({ podSelector: {}, ingress: [{ from: [{ podSelector: { matchLabels: garbage } }] }] }),
  namespaceSelector: (garbage) => ({ podSelector: {}, egress: [{ to: [{ namespaceSelector: garbage }] }] }),
  cidr: (garbage) => ({ podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: garbage } }] }] }),
  except: (garbage) => ({
    podSelector: {},
    ingress: [{ from: [{ ipBlock: { cidr: "10.0.0.0/8", except: garbage } }] }],
  }),
  exception: (garbage) => ({
    podSelector: {},
    ingress: [{ from: [{ ipBlock: { cidr: "::/0", except: [garbage] } }] }],
  }),
  ports: (garbage) => ({ podSelector: {}, ingress: [{ ports: garbage }] }),
  portEntry: (garbage) => ({ podSelector: {}, egress: [{ ports: [garbage] }] }),
  port: (garbage) => ({ podSelector: {}, ingress: [{ ports: [{ port: garbage }] }] }),
  endPort: (garbage) => ({ podSelector: {}, ingress: [{ ports: [{ port: 80, endPort: garbage }] }] }),
  protocol: (garbage) => ({ podSelector: {}, ingress: [{ ports: [{ protocol: garbage, port: 80 }] }] }),
  surplus: (garbage) => ({ podSelector: {}, ingress: [{ fromAll: garbage }], else: garbage }),
};

export function malformedSpecs(count: number, random: Random): readonly object[] {
  const places = Object.values(PLACES);
  return Array.from({ length: count }, (_, i) => {
    const garbage = GARBAGE[Math.floor(random() * GARBAGE.length)];
    return places[i % places.length]!(garbage);
  });
}
