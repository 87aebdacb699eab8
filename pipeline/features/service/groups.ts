import { formatIp, type Ip, type IpFamily } from "#base/address.ts";
import type { Action } from "#openflow/actions.ts";
import { match } from "#openflow/match.ts";
import type { Contribution } from "../../feature.ts";
import { fnv1a } from "../../index/conjunction-ids.ts";
import { ZONE } from "../../layout/conntrack.ts";
import { TABLES } from "../../layout/tables.ts";
import type { Endpoint } from "../../model/endpoints.ts";
import type { Service, ServicePort } from "../../model/service.ts";
import { setRegister } from "../vocabulary.ts";
import { PORT_FIELDS } from "./port-fields.ts";

/** An endpoint with the number of its bucket. */
export interface Bucketed extends Endpoint {
  readonly id: number;
}

/**
 * A bucket's number follows from its endpoint alone, and the switch chooses by numbers: when one comes or goes, no other's
 * connections have another choice (rendezvous hashing), and every node chooses alike.
 */
export function numberEndpoints(endpoints: readonly Endpoint[]): readonly Bucketed[] {
  const taken = new Set<number>();
  return endpoints.map((endpoint) => {
    let id = fnv1a(`${formatIp(endpoint.ip)} ${endpoint.port}`) >>> 1;
    while (taken.has(id)) id = (id + 1) >>> 0;
    taken.add(id);
    return { ...endpoint, id };
  });
}

/** Commits the connection with its destination, and goes on with the packet under that. */
export function translateTo({ ip, port }: { readonly ip: Ip; readonly port: number | undefined }): Action {
  const nat = { type: "dst", minAddress: ip, ...(port === undefined ? {} : { minPort: port }) } as const;
  return { type: "ct", commit: true, zone: ZONE, nat, table: TABLES.Endpoint.id };
}

export function selectGroup(
  groupId: number,
  service: Service,
  port: ServicePort,
  family: IpFamily,
  endpoints: readonly Bucketed[],
): Contribution {
  const keeps = service.affinityTimeout !== undefined;
  const buckets = endpoints.map((endpoint) => ({
    id: endpoint.id,
    weight: 1,
    actions: keeps ? settle(endpoint) : [translateTo(endpoint)],
  }));
  const { source, destination } = PORT_FIELDS[port.protocol]!;
  const addresses = family === 4 ? { ip_src: 0xffff_ffff, ip_dst: 0xffff_ffff } : { ipv6_src: ALL, ipv6_dst: ALL };
  const fields = match({ ...addresses, [source]: 0xffff, [destination]: 0xffff });
  const selection = { method: "hash", parameter: 0n, fields };
  const owner = { kind: "Service", name: `${service.namespace}/${service.name}` };
  return {
    target: "group",
    group: { groupId, type: "select", buckets, selection },
    site: "services/balance",
    owners: [owner],
  };
}

const ALL = (1n << 128n) - 1n;

/** With session affinity the choice is only noted: ServiceLearn has to know of it. */
function settle({ id }: Bucketed): readonly Action[] {
  return [
    setRegister("endpoint", id),
    setRegister("hasEndpoint", 1),
    { type: "resubmit", table: TABLES.ServiceLearn.id },
  ];
}
