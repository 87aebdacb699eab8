import { formatIp, type Ip, type IpFamily } from "#base/address.ts";
import type { Action, NatSpec } from "#openflow/actions.ts";
import type { Bucket } from "#openflow/flow.ts";
import { type Match, match } from "#openflow/match.ts";
import type { Contribution } from "../../feature.ts";
import { fnv1a } from "../../index/conjunction-ids.ts";
import { ZONE } from "../../layout/conntrack.ts";
import { TABLES } from "../../layout/tables.ts";
import type { Endpoint } from "../../model/endpoints.ts";
import type { Service, ServicePort } from "../../model/service.ts";
import { setRegister } from "../vocabulary.ts";
import type { Shares } from "./parts.ts";
import { PORT_FIELDS } from "./port-fields.ts";

export const LARGEST_ID = 0x7fff_ffff;

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
    while (taken.has(id)) id = (id + 1) & LARGEST_ID;
    taken.add(id);
    return { ...endpoint, id };
  });
}

/** Commits the connection with its destination, and goes on with the packet under that. */
export function translateTo({ ip, port }: { readonly ip: Ip; readonly port: number | undefined }): Action {
  const nat: NatSpec =
    port === undefined ? { type: "dst", minAddress: ip } : { type: "dst", minAddress: ip, minPort: port };
  return { type: "ct", commit: true, zone: ZONE, nat, table: TABLES.Endpoint.id };
}

/** One group, or one for each part and one that chooses among these: by another sum of the same fields, or some would never be chosen. */
export function selectGroups(
  service: Service,
  port: ServicePort,
  family: IpFamily,
  { groupId, parts }: Shares,
  settles: (endpoint: Bucketed) => boolean = () => service.affinityTimeout !== undefined,
): readonly Contribution[] {
  const select = (number: number, parameter: bigint, buckets: readonly Bucket[]): Contribution => ({
    target: "group",
    group: {
      ...{ groupId: number, type: "select", buckets },
      selection: { method: "hash", parameter, fields: FIELDS.get(`${port.protocol}/${family}`)! },
    },
    site: "services/balance",
    owners: [{ kind: "Service", name: `${service.namespace}/${service.name}` }],
  });
  const groups = parts.map((part) => select(part.groupId, 0n, bucketsOf(part.endpoints, settles)));
  if (parts.some((part) => part.groupId === groupId)) return groups;
  const choices = parts.map((part) => ({
    ...{ id: part.number, weight: 1 },
    actions: [{ type: "group", groupId: part.groupId } as const],
  }));
  return [...groups, select(groupId, 1n, choices)];
}

function bucketsOf(endpoints: readonly Bucketed[], settles: (endpoint: Bucketed) => boolean): readonly Bucket[] {
  // What there are ten thousands of is written out: spread into each other, objects take twice the memory.
  return endpoints.map((endpoint) => {
    const actions = settles(endpoint) ? settle(endpoint) : [translateTo(endpoint)];
    return { id: endpoint.id, weight: 1, actions };
  });
}

const ALL = (1n << 128n) - 1n;
const ADDRESSES = {
  4: { ip_src: 0xffff_ffff, ip_dst: 0xffff_ffff },
  6: { ipv6_src: ALL, ipv6_dst: ALL },
} as const;

/** What tells connections of a protocol and a family apart; all groups of those share it. */
const FIELDS: ReadonlyMap<string, Match> = new Map(
  Object.entries(PORT_FIELDS).flatMap(([protocol, { source, destination }]) =>
    ([4, 6] as const).map((family): [string, Match] => [
      `${protocol}/${family}`,
      match({ ...ADDRESSES[family], [source]: 0xffff, [destination]: 0xffff }),
    ]),
  ),
);

/** Where it is to be remembered the choice is only noted: ServiceLearn has to know of it. */
function settle({ id }: Bucketed): readonly Action[] {
  return [
    setRegister("endpoint", id),
    setRegister("hasEndpoint", 1),
    { type: "resubmit", table: TABLES.ServiceLearn.id },
  ];
}
