import type { RawChange } from "#pipeline/source.ts";

/** Clusters by name, as on which policy engines are compared: so many namespaces, pods and policies. */
export interface Cluster {
  readonly name: string;
  readonly atMostMilliseconds: number;
  readonly atMostMegabytes: number;
  objects(): Iterable<RawChange>;
}

type LabelMap = Readonly<Record<string, string>>;

export const CLUSTERS: readonly Cluster[] = [
  {
    name: "25,000 namespaces x 4 pods x 3 policies",
    ...{ atMostMilliseconds: 2000, atMostMegabytes: 700 },
    objects: () => manyNamespaces({ namespaces: 25_000, apps: 2, podsPerApp: 2 }),
  },
  {
    name: "100 namespaces x 1,000 pods x 101 policies",
    ...{ atMostMilliseconds: 1000, atMostMegabytes: 600 },
    objects: () => manyNamespaces({ namespaces: 100, apps: 100, podsPerApp: 10 }),
  },
  {
    name: "10,000 pods, 10,000 policies that all select all",
    ...{ atMostMilliseconds: 800, atMostMegabytes: 300 },
    objects: () => oneNamespace(10_000, () => ({ app: "all" })),
  },
  {
    name: "10,000 pods, 10,000 policies of one pod each",
    ...{ atMostMilliseconds: 500, atMostMegabytes: 300 },
    objects: () => oneNamespace(10_000, (i) => ({ [`app-${i}`]: `scale-${i}` })),
  },
];

function* manyNamespaces(size: { readonly namespaces: number; readonly apps: number; readonly podsPerApp: number }) {
  for (let n = 0; n < size.namespaces; n++) yield namespace(`ns-${n}`);
  for (let n = 0; n < size.namespaces; n++)
    for (let i = 0; i < size.apps * size.podsPerApp; i++)
      yield pod(`ns-${n}/pod-${i}`, n * size.apps * size.podsPerApp + i, appLabels(i % size.apps));
  for (let n = 0; n < size.namespaces; n++) {
    yield policy(`ns-${n}/default-deny`, {}, []);
    for (let app = 0; app < size.apps; app++) yield policy(`ns-${n}/app-${app}`, appLabels(app), [appLabels(app)]);
  }
}

function* oneNamespace(size: number, labelsOf: (i: number) => LabelMap) {
  yield namespace("ns");
  for (let i = 0; i < size; i++) yield pod(`ns/pod-${i}`, i, labelsOf(i));
  for (let i = 0; i < size; i++) yield policy(`ns/policy-${i}`, labelsOf(i), [labelsOf(i)]);
}

function appLabels(app: number): LabelMap {
  return { [`app-${app}`]: `scale-${app}` };
}

function namespace(name: string): RawChange {
  return { kind: "Namespace", key: name, object: { metadata: { name, uid: name, labels: { app: name } } } };
}

function pod(key: string, number: number, labels: LabelMap): RawChange {
  const ip = `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
  const metadata = { uid: `uid-${key}`, labels, creationTimestamp: "2026-01-31T12:00:00Z" };
  const spec = { nodeName: `node-${number % 100}`, containers: [{}] };
  return { kind: "Pod", key, object: { metadata, spec, status: { phase: "Running", podIPs: [{ ip }] } } };
}

/** In from pods of its own namespace; without any it denies. */
function policy(key: string, labels: LabelMap, peers: readonly LabelMap[]): RawChange {
  const from = peers.map((matchLabels) => ({ podSelector: { matchLabels } }));
  const ingress = from.length === 0 ? [] : [{ from }];
  const spec = { podSelector: { matchLabels: labels }, policyTypes: ["Ingress"], ingress };
  return { kind: "NetworkPolicy", key, object: { metadata: { uid: `uid-${key}`, generation: 1 }, spec } };
}
