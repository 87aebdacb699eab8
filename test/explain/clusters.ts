import type fc from "fast-check";
import { type Cluster, readCluster } from "#pipeline/explain/cluster.ts";
import type { Packet } from "#pipeline/explain/evaluate.ts";
import type { RawChange } from "#pipeline/source.ts";
import { clusterChanges, ground } from "#test/pipeline/policy-clusters.ts";
import { packetsOfCluster } from "#test/pipeline/policy-packets.ts";

/** Random clusters with policies, as manifests would have them. */
export const clusters: fc.Arbitrary<Cluster> = clusterChanges.map((changes) => readCluster([...ground(), ...changes]));

export const PACKETS: readonly Packet[] = [...packetsOfCluster()];

/** Objects of a small shop, for tests that name what they expect. */
export function pod(key: string, labels: Readonly<Record<string, string>>, more: PodOptions = {}): RawChange {
  const { ips = [], ports = [], node = "n1", hostNetwork = false, phase = "Running" } = more;
  const object = {
    metadata: { labels },
    spec: { nodeName: node, hostNetwork, containers: [{ ports }] },
    status: { phase, podIPs: ips.map((ip) => ({ ip })) },
  };
  return { kind: "Pod", key, object };
}

interface PodOptions {
  readonly ips?: readonly string[];
  readonly ports?: readonly object[];
  readonly node?: string;
  readonly hostNetwork?: boolean;
  readonly phase?: string;
}

export function namespace(key: string, labels: Readonly<Record<string, string>> = {}): RawChange {
  return { kind: "Namespace", key, object: { metadata: { labels } } };
}

export function policy(key: string, spec: object): RawChange {
  return { kind: "NetworkPolicy", key, object: { metadata: {}, spec } };
}

/** A selector of one label. */
export function labelled(app: string): { readonly podSelector: object } {
  return { podSelector: { matchLabels: { app } } };
}
