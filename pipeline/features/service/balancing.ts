import type { Ip } from "#base/address.ts";
import type { Contribution } from "../../feature.ts";
import type { Backends } from "../../index/backends.ts";
import { REJECT_ADDRESS } from "../../layout/virtual-addresses.ts";
import { type Endpoint, endpointsOf, type Place } from "../../model/endpoints.ts";
import type { Service, ServicePort, TrafficPolicy } from "../../model/service.ts";
import { groupKey } from "../../model/service-groups.ts";
import { rememberClients } from "./affinity.ts";
import { type Frontend, flowOf, frontendsOf, keyOf } from "./frontends.ts";
import { type Bucketed, numberEndpoints, selectGroup, translateTo } from "./groups.ts";
import { deriveHostSide } from "./host-side.ts";

/** So many buckets, of some 100 bytes each, are sure to fit into one message of 64 kB. */
const MOST_ENDPOINTS = 500;

/** This node. */
export interface Here extends Place {
  readonly addresses: readonly Ip[];
}

/** Everything that a service comes to: a flow for each address and port, a group for each set of endpoints. */
export function deriveService(service: Service, backends: Backends, here: Here): readonly Contribution[] {
  const slices = backends.slicesOf(keyOf(service));
  const contributions: Contribution[] = [];
  const groups = new Map<string, Contribution>();
  for (const frontend of frontendsOf(service, here.addresses)) {
    const { port, family, scope } = frontend;
    const find = (within: TrafficPolicy) => endpointsOf(port, family, slices, here, within);
    const endpoints = find(scope);
    if (endpoints.length === 0) {
      const isElsewhere = scope === "Local" && find("Cluster").length > 0;
      contributions.push(isElsewhere ? flowOf(frontend, "services/local", []) : refuse(frontend));
      continue;
    }
    const key = groupKey(service, { port, family, scope });
    const groupId = backends.groupId(key);
    if (groupId === undefined) {
      contributions.push(
        refuse(frontend),
        problem(service, port, "has no number left for its group; rename the service, or the port"),
      );
      continue;
    }
    const held = numberEndpoints(endpoints.slice(0, MOST_ENDPOINTS));
    if (endpoints.length > held.length) contributions.push(tooMany(service, port, endpoints));
    if (!groups.has(key)) groups.set(key, selectGroup(groupId, service, port, family, held));
    contributions.push(...serve(service, frontend, groupId, held));
  }
  return [...contributions, ...groups.values(), ...deriveHostSide(service, here.addresses)];
}

function serve(
  service: Service,
  frontend: Frontend,
  groupId: number,
  endpoints: readonly Bucketed[],
): readonly Contribution[] {
  if (service.affinityTimeout !== undefined)
    return rememberClients(service, frontend, groupId, endpoints, service.affinityTimeout);
  return [flowOf(frontend, "services/balance", [{ type: "group", groupId }])];
}

/** The host refuses it. That it is committed makes the refusal an answer of the service's address. */
function refuse(frontend: Frontend): Contribution {
  const to = { ip: REJECT_ADDRESS[frontend.family], port: undefined };
  return flowOf(frontend, "services/reject", [translateTo(to)]);
}

function problem(service: Service, { port, protocol }: ServicePort, message: string): Contribution {
  const i = service.ports.findIndex((one) => one.port === port && one.protocol === protocol);
  return {
    target: "problem",
    owner: { kind: "Service", name: keyOf(service) },
    problem: { source: "services", object: `Service ${keyOf(service)}`, field: `spec.ports[${i}]`, message },
  };
}

function tooMany(service: Service, port: ServicePort, endpoints: readonly Endpoint[]): Contribution {
  const message = `has ${endpoints.length} endpoints, more than the ${MOST_ENDPOINTS} that one group can hold; the others get nothing: let several services share them`;
  return problem(service, port, message);
}
