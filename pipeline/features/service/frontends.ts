import { familyOf, formatIp, type Ip, type IpFamily } from "#base/address.ts";
import type { Action } from "#openflow/actions.ts";
import type { MatchSpec } from "#openflow/match.ts";
import type { Contribution } from "../../feature.ts";
import { networkPriority, PRIORITY } from "../../layout/priorities.ts";
import type { Site } from "../../layout/sites.ts";
import type { TableName } from "../../layout/tables.ts";
import { PROTOCOLS } from "../../model/protocol.ts";
import type { Service, ServicePort, TrafficPolicy } from "../../model/service.ts";
import type { Owner } from "../../owner.ts";
import { alsoMatchRegister, contributeFlow, ethTypeOf, fromNetwork, matchRegister, toAddress } from "../vocabulary.ts";
import { PORT_FIELDS } from "./port-fields.ts";

/** One place to which clients of some kind come. */
export interface Frontend {
  /** The address to which they come; undefined of a port that is at every address of the node. */
  readonly ip?: Ip;
  readonly family: IpFamily;
  readonly port: ServicePort;
  readonly scope: TrafficPolicy;
  readonly owner: Owner;
  readonly priority: number;
  readonly spec: MatchSpec;
  /** Its clients may get their answers from other nodes than this one. */
  readonly isDirect?: boolean;
}

type Place = Omit<Frontend, "scope">;

/**
 * Of two services with one address that has it which has it for its own: as clusterIP, then as externalIP, then from a balancer,
 * where the narrower range of clients counts.
 */
export function* frontendsOf(service: Service, ownAddresses: readonly Ip[]): Iterable<Frontend> {
  for (const port of service.ports) {
    for (const ip of service.clusterIps)
      yield { ...placeAt(service, port, ip, "clusterIP", PRIORITY.except), scope: service.internalTrafficPolicy };
    for (const { ip, part } of outsideAddresses(service)) {
      const clients = part === "externalIP" ? EVERYBODY : letIn(service, ip);
      for (const { priority, from } of clients) {
        const { spec, ...place } = placeAt(service, port, ip, part, priority);
        const isOwn = ownAddresses.includes(ip);
        yield* forClients(
          service,
          { ...place, spec: { ...spec, ...from } },
          !isOwn && canAnswerDirectly(service, port),
        );
        // The host leads it here as it does NodePorts.
        if (isOwn) yield* forClients(service, { ...place, spec: { ...toOwnPort(ip, port, port.port), ...from } });
      }
    }
    for (const place of nodePorts(service, port)) yield* forClients(service, place);
  }
}

interface Clients {
  readonly from: MatchSpec;
  readonly priority: number;
}

const EVERYBODY: readonly Clients[] = [{ from: {}, priority: PRIORITY.address }];

/** Whoever comes there, once for each port and address that is not the node's. */
export function outsidePlaces(service: Service, ownAddresses: readonly Ip[]): readonly Frontend[] {
  const addresses = outsideAddresses(service).filter(({ ip }) => !ownAddresses.includes(ip));
  return service.ports.flatMap((port) =>
    addresses.map(({ ip, part }): Frontend => {
      return { ...placeAt(service, port, ip, part, PRIORITY.address), scope: "Local" };
    }),
  );
}

/** Each once, and none that is a clusterIP already. */
export function outsideAddresses({ clusterIps, externalIps, loadBalancerIps }: Service) {
  const addresses = new Map<Ip, "externalIP" | "loadBalancer">();
  for (const ip of loadBalancerIps) addresses.set(ip, "loadBalancer");
  for (const ip of externalIps) addresses.set(ip, "externalIP");
  for (const ip of clusterIps) addresses.delete(ip);
  return [...addresses].map(([ip, part]) => ({ ip, part }));
}

/** Clients in the cluster have any endpoint, whatever the policy for those outside of it. */
function forClients({ externalTrafficPolicy }: Service, place: Place, isDirect = false): readonly Frontend[] {
  if (externalTrafficPolicy === "Cluster" && !isDirect) return [{ ...place, scope: "Cluster" }];
  const of = (isOutside: 0 | 1, scope: TrafficPolicy): Frontend => {
    const spec = alsoMatchRegister(place.spec, "isOutside", isOutside);
    return { ...place, scope, spec };
  };
  return [of(0, "Cluster"), isDirect ? { ...of(1, "Cluster"), isDirect } : of(1, "Local")];
}

/** Of SCTP the userspace datapath knows no ports. */
export function canAnswerDirectly({ loadBalancerMode }: Service, { protocol }: ServicePort): boolean {
  return loadBalancerMode === "dsr" && (protocol === PROTOCOLS.TCP || protocol === PROTOCOLS.UDP);
}

/** Of a balancer's address those whom the service lets in, of its family. The others find no service there. */
function letIn({ sourceRanges }: Service, ip: Ip): readonly Clients[] {
  if (sourceRanges === undefined) return [{ from: {}, priority: networkPriority(0) }];
  return sourceRanges
    .filter(({ address }) => familyOf(address) === familyOf(ip))
    .map((range) => ({ from: fromNetwork(range), priority: networkPriority(range.prefixLength) }));
}

function placeAt(service: Service, port: ServicePort, ip: Ip, kind: string, priority: number): Place {
  const spec = { ...toAddress(ip), ...toPort(port, port.port) };
  return {
    ...{ ip, family: familyOf(ip), port, priority, spec },
    owner: ownerOf(service, port, `${kind} ${formatIp(ip)}`),
  };
}

/** On every address of the node that has them, for each family in which the service has an address. */
function nodePorts(service: Service, port: ServicePort): readonly Place[] {
  const { nodePort } = port;
  if (service.type === "ClusterIP" || nodePort === undefined) return [];
  const owner = ownerOf(service, port, `nodePort ${nodePort}`);
  return [...new Map(service.clusterIps.map((ip) => [familyOf(ip), ip]))].map(([family, ip]) => {
    return { family, port, priority: PRIORITY.port, owner, spec: toOwnPort(ip, port, nodePort) };
  });
}

function toOwnPort(ip: Ip, port: ServicePort, number: number): MatchSpec {
  return { ...matchRegister("toNodePort", 1), eth_type: ethTypeOf(familyOf(ip)), ...toPort(port, number) };
}

function toPort({ protocol }: ServicePort, number: number): MatchSpec {
  return { nw_proto: protocol, [PORT_FIELDS[protocol]!.destination]: number };
}

function ownerOf(service: Service, port: ServicePort, place: string): Owner {
  const words = port.name === "" ? `port ${port.port}` : `port ${port.name}`;
  return { kind: "Service", name: keyOf(service), part: `${place}, ${words}` };
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
