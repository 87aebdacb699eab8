import { formatIp, type Ip } from "#base/address.ts";
import type { Contribution } from "../../feature.ts";
import { fnv1a } from "../../index/conjunction-ids.ts";
import type { Endpoint, Place } from "../../model/endpoints.ts";
import { PROTOCOLS } from "../../model/protocol.ts";
import type { Service } from "../../model/service.ts";
import { toAddress } from "../vocabulary.ts";
import { type Frontend, flowOf } from "./frontends.ts";
import { translateTo } from "./groups.ts";

/** nw_frag as ovs-fields(7) has it; in IPv6 the protocol of what they are fragments of stands in the first alone. */
const FRAGMENT = { first: 1, later: 3 } as const;
const IPV6_FRAGMENT = 44;

type Target = Parameters<typeof translateTo>[0];

/**
 * Datagrams that begin a connection and come in fragments. The userspace datapath translates them as the last fragment to come
 * says, which has no port: so all of them go to one endpoint, and only where the address has no other port of UDP. The kernel's has
 * put them together before they come here.
 */
export function takeFragments(
  service: Service,
  frontend: Frontend,
  endpoints: readonly Endpoint[],
  place: Place,
): readonly Contribution[] {
  const [first] = endpoints;
  if (first === undefined || !isAlone(service, frontend)) return [];
  const score = ({ ip, port }: Endpoint): number => fnv1a(`${place.nodeName} ${formatIp(ip)} ${port}`);
  const best = endpoints.reduce((one, other) => (score(other) > score(one) ? other : one), first);
  const before = { ...frontend, priority: priorityOf(frontend), spec: { ...frontend.spec, ip_frag: FRAGMENT.first } };
  return [flowOf(before, "services/fragments", [translateTo(best)]), laterFragments(frontend, best)];
}

/** The same where there is none: the first ones are refused as everything is. */
export function refuseFragments(service: Service, frontend: Frontend, to: Target): readonly Contribution[] {
  return isAlone(service, frontend) ? [laterFragments(frontend, to)] : [];
}

/** Before what is said of all that comes to the frontend. */
function priorityOf({ priority }: Frontend): number {
  return priority + 1;
}

/** An address of its own, which several services never share, with one port of UDP. */
function isAlone({ clusterIps, ports }: Service, frontend: Frontend): frontend is Frontend & { readonly ip: Ip } {
  const { ip, port } = frontend;
  const { UDP } = PROTOCOLS;
  return (
    port.protocol === UDP &&
    ip !== undefined &&
    clusterIps.includes(ip) &&
    ports.filter(({ protocol }) => protocol === UDP).length === 1
  );
}

function laterFragments(frontend: Frontend & { readonly ip: Ip }, to: Target): Contribution {
  const { family, port, ip } = frontend;
  const nw_proto = family === 4 ? port.protocol : IPV6_FRAGMENT;
  const later = {
    ...{ ...frontend, priority: priorityOf(frontend) },
    spec: { ...toAddress(ip), nw_proto, ip_frag: FRAGMENT.later },
  };
  return flowOf(later, "services/fragments", [translateTo(to)]);
}
