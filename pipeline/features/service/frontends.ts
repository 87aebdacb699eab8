import { familyOf, formatIp, type Ip } from "#base/address.ts";
import type { Action } from "#openflow/actions.ts";
import type { MatchSpec } from "#openflow/match.ts";
import type { Contribution } from "../../feature.ts";
import { networkPriority, PRIORITY } from "../../layout/priorities.ts";
import { SOURCE } from "../../layout/registers.ts";
import type { Site } from "../../layout/sites.ts";
import type { TableName } from "../../layout/tables.ts";
import type { Service, ServicePort, TrafficPolicy } from "../../model/service.ts";
import type { Owner } from "../../owner.ts";
import { contributeFlow, fromNetwork, fromSource, toAddress } from "../vocabulary.ts";
import { PORT_FIELDS } from "./port-fields.ts";

/** One address and port to which clients of some kind come. */
export interface Frontend {
  readonly ip: Ip;
  readonly port: ServicePort;
  readonly scope: TrafficPolicy;
  readonly owner: Owner;
  readonly priority: number;
  readonly spec: MatchSpec;
}

/**
 * For clients within the cluster first, then for those who come through the gateway to addresses of the world outside. Of two
 * services with one address that has it which has it for its own: as clusterIP, then as externalIP, then from a balancer, where the
 * narrower range of clients counts.
 */
export function* frontendsOf(service: Service): Iterable<Frontend> {
  const { internalTrafficPolicy, externalTrafficPolicy } = service;
  for (const port of service.ports) {
    for (const ip of service.clusterIps)
      yield frontend(service, port, ip, "clusterIP", internalTrafficPolicy, PRIORITY.except, {});
    for (const { ip, part } of outsideAddresses(service))
      for (const { priority, from } of clientsOf(service, part, ip)) {
        const isInside = from === POD;
        yield frontend(service, port, ip, part, isInside ? "Cluster" : externalTrafficPolicy, priority, from);
      }
  }
}

const POD = fromSource(SOURCE.pod);
const GATEWAY = fromSource(SOURCE.gateway);

/** Each once, and none that is a clusterIP already. */
function outsideAddresses({ clusterIps, externalIps, loadBalancerIps }: Service) {
  const addresses = new Map<Ip, "externalIP" | "loadBalancer">();
  for (const ip of loadBalancerIps) addresses.set(ip, "loadBalancer");
  for (const ip of externalIps) addresses.set(ip, "externalIP");
  for (const ip of clusterIps) addresses.delete(ip);
  return [...addresses].map(([ip, part]) => ({ ip, part }));
}

/** Of a balancer's address those whom the service lets in, of its family. The others find no service there. */
function clientsOf({ sourceRanges }: Service, part: string, ip: Ip) {
  if (part === "externalIP") return [POD, GATEWAY].map((from) => ({ from, priority: PRIORITY.address }));
  const lowest = networkPriority(0);
  const ofFamily = sourceRanges?.filter(({ address }) => familyOf(address) === familyOf(ip));
  const outside = ofFamily?.map((range) => ({
    from: { ...GATEWAY, ...fromNetwork(range) },
    priority: networkPriority(range.prefixLength),
  }));
  return [{ from: POD, priority: lowest }, ...(outside ?? [{ from: GATEWAY, priority: lowest }])];
}

function frontend(
  service: Service,
  port: ServicePort,
  ip: Ip,
  part: string,
  scope: TrafficPolicy,
  priority: number,
  from: MatchSpec,
): Frontend {
  const { destination } = PORT_FIELDS[port.protocol]!;
  const words = port.name === "" ? `port ${port.port}` : `port ${port.name}`;
  return {
    ...{ ip, port, scope, priority },
    owner: { kind: "Service", name: keyOf(service), part: `${part} ${formatIp(ip)}, ${words}` },
    spec: { ...from, ...toAddress(ip), nw_proto: port.protocol, [destination]: port.port },
  };
}

export function flowOf(
  { owner, priority, spec }: Frontend,
  site: Site,
  actions: readonly Action[],
  table: TableName = "Service",
): Contribution {
  return contributeFlow([owner], site, table, priority, spec, actions);
}

export function keyOf({ namespace, name }: Pick<Service, "namespace" | "name">): string {
  return `${namespace}/${name}`;
}
