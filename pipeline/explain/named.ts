import { formatIp, type Ip, isIpv4 } from "#base/address.ts";
import type { Cluster } from "./cluster.ts";
import type { End, EndSpec } from "./ends.ts";
import { outsideOf } from "./outside.ts";

/** "0.0.0.0/0" where a policy names it, less what others name. */
const ANYWHERE = ["0.0.0.0/0", "any other IPv4 address", "::/0", "any other IPv6 address"];

/**
 * The cluster for a question about a name: where nobody has told an address of it, it has one in each family that is nobody's, and
 * of which no policy speaks but by what it says of everywhere.
 */
export function withName(spec: EndSpec, cluster: Cluster): Cluster {
  if (spec.type !== "domain" || (cluster.objects.Domain.get(spec.name)?.addresses.length ?? 0) > 0) return cluster;
  const { objects, podOf } = cluster;
  const isTaken = (ip: Ip) => podOf(ip) !== undefined;
  const free = outsideOf(isTaken, objects).filter(({ name }) => ANYWHERE.includes(name));
  const domain = { name: spec.name, addresses: free.map(({ ip }) => ip), lapsed: [] };
  return {
    ...cluster,
    objects: { ...objects, Domain: new Map([...objects.Domain, [spec.name, domain]]) },
    imagined: spec.name,
  };
}

/** The name's addresses, one end each; or the name alone where these are none that anybody has told. */
export function endsOfName(name: string, { objects, podOf, imagined }: Cluster): readonly End[] {
  const ips = objects.Domain.get(name)?.addresses ?? [];
  if (imagined === name) return [{ ips, pod: undefined, name }];
  const sorted = [...ips].sort((a, b) => Number(isIpv4(b)) - Number(isIpv4(a)));
  return sorted.map((ip) => ({ ips: [ip], pod: podOf(ip), name: `${name} (${formatIp(ip)})` }));
}
