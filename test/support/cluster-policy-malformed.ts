/** ClusterNetworkPolicies that are not as the API has them, or as a later version of it may: each has one thing wrong in it. */

type Random = () => number;

/** `domainNames` and named ports of nodes and networks are known to be wrong elsewhere. */
const GARBAGE: readonly unknown[] = [null, 7, "x", true, [], {}, [[]], [null], { a: 1 }, -1, 1.5, "", "0", [{}]];

type Rule = { readonly action: string; readonly [field: string]: unknown };
type Place = (garbage: unknown, action: string) => Readonly<Record<string, unknown>>;

const ALL = { namespaces: {} };
const ingress = (...rules: readonly Rule[]) => ({ subject: ALL, ingress: rules });
const egress = (...rules: readonly Rule[]) => ({ subject: ALL, egress: rules });
const egressTo = (action: string, peer: unknown) => egress({ action, to: [peer] });
const egressAt = (action: string, protocol: unknown) => egress({ action, to: [ALL], protocols: [protocol] });

/** Each of these puts the garbage in one place of a rule that is sound otherwise. */
export const PLACES_OF_RULES: Readonly<Record<string, Place>> = {
  from: (garbage, action) => ingress({ action, from: garbage }),
  "peer of ingress": (garbage, action) => ingress({ action, from: [garbage] }),
  "unknown peer of ingress": (garbage, action) => ingress({ action, from: [ALL, { serviceAccounts: garbage }] }),
  "nodes in ingress": (garbage, action) => ingress({ action, from: [{ nodes: garbage ?? {} }] }),
  to: (garbage, action) => egress({ action, to: garbage }),
  peer: (garbage, action) => egressTo(action, garbage),
  "two in one peer": (garbage, action) => egressTo(action, { namespaces: {}, nodes: garbage ?? {} }),
  namespaces: (garbage, action) => egressTo(action, { namespaces: garbage }),
  matchLabels: (garbage, action) => egressTo(action, { namespaces: { matchLabels: garbage } }),
  pods: (garbage, action) => egressTo(action, { pods: garbage }),
  podSelector: (garbage, action) => egressTo(action, { pods: { podSelector: garbage } }),
  networks: (garbage, action) => egressTo(action, { networks: garbage }),
  network: (garbage, action) => egressTo(action, { networks: ["10.0.0.0/8", garbage] }),
  protocols: (garbage, action) => egress({ action, to: [ALL], protocols: garbage }),
  protocol: (garbage, action) => egressAt(action, garbage),
  "unknown protocol": (garbage, action) => egressAt(action, { icmp: garbage }),
  destinationPort: (garbage, action) => egressAt(action, { tcp: { destinationPort: garbage } }),
  number: (garbage, action) => egressAt(action, { udp: { destinationPort: { number: garbage } } }),
  range: (garbage, action) => egressAt(action, { tcp: { destinationPort: { range: garbage } } }),
  end: (garbage, action) => egressAt(action, { tcp: { destinationPort: { range: { start: 90, end: garbage } } } }),
  destinationNamedPort: (garbage, action) => egressAt(action, { destinationNamedPort: garbage }),
  "field of a rule": (garbage, action) => egress({ action, to: [ALL], until: garbage }),
};

/** Of a policy around its rules. */
export const PLACES_AROUND: Readonly<Record<string, Place>> = {
  tier: (garbage, action) => ({ ...egressTo(action, ALL), tier: garbage }),
  priority: (garbage, action) => ({ ...egressTo(action, ALL), priority: garbage }),
  subject: (garbage, action) => ({ ...egressTo(action, ALL), subject: garbage }),
  "subject's namespaces": (garbage, action) => ({ ...egressTo(action, ALL), subject: { namespaces: garbage } }),
  "field of a policy": (garbage, action) => ({ ...egressTo(action, ALL), until: garbage }),
};

/** Specs of which each rule, were it sound, would accept. */
export function malformedClusterSpecs(count: number, random: Random): readonly object[] {
  const places = Object.values({ ...PLACES_OF_RULES, ...PLACES_AROUND });
  return Array.from({ length: count }, (_, i) => {
    const garbage = GARBAGE[Math.floor(random() * GARBAGE.length)];
    return { tier: "Admin", priority: i % 1001, ...places[i % places.length]!(garbage, "Accept") };
  });
}
