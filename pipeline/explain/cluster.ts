import { addToIp, type Cidr, cidrContains, formatIp, type Ip, parseCidr } from "#base/address.ts";
import { gatewayAddress } from "../features/nodes.ts";
import type { Objects, Pod, View } from "../model/model.ts";
import { podNetworks } from "../model/pod-networks.ts";
import { podKeyOf } from "../model/pod-of-port.ts";
import { createModelStore } from "../model/store.ts";
import type { Problem } from "../problem.ts";
import type { RawChange } from "../source.ts";
import { assumeServices } from "./assume-services.ts";
import type { PodOf } from "./evaluate.ts";

/** The objects of manifests, ready to be asked about. */
export interface Cluster {
  readonly objects: Objects & Pick<View, "backends" | "ignoredServices">;
  readonly podOf: PodOf;
  /** What is wrong with the objects. */
  readonly problems: readonly Problem[];
  /** What no manifest tells and was made up: "pod default/web: address 10.10.1.2". */
  readonly assumptions: readonly string[];
  /** A name of which nobody has told an address: see named.ts. */
  readonly imagined?: string;
}

/** Where a pod is put of which nothing tells a network: most clusters' pods are somewhere in 10.0.0.0/8. */
const SOMEWHERE: Cidr = parseCidr("10.192.0.0/10")!;

/** Pods that have no address yet get a free one of their node's podCIDRs; services get addresses and endpoints. */
export function readCluster(changes: readonly RawChange[]): Cluster {
  const store = createModelStore([]);
  store.apply({ source: "manifests", synced: true, changes });
  const problems = [...store.problems.values()].flat();
  const { view } = store;
  const assumed = assumeAddresses(view);
  const raw = new Map(changes.map((change) => [`${change.kind} ${change.key}`, change.object]));
  store.apply({
    source: "assumed",
    synced: true,
    changes: [...assumed].map(([key, ips]) => ({
      kind: "Pod",
      key,
      object: withAddresses(raw.get(`Pod ${key}`), ips),
    })),
  });
  const services = assumeServices(changes, view);
  store.apply({ source: "assumed", synced: true, changes: services.changes });
  const ofPods = [...assumed].map(([key, ips]) => `pod ${key}: address ${ips.map(formatIp).join(", ")}`);
  return {
    ...clusterOf(view),
    problems: [...problems, ...sharedAddresses(view)],
    assumptions: [...ofPods, ...services.assumptions],
  };
}

/** A node's own view. Its pods have the addresses of their ports where no status tells any. */
export function clusterOf(view: View): Cluster {
  const ipsOfPorts = new Map([...view.Port.values()].map((port) => [podKeyOf(port), port.ips]));
  const withAddress = (key: string, pod: Pod): Pod => {
    const ips = pod.ips.length === 0 ? ipsOfPorts.get(key) : undefined;
    return ips === undefined ? pod : { ...pod, ips };
  };
  const pods = new Map([...view.Pod].map(([key, pod]) => [key, withAddress(key, pod)]));
  return {
    objects: { ...view, Pod: pods },
    podOf: (ip) => pods.get(view.selections.podOf(ip) ?? ""),
    problems: [],
    assumptions: [],
  };
}

function assumeAddresses({ Pod: pods, Node: nodes }: Objects): ReadonlyMap<string, readonly Ip[]> {
  const taken = new Set([...pods.values()].flatMap(({ ips }) => ips));
  const next = new Map<Ip, Ip>();
  const assumed = new Map<string, readonly Ip[]>();
  for (const key of [...pods.keys()].sort()) {
    const { ips, hostNetwork, nodeName } = pods.get(key)!;
    if (ips.length > 0) continue;
    const node = nodes.get(nodeName ?? "");
    const networks = podNetworks(node);
    const own = hostNetwork
      ? (node?.addresses ?? [])
      : (networks.length > 0 ? networks : [SOMEWHERE]).flatMap((cidr) => takeFree(cidr, taken, next));
    if (own.length > 0) assumed.set(key, own);
  }
  return assumed;
}

/** The next address behind those that were taken from the network before; none where it is full. */
function takeFree(cidr: Cidr, taken: Set<Ip>, next: Map<Ip, Ip>): readonly Ip[] {
  let candidate = next.get(cidr.address) ?? addToIp(gatewayAddress(cidr), 1);
  while (taken.has(candidate)) candidate = addToIp(candidate, 1);
  next.set(cidr.address, candidate);
  if (!cidrContains(cidr, candidate)) return [];
  taken.add(candidate);
  return [candidate];
}

function withAddresses(object: unknown, ips: readonly Ip[]): unknown {
  const { status, ...rest } = object as { readonly status?: object };
  return { ...rest, status: { ...status, podIPs: ips.map((ip) => ({ ip: formatIp(ip) })) } };
}

/** Who has an address decides what is said of it: of a pod that shares its own with a younger one nothing can be told. */
function sharedAddresses(view: View): Problem[] {
  return [...view.Pod].flatMap(([key, pod]) =>
    pod.ips.flatMap((ip, i) => {
      const owner = view.selections.podOf(ip);
      if (owner === key || !hasNetwork(pod)) return [];
      const message = `is ${formatIp(ip)}, which is pod ${owner}'s address as well; one pod at an address is expected`;
      return [{ source: "manifests", object: `Pod ${key}`, field: `status.podIPs[${i}].ip`, message }];
    }),
  );
}

/** Policies are for pods that have a network of their own and have not ended. */
export function hasNetwork({ hostNetwork, completed }: Pod): boolean {
  return !hostNetwork && !completed;
}
