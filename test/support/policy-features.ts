/** What a NetworkPolicy can say, each in a spec of its own, for the pods of policy-cluster.ts. */

const WEB = { matchLabels: { app: "web" } };
const API = { matchLabels: { app: "api" } };
const ofPods = (key: string, operator: string, ...values: readonly string[]) => ({
  matchExpressions: [{ key, operator, ...(values.length > 0 && { values }) }],
});
const ingress = (...rules: readonly object[]) => ({ podSelector: WEB, policyTypes: ["Ingress"], ingress: rules });
const egress = (...rules: readonly object[]) => ({ podSelector: WEB, policyTypes: ["Egress"], egress: rules });

export const FEATURES: Readonly<Record<string, object>> = {
  "nothing in either direction": { podSelector: {}, policyTypes: ["Ingress", "Egress"] },
  "no policyTypes and no rules isolate ingress": { podSelector: WEB },
  "no policyTypes but egress rules isolate both": { podSelector: WEB, egress: [{ to: [{ podSelector: API }] }] },
  "policyTypes without Ingress leave its rules out": {
    podSelector: WEB,
    policyTypes: ["Egress"],
    ingress: [],
    egress: [{}],
  },
  "a subject by an expression": { podSelector: ofPods("tier", "DoesNotExist"), ingress: [] },
  "an absent podSelector is of all pods": { policyTypes: ["Ingress"], ingress: [{ from: [{ podSelector: WEB }] }] },
  "an empty rule allows all": ingress({}),
  "an empty list of peers allows all, at a port": ingress({ from: [], ports: [{ port: 80 }] }),
  "ingress from pods of the namespace": ingress({ from: [{ podSelector: API }] }),
  "ingress from every pod of the namespace": ingress({ from: [{ podSelector: {} }] }),
  "ingress from every namespace": ingress({ from: [{ namespaceSelector: {} }] }),
  "namespaces that have a label, pods with one of some values": ingress({
    from: [{ namespaceSelector: ofPods("env", "Exists"), podSelector: ofPods("app", "In", "api", "web") }],
  }),
  "namespaces without a label, pods without a value": ingress({
    from: [{ namespaceSelector: ofPods("env", "DoesNotExist"), podSelector: ofPods("app", "NotIn", "db") }],
  }),
  "namespaces with one of some values, pods that have a label": ingress({
    from: [{ namespaceSelector: ofPods("team", "In", "blue", "green"), podSelector: ofPods("tier", "Exists") }],
  }),
  "namespaces without a value, pods without a label": ingress({
    from: [{ namespaceSelector: ofPods("team", "NotIn", "blue"), podSelector: ofPods("tier", "DoesNotExist") }],
  }),
  "several requirements at once": ingress({
    from: [
      {
        namespaceSelector: { matchLabels: { team: "red" }, ...ofPods("env", "In", "prod") },
        podSelector: { matchLabels: { app: "web" }, ...ofPods("tier", "NotIn", "back") },
      },
    ],
  }),
  "two peers and two rules": ingress(
    { from: [{ podSelector: API }, { namespaceSelector: { matchLabels: { team: "blue" } } }], ports: [{ port: 80 }] },
    { ports: [{ protocol: "UDP" }] },
  ),
  "ipBlocks with exceptions": ingress({
    from: [
      { ipBlock: { cidr: "0.0.0.0/0", except: ["10.10.2.0/24"] } },
      { ipBlock: { cidr: "fd10:10::/32", except: ["fd10:10:1::/64"] } },
    ],
  }),
  "ipBlocks of nodes and the outside": ingress({
    from: [{ ipBlock: { cidr: "172.18.0.254/32" } }, { ipBlock: { cidr: "fd10:10:2::1/128" } }],
  }),
  "a range of ports": ingress({
    ports: [
      { port: 81, endPort: 8079 },
      { protocol: "UDP", port: 1, endPort: 5352 },
    ],
  }),
  "ports by name": ingress({ ports: [{ port: "http" }, { protocol: "UDP", port: "dns" }] }),
  "a port's name with another protocol": ingress({ ports: [{ protocol: "UDP", port: "http" }] }),
  "egress to pods of the namespace": egress({ to: [{ podSelector: API }] }),
  "egress to namespaces by label, at a range of ports": egress({
    to: [{ namespaceSelector: { matchLabels: { team: "blue" } } }],
    ports: [{ port: 80, endPort: 90 }],
  }),
  "egress to ports by name": egress({
    to: [{ namespaceSelector: {}, podSelector: {} }],
    ports: [{ port: "http" }, { protocol: "UDP", port: "dns" }],
  }),
  "egress to whatever calls its port so": egress({ ports: [{ port: "http" }] }),
  "egress to the outside but for one network": egress({
    to: [{ ipBlock: { cidr: "0.0.0.0/0", except: ["10.10.0.0/16"] } }, { ipBlock: { cidr: "fd18::254/128" } }],
  }),
  "egress to one pod's address, and to a network around it but for it": egress(
    { to: [{ ipBlock: { cidr: "10.10.0.0/16", except: ["10.10.1.0/29"] } }], ports: [{ port: 80 }] },
    { to: [{ ipBlock: { cidr: "fd10:10:1::4/128" } }] },
  ),
  "egress at a port of UDP": egress({ ports: [{ protocol: "UDP", port: 5353 }] }),
};

/** Each two that are for the same pods, in the same directions, as the rules of one policy. */
export function pairsOfRules(): readonly object[] {
  return (["ingress", "egress"] as const).flatMap((direction) => {
    const alike = Object.values(FEATURES).flatMap((spec) => {
      const {
        podSelector,
        policyTypes,
        [direction]: rules,
      } = spec as {
        readonly podSelector?: unknown;
        readonly policyTypes?: readonly string[];
        readonly ingress?: readonly object[];
        readonly egress?: readonly object[];
      };
      const isOne = policyTypes?.length === 1 && policyTypes[0]?.toLowerCase() === direction;
      return podSelector === WEB && isOne && rules !== undefined && rules.length > 0 ? [{ ...spec, rules }] : [];
    });
    return alike.flatMap(({ rules, ...spec }, i) =>
      alike.slice(i + 1).map((other) => ({ ...spec, [direction]: [...rules, ...other.rules] })),
    );
  });
}

/** Each two of them once. */
export function pairsOfFeatures(): readonly (readonly [string, string])[] {
  const names = Object.keys(FEATURES);
  return names.flatMap((one, i) => names.slice(i + 1).map((other) => [one, other] as const));
}
