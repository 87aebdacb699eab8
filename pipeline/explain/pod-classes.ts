import { type Cidr, cidrContains, familyOf, formatCidr, type Ip } from "#base/address.ts";
import { signatureOf } from "../index/selection.ts";
import type { Objects, Pod } from "../model/model.ts";
import {
  type ClusterPolicyPeer,
  DIRECTIONS,
  type PodSelection,
  policyId,
  rulesOf,
  selectionsNamedBy,
} from "../model/policy.ts";
import { containerPortKey } from "../model/protocol.ts";
import { type Cluster, hasNetwork } from "./cluster.ts";
import { isIn } from "./matching.ts";
import { policiesUnclear } from "./tiers.ts";
import { podName, policiesOf } from "./words.ts";

/** Pods that no policy tells from each other: what is said of one is said of all. */
export interface PodClass {
  readonly pods: readonly [Pod, ...Pod[]];
}

/** By the pod's name a text that two pods share only when no policy of the cluster can tell them apart. */
export function distinguish({ objects, podOf }: Cluster): ReadonlyMap<string, string> {
  const policies = policiesOf(objects);
  const selections = [...new Map(policies.flatMap(selectionsNamedBy).map((one) => [one.key, one])).values()];
  const networks = networksNamedBy(objects);
  const names = portNamesOf(objects);
  const selectedBy = new Map<string, string>();
  const isHostNetworkUsed = [...objects.Pod.values()].some(({ hostNetwork }) => hostNetwork);
  const signatures = new Map<string, string>();
  for (const [key, pod] of objects.Pod) {
    const labels = `${pod.namespace}/${signatureOf(pod.labels)}`;
    const selected = selectedBy.get(labels) ?? indicesOf(selections, (one: PodSelection) => isIn(one, pod, objects));
    selectedBy.set(labels, selected);
    const addresses = pod.ips.map(
      (ip) => `${familyOf(ip)}:${indicesOf(networks, (one: Cidr) => cidrContains(one, ip))}`,
    );
    const numbers = names.map((name) => pod.ports.get(name) ?? "");
    // Whoever is on the host's network is its node to the pods there, and to nobody else.
    const place = isHostNetworkUsed ? (pod.nodeName ?? "") : "";
    const unclear = DIRECTIONS.map((direction) =>
      policiesUnclear(objects, pod, direction).map((policy) => policyId(policy).name),
    );
    const isOrdinary = hasNetwork(pod) && pod.ips.every((ip) => podOf(ip) === pod);
    signatures.set(key, [selected, ...addresses, numbers, place, ...unclear, isOrdinary ? "" : key].join("|"));
  }
  return signatures;
}

/** The pods that can send and receive, in classes. Several sides of a comparison tell apart what one of them does. */
export function classifyPods(
  pods: Iterable<Pod>,
  ...sides: readonly ReadonlyMap<string, string>[]
): readonly PodClass[] {
  const classes = new Map<string, [Pod, ...Pod[]]>();
  for (const pod of pods) {
    const signature = sides.map((side) => side.get(podName(pod)) ?? "absent").join("\n");
    const known = classes.get(signature);
    if (known === undefined) classes.set(signature, [pod]);
    else known.push(pod);
  }
  return [...classes.values()].map((members) => ({ pods: members }));
}

/** The networks that peers name, what they take out, and the addresses of nodes and of names where peers are such, each once. */
export function networksNamedBy(...clusters: readonly Objects[]): readonly Cidr[] {
  const networks = clusters.flatMap((objects) =>
    policiesOf(objects)
      .flatMap((policy) => DIRECTIONS.flatMap((direction) => rulesOf(policy, direction)))
      .flatMap(({ peers }): readonly ClusterPolicyPeer[] => peers ?? [])
      .flatMap((peer) => {
        if (peer.type === "network") return [peer.cidr, ...peer.except];
        if (peer.type === "domain") return addressesOfNames(objects);
        return peer.type === "nodes" ? hostsOf(objects) : [];
      }),
  );
  return [...new Map(networks.map((network) => [formatCidr(network), network])).values()];
}

function hostsOf({ Node: nodes }: Objects): readonly Cidr[] {
  const addresses = [...nodes.values()].flatMap((node) => [...node.addresses, ...node.externalAddresses]);
  return addresses.map(hostNetwork);
}

function addressesOfNames({ Domain: domains }: Objects): readonly Cidr[] {
  return [...domains.values()].flatMap(({ addresses }) => addresses.map(hostNetwork));
}

function hostNetwork(address: Ip): Cidr {
  return { address, prefixLength: familyOf(address) === 4 ? 32 : 128 };
}

function portNamesOf(objects: Objects): readonly string[] {
  const names = policiesOf(objects).flatMap((policy) =>
    DIRECTIONS.flatMap((direction) =>
      rulesOf(policy, direction).flatMap(({ ports }) =>
        (ports ?? []).flatMap(({ protocol, port }) =>
          typeof port === "string" ? [containerPortKey(protocol, port)] : [],
        ),
      ),
    ),
  );
  return [...new Set(names)];
}

function indicesOf<T>(items: readonly T[], holds: (item: T) => boolean): string {
  return items.flatMap((item, i) => (holds(item) ? [i] : [])).join(",");
}
