import { familyOf, type Ip, type IpFamily } from "#base/address.ts";
import type { Service, ServicePort, TrafficPolicy } from "./service.ts";

/** One set of endpoints that share connections. */
export interface GroupName {
  readonly port: ServicePort;
  readonly family: IpFamily;
  readonly scope: TrafficPolicy;
}

/** "default/web/http/4/Cluster". */
export function groupKey({ namespace, name }: Pick<Service, "namespace" | "name">, group: GroupName): string {
  return [namespace, name, group.port.name, group.family, group.scope].join("/");
}

/** Those that a service may need, whatever endpoints it has. */
export function groupsOf(service: Service): readonly GroupName[] {
  const families = [...new Set(addressesOf(service).map(familyOf))].sort();
  return service.ports.flatMap((port) =>
    families.flatMap((family) => scopesOf(service).map((scope): GroupName => ({ port, family, scope }))),
  );
}

/** Clients within the cluster have any endpoint behind an address that is for clients outside of it. */
function scopesOf(service: Service): readonly TrafficPolicy[] {
  const { type, externalIps, internalTrafficPolicy, externalTrafficPolicy } = service;
  const isExternal = type !== "ClusterIP" || externalIps.length > 0;
  return [
    ...new Set(
      isExternal ? [internalTrafficPolicy, "Cluster" as const, externalTrafficPolicy] : [internalTrafficPolicy],
    ),
  ].sort();
}

function addressesOf({ clusterIps, externalIps, loadBalancerIps }: Service): readonly Ip[] {
  return [...clusterIps, ...externalIps, ...loadBalancerIps];
}
