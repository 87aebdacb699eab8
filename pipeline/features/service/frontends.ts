import { familyOf, formatIp, type Ip } from "#base/address.ts";
import type { Action } from "#openflow/actions.ts";
import { type MatchSpec, match } from "#openflow/match.ts";
import type { Contribution } from "../../feature.ts";
import { PRIORITY } from "../../layout/priorities.ts";
import { SOURCE } from "../../layout/registers.ts";
import type { Site } from "../../layout/sites.ts";
import { TABLES, type TableName } from "../../layout/tables.ts";
import type { Service, ServicePort, TrafficPolicy } from "../../model/service.ts";
import type { Owner } from "../../owner.ts";
import { fromNetwork, fromSource, toAddress } from "../vocabulary.ts";
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

/** For clients within the cluster first, then for those who come through the gateway to addresses of the world outside. */
export function* frontendsOf(service: Service): Iterable<Frontend> {
  for (const port of service.ports) {
    const at = (
      ip: Ip,
      scope: TrafficPolicy,
      part: string,
      from: MatchSpec = {},
      priority: number = PRIORITY.address,
    ) => ({
      ...{ ip, port, scope, priority },
      owner: { kind: "Service", name: keyOf(service), part: `${part} ${formatIp(ip)}, ${portWords(port)}` },
      spec: {
        ...from,
        ...toAddress(ip),
        nw_proto: port.protocol,
        [PORT_FIELDS[port.protocol]!.destination]: port.port,
      },
    });
    for (const ip of service.clusterIps) yield at(ip, service.internalTrafficPolicy, "clusterIP");
    const outside = new Set(service.clusterIps);
    for (const [part, ips] of [
      ["externalIP", service.externalIps],
      ["loadBalancer", service.loadBalancerIps],
    ] as const)
      for (const ip of ips) {
        if (outside.has(ip)) continue;
        outside.add(ip);
        yield at(ip, "Cluster", part, fromSource(SOURCE.pod));
        for (const from of clientsOf(service, part, ip))
          yield at(ip, service.externalTrafficPolicy, part, { ...fromSource(SOURCE.gateway), ...from });
      }
  }
}

/** Of a balancer's address those whom the service lets in, of its family. The others find no service there. */
function clientsOf({ sourceRanges }: Service, part: string, ip: Ip): readonly MatchSpec[] {
  if (part !== "loadBalancer" || sourceRanges === undefined) return [{}];
  return sourceRanges.filter(({ address }) => familyOf(address) === familyOf(ip)).map(fromNetwork);
}

export function flowOf(
  { owner, priority, spec }: Frontend,
  site: Site,
  actions: readonly Action[],
  table: TableName = "Service",
): Contribution {
  return {
    target: "flow",
    flow: { table: TABLES[table].id, priority, match: match(spec), actions },
    site,
    owners: [owner],
  };
}

export function keyOf({ namespace, name }: Pick<Service, "namespace" | "name">): string {
  return `${namespace}/${name}`;
}

function portWords({ name, port }: ServicePort): string {
  return name === "" ? `port ${port}` : `port ${name}`;
}
