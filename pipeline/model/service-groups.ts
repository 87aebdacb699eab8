import { familyOf, type Ip, type IpFamily } from "#base/address.ts";
import type { Service, ServicePort, TrafficPolicy } from "./service.ts";

/** One set of endpoints that share connections. */
export interface GroupName {
  readonly port: ServicePort;
  readonly family: IpFamily;
  readonly scope: GroupScope;
}

/** Direct: for clients outside whose answers do not come back here. Passed: of this node, for those whom another has passed on. */
export type GroupScope = TrafficPolicy | "Direct" | "Passed";

/** "default/web/http/4/Cluster". */
export function groupKey({ namespace, name }: Pick<Service, "namespace" | "name">, group: GroupName): string {
  return [namespace, name, group.port.name, group.family, group.scope].join("/");
}

/**
 * So many buckets, of less than 100 bytes each, the switch can describe: a group has to fit into 64 kB, and though a larger one could
 * be made, bucket by bucket, whoever asks for its description gets one that breaks his connection.
 */
export const MOST_BUCKETS = 600;
const UNDIVIDED = 500;
const USUAL = 400;
const MOST_PARTS = 512;

/** Into how many parts, each a group, so many endpoints are divided: none, or a power of two, for what is in one is in none of another. */
export function countParts(endpoints: number): number {
  if (endpoints <= UNDIVIDED) return 0;
  return Math.min(2 ** Math.ceil(Math.log2(endpoints / USUAL)), MOST_PARTS);
}

/** "default/web/http/4/Cluster/3". */
export function partKey(key: string, part: number): string {
  return `${key}/${part}`;
}

/** Those that a service may need, whatever endpoints it has. */
export function groupsOf(service: Service): readonly GroupName[] {
  const families = [...new Set(addressesOf(service).map(familyOf))].sort();
  return service.ports.flatMap((port) =>
    families.flatMap((family) => scopesOf(service).map((scope): GroupName => ({ port, family, scope }))),
  );
}

/** Clients within the cluster have any endpoint behind an address that is for clients outside of it. */
function scopesOf(service: Service): readonly GroupScope[] {
  const { type, externalIps, internalTrafficPolicy, externalTrafficPolicy, loadBalancerMode } = service;
  const isExternal = type !== "ClusterIP" || externalIps.length > 0;
  const direct = loadBalancerMode === "dsr" ? (["Direct", "Passed"] as const) : [];
  return [
    ...new Set(
      isExternal ? [internalTrafficPolicy, "Cluster" as const, externalTrafficPolicy] : [internalTrafficPolicy],
    ),
    ...direct,
  ].sort();
}

function addressesOf({ clusterIps, externalIps, loadBalancerIps }: Service): readonly Ip[] {
  return [...clusterIps, ...externalIps, ...loadBalancerIps];
}
