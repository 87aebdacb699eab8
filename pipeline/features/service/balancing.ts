import type { Ip } from "#base/address.ts";
import type { Contribution } from "../../feature.ts";
import type { Backends } from "../../index/backends.ts";
import { REJECT_ADDRESS } from "../../layout/virtual-addresses.ts";
import { endpointsOf, leavingOf, type Place } from "../../model/endpoints.ts";
import type { Service, ServicePort, TrafficPolicy } from "../../model/service.ts";
import { groupKey } from "../../model/service-groups.ts";
import { rememberClients } from "./affinity.ts";
import { derivePassed, farEndpoints, type Peers, passOn } from "./direct.ts";
import { refuseFragments, takeFragments } from "./fragments.ts";
import { type Frontend, flowOf, frontendsOf, keyOf } from "./frontends.ts";
import { numberEndpoints, selectGroups, translateTo } from "./groups.ts";
import { deriveHostSide } from "./host-side.ts";
import { keepsLeaving, withLeaving } from "./leaving.ts";
import { divide, type Shares } from "./parts.ts";

/** This node. */
export interface Here extends Place {
  readonly addresses: readonly Ip[];
}

/** Everything that a service comes to: a flow for each address and port, a group for each set of endpoints. */
export function deriveService(
  service: Service,
  backends: Backends,
  here: Here,
  peers: Peers | undefined,
): readonly Contribution[] {
  const slices = backends.slicesOf(keyOf(service));
  const contributions: Contribution[] = [];
  const groups = new Map<string, readonly Contribution[]>();
  for (const frontend of frontendsOf(service, here.addresses)) {
    const { port, family, scope } = frontend;
    const find = (within: TrafficPolicy) => endpointsOf(port, family, slices, here, within);
    const endpoints = find(scope);
    if (endpoints.length === 0) {
      const isElsewhere = scope === "Local" && find("Cluster").length > 0;
      contributions.push(...(isElsewhere ? [flowOf(frontend, "services/local", [])] : refuse(service, frontend)));
      continue;
    }
    const far = frontend.isDirect && peers ? farEndpoints(frontend, slices, here, peers) : undefined;
    const key = groupKey(service, { port, family, scope: far ? "Direct" : scope });
    const shares = divide(key, numberEndpoints(endpoints), backends.groupId);
    if (shares === undefined) {
      contributions.push(
        ...refuse(service, frontend),
        problem(service, port, "has no number left for its group; rename the service, or the port"),
      );
      continue;
    }
    if (shares.left > 0) contributions.push(tooMany(service, port, shares.left));
    if (!groups.has(key)) {
      const leaving = keepsLeaving(service, port) ? leavingOf(port, family, slices, here, scope) : [];
      const near = far ? leaving.filter(({ ip }) => !far.endpoints.some((one) => one.ip === ip)) : leaving;
      groups.set(key, withLeaving(selectGroups(service, port, family, shares, far?.has), endpoints, near));
    }
    const served = far ? passOn(service, frontend, shares, far) : serve(service, frontend, shares);
    contributions.push(...served, ...takeFragments(service, frontend, endpoints, here));
  }
  return [
    ...contributions,
    ...[...groups.values()].flat(),
    ...deriveHostSide(service, here.addresses),
    ...(peers ? derivePassed(service, backends, here, peers) : []),
  ];
}

function serve(service: Service, frontend: Frontend, { groupId, parts }: Shares): readonly Contribution[] {
  const { affinityTimeout } = service;
  if (affinityTimeout === undefined) return [flowOf(frontend, "services/balance", [{ type: "group", groupId }])];
  const endpoints = parts.flatMap((part) => part.endpoints);
  return rememberClients(service, frontend, groupId, endpoints, affinityTimeout);
}

/** The host refuses it. That it is committed makes the refusal an answer of the service's address. */
function refuse(service: Service, frontend: Frontend): readonly Contribution[] {
  const to = { ip: REJECT_ADDRESS[frontend.family], port: undefined };
  return [flowOf(frontend, "services/reject", [translateTo(to)]), ...refuseFragments(service, frontend, to)];
}

function problem(service: Service, { port, protocol }: ServicePort, message: string): Contribution {
  const i = service.ports.findIndex((one) => one.port === port && one.protocol === protocol);
  return {
    target: "problem",
    owner: { kind: "Service", name: keyOf(service) },
    problem: { source: "services", object: `Service ${keyOf(service)}`, field: `spec.ports[${i}]`, message },
  };
}

function tooMany(service: Service, port: ServicePort, left: number): Contribution {
  const message = `has ${left} endpoints more than its groups can hold, and these get nothing: let several services share them`;
  return problem(service, port, message);
}
