import { formatIp, type Ip, parseIp } from "#base/address.ts";
import { createEvaluator, isDenied, type PodOf } from "#pipeline/explain/evaluate.ts";
import { gatewayAddress } from "#pipeline/features/nodes.ts";
import type { Objects } from "#pipeline/model/model.ts";
import type { Allowed, Endpoint, Family, Pair } from "./matrix.ts";
import { PROBE_PORT } from "./prober.ts";

const ICMP = { 4: 1, 6: 58 } as const;
const TCP = 6;

/**
 * What the policies in the manifests say of each probe between these ends. Each end's node judges by what it knows: of a pod
 * elsewhere that is the address in its manifest's status, and a folder that has none tells of nobody.
 */
export function createVerdicts(objects: Objects, endpoints: readonly Endpoint[]): (pair: Pair) => Allowed {
  const askAt = new Map(
    endpoints.map((end) => [end.label, createEvaluator(objects, knownOn(end, endpoints, objects))]),
  );

  return ({ from, to, family }) => {
    const destination = parseIp(to.addresses[family] ?? "");
    const sources = sourcesOf(from, family, objects);
    const agree = (protocol: number, destinationPort: number | undefined): boolean | undefined => {
      if (destination === undefined) return undefined;
      const verdicts = sources.map((source) => {
        const packet = { source, destination, protocol, destinationPort };
        const leaves = !isDenied(askAt.get(from.label)?.(packet).egress);
        return leaves && !isDenied(askAt.get(to.label)?.(packet).ingress);
      });
      return verdicts.every((one) => one === verdicts[0]) ? verdicts[0] : undefined;
    };
    return { ping: agree(ICMP[family], undefined), tcp: agree(TCP, PROBE_PORT) };
  };
}

/** Whose address it is, as the node of that end knows it: its own pods, and whoever has a status. */
function knownOn(end: Endpoint, endpoints: readonly Endpoint[], objects: Objects): PodOf {
  const labels = new Map<string, string>();
  for (const [key, { ips }] of objects.Pod) for (const ip of ips) labels.set(formatIp(ip), key);
  for (const { kind, label, node, addresses } of endpoints)
    if (kind === "pod" && node === nodeOf(end))
      for (const address of Object.values(addresses)) labels.set(address, label);
  return (ip) => objects.Pod.get(labels.get(formatIp(ip)) ?? "");
}

function nodeOf({ kind, label, node }: Endpoint): string | undefined {
  return kind === "node" ? label : node;
}

/** A node's kernel chooses between its own address and that of weir-gw0. */
function sourcesOf({ kind, label, addresses }: Endpoint, family: Family, objects: Objects): readonly Ip[] {
  const own = parseIp(addresses[family] ?? "");
  const gateways = kind === "node" ? (objects.Node.get(label)?.podCidrs.map(gatewayAddress) ?? []) : [];
  return [...(own === undefined ? [] : [own]), ...gateways.filter((ip) => typeof ip === typeof own)];
}
