import { formatIp, type Ip, parseIp } from "#base/address.ts";
import { createEvaluator, isDenied } from "#pipeline/explain/evaluate.ts";
import { gatewayAddress } from "#pipeline/features/nodes.ts";
import type { Objects } from "#pipeline/model/model.ts";
import type { Allowed, Endpoint, Family, Pair } from "./matrix.ts";
import { PROBE_PORT } from "./prober.ts";

const ICMP = { 4: 1, 6: 58 } as const;
const TCP = 6;

/** What the policies in the manifests say of each probe between these ends; of a service, if they say the same of all behind it. */
export function createVerdicts(objects: Objects, endpoints: readonly Endpoint[]): (pair: Pair) => Allowed {
  const labels = new Map(
    endpoints
      .filter(({ kind }) => kind === "pod")
      .flatMap(({ label, addresses }) => Object.values(addresses).map((address) => [address, label] as const)),
  );
  const evaluate = createEvaluator(objects, (ip) => objects.Pod.get(labels.get(formatIp(ip)) ?? ""));

  return ({ from, to, family }) => {
    const behind = to.service?.backends.map((label) => endpoints.find((one) => one.label === label)) ?? [to];
    const destinations = behind.map((end) => parseIp(end?.addresses[family] ?? "")).filter((ip) => ip !== undefined);
    const sources = sourcesOf(from, family, objects);
    const agree = (protocol: number, destinationPort: number | undefined): boolean | undefined => {
      const verdicts = sources.flatMap((source) =>
        destinations.map((destination) => {
          const { egress, ingress } = evaluate({ source, destination, protocol, destinationPort });
          return !isDenied(egress) && !isDenied(ingress);
        }),
      );
      return verdicts.every((one) => one === verdicts[0]) ? verdicts[0] : undefined;
    };
    if (to.service === undefined) return { ping: agree(ICMP[family], undefined), tcp: agree(TCP, PROBE_PORT) };
    // A service with nobody behind it refuses.
    return { ping: undefined, tcp: destinations.length === 0 ? false : agree(TCP, PROBE_PORT) };
  };
}

/** A node's kernel chooses between its own address and that of weir-gw0. */
function sourcesOf({ kind, label, addresses }: Endpoint, family: Family, objects: Objects): readonly Ip[] {
  const own = parseIp(addresses[family] ?? "");
  const gateways = kind === "node" ? (objects.Node.get(label)?.podCidrs.map(gatewayAddress) ?? []) : [];
  return [...(own === undefined ? [] : [own]), ...gateways.filter((ip) => typeof ip === typeof own)];
}
