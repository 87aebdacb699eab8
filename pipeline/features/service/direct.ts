import type { Ip } from "#base/address.ts";
import type { Action } from "#openflow/actions.ts";
import { LOAD_BALANCER_MODE } from "../../address-pools/names.ts";
import type { Contribution } from "../../feature.ts";
import type { Backends } from "../../index/backends.ts";
import { PORTS, ROUTER_MAC } from "../../layout/ports.ts";
import { PRIORITY } from "../../layout/priorities.ts";
import { SOURCE } from "../../layout/registers.ts";
import { type Endpoint, endpointsOf, judgeEndpoints, leavingOf, type Place } from "../../model/endpoints.ts";
import { PROTOCOLS } from "../../model/protocol.ts";
import type { EndpointSlice, Service } from "../../model/service.ts";
import { groupKey } from "../../model/service-groups.ts";
import { addressTunnel } from "../nodes.ts";
import { ctState, fromSource, goto, readdress, STATE, setRegister } from "../vocabulary.ts";
import { type Choice, type Memory, remember } from "./affinity.ts";
import { canAnswerDirectly, type Frontend, flowOf, keyOf, outsidePlaces } from "./frontends.ts";
import { type Bucketed, numberEndpoints, selectGroups } from "./groups.ts";
import { keepsLeaving, withLeaving } from "./leaving.ts";
import { divide, type Shares } from "./parts.ts";
import { ASKS } from "./steps.ts";

/** Where pods are, in a cluster all of whose nodes are at the other end of a tunnel. */
export interface Peers {
  /** Whether the address is a pod's of this node. */
  isHere(ip: Ip): boolean;
  /** The end of the tunnel to a pod of the node; undefined where there is no such pod, and for those of this node. */
  tunnelTo(nodeName: string | undefined, ip: Ip): Ip | undefined;
}

/** Endpoints on other nodes, which answer from there. */
export interface Far {
  readonly endpoints: readonly (Bucketed & { readonly tunnel: Ip })[];
  has(endpoint: Bucketed): boolean;
}

/**
 * Conntrack sees one side only of what is passed on: the kernel's takes it for invalid. So the switch remembers where each connection
 * went, for longer than TCP's usual keepalive, and longer than conntrack a datagram. What is beyond the limit is chosen for with each
 * packet: the same endpoint, as long as none comes.
 */
const MOST_REMEMBERED = 10_000;
const MEMORY: ReadonlyMap<number, Memory> = new Map([
  [
    PROTOCOLS.TCP,
    { of: "connection", limits: { idleTimeout: 7500, finIdleTimeout: 60, limit: MOST_REMEMBERED } } as const,
  ],
  [PROTOCOLS.UDP, { of: "connection", limits: { idleTimeout: 180, limit: MOST_REMEMBERED } } as const],
]);

/**
 * Those that serve, and those that only have connections yet: of TCP whatever becomes of them, else while they are going. An
 * endpoint that the host alone reaches has no way to answer under the service's address.
 */
export function farEndpoints(
  { port, family }: Frontend,
  slices: Iterable<EndpointSlice>,
  place: Place,
  peers: Peers,
): Far {
  const judged = judgeEndpoints(port, family, slices, place, "Cluster");
  const serving = judged.filter(({ unchosen }) => unchosen === undefined);
  const others = judged.filter(({ unchosen }) =>
    port.protocol === PROTOCOLS.TCP ? unchosen !== undefined && unchosen !== "listed twice" : unchosen === "going",
  );
  const all = [...serving, ...others];
  const endpoints = numberEndpoints(all).flatMap(({ id, ip, port: number }, i) => {
    const tunnel = peers.tunnelTo(all[i]!.of.nodeName, ip);
    return tunnel === undefined ? [] : [{ id, ip, port: number, tunnel }];
  });
  const ids = new Set(endpoints.map(({ id }) => id));
  return { endpoints, has: ({ id }) => ids.has(id) };
}

/** The client's packets go on as they came, to the node of their endpoint. */
export function passOn(
  service: Service,
  frontend: Frontend,
  { groupId }: Shares,
  { endpoints }: Far,
): readonly Contribution[] {
  const choices = endpoints.map(({ id, tunnel }): Choice => ({ id, actions: sendOn(tunnel) }));
  return remember(service, frontend, groupId, choices, MEMORY.get(frontend.port.protocol)!);
}

/** Not committed: the connection is the other node's. */
function sendOn(tunnel: Ip): readonly Action[] {
  return [...addressTunnel(tunnel), ...readdress(PORTS.tunnel, ROUTER_MAC), goto("Output")];
}

/** What a service has to do with packets whose connection is known on another node, or begins here and came by another. */
export function derivePassed(
  service: Service,
  backends: Backends,
  place: Place & { readonly addresses: readonly Ip[] },
  peers: Peers,
): readonly Contribution[] {
  const slices = backends.slicesOf(keyOf(service));
  const groups = new Map<string, readonly Contribution[]>();
  const flows: Contribution[] = [];
  for (const frontend of outsidePlaces(service, place.addresses)) {
    const { port, family } = frontend;
    if (!canAnswerDirectly(service, port)) continue;
    if (port.protocol === PROTOCOLS.TCP) flows.push(passInvalid(frontend));
    const isHere = ({ ip }: Endpoint): boolean => peers.isHere(ip);
    const endpoints = endpointsOf(port, family, slices, place, "Local").filter(isHere);
    const key = groupKey(service, { port, family, scope: "Passed" });
    const shares = divide(key, numberEndpoints(endpoints), backends.groupId);
    if (endpoints.length === 0 || shares === undefined) continue;
    if (!groups.has(key)) {
      const leaving = keepsLeaving(service, port) ? leavingOf(port, family, slices, place, "Local").filter(isHere) : [];
      groups.set(key, withLeaving(selectGroups(service, port, family, shares), endpoints, leaving));
    }
    const passed = { ...frontend, spec: { ...frontend.spec, ...fromSource(SOURCE.tunnel), ...ASKS } };
    const { groupId } = shares;
    flows.push(flowOf(passed, "services/passed", [{ type: "group", groupId }], "ConnectionState"));
  }
  return [...flows, ...[...groups.values()].flat()];
}

/** The end of a connection, as the kernel's conntrack sees it here, where it has seen no beginning. */
function passInvalid(frontend: Frontend): Contribution {
  const spec = { ...frontend.spec, ...fromSource(SOURCE.gateway), ...ctState(STATE.inv) };
  const actions = [setRegister("isOutside", 1), goto("Service")];
  return flowOf({ ...frontend, spec, priority: PRIORITY.exempt }, "services/direct", actions, "ConnectionState");
}

/** In a cluster without tunnels to all nodes. */
export function withoutTunnels(service: Service): Contribution {
  return {
    target: "problem",
    owner: { kind: "Service", name: keyOf(service) },
    problem: {
      source: "services",
      object: `Service ${keyOf(service)}`,
      field: `metadata.annotations[${LOAD_BALANCER_MODE}]`,
      message: "is dsr, which has no effect: clients are passed on through tunnels, and encapsulation is not always",
    },
  };
}
