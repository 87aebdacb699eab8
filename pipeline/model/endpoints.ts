import type { Ip, IpFamily } from "#base/address.ts";
import type { EndpointSlice, ServicePort, SliceEndpoint, TrafficPolicy } from "./service.ts";

/** Where a connection goes in the end. */
export interface Endpoint {
  readonly ip: Ip;
  readonly port: number;
}

/** Whose clients are to be served. */
export interface Place {
  readonly nodeName: string;
  /** Label topology.kubernetes.io/zone of the node. */
  readonly zone: string | undefined;
}

interface Candidate extends Endpoint {
  readonly of: SliceEndpoint;
}

/**
 * The endpoints that serve clients of a place, sorted, each once. Those that are ready come before those that are going and
 * serve yet; hints are followed where every one of them has some and one is meant for the place.
 */
export function endpointsOf(
  port: Pick<ServicePort, "name" | "protocol">,
  family: IpFamily,
  slices: Iterable<EndpointSlice>,
  place: Place,
  scope: TrafficPolicy,
): readonly Endpoint[] {
  return unique(narrow([...candidatesOf(port, family, slices)], place, scope).near);
}

/** Those that are going while others are ready, and serve yet whom they serve. */
export function leavingOf(
  port: Pick<ServicePort, "name" | "protocol">,
  family: IpFamily,
  slices: Iterable<EndpointSlice>,
  place: Place,
  scope: TrafficPolicy,
): readonly Endpoint[] {
  const { within, able } = narrow([...candidatesOf(port, family, slices)], place, scope);
  const keyOf = ({ ip, port: number }: Endpoint) => `${ip} ${number}`;
  const staying = new Set(able.map(keyOf));
  return unique(within.filter((one) => one.of.serving && one.of.terminating && !staying.has(keyOf(one))));
}

/** Each that a slice lists, and for what it gets no connections. */
export interface JudgedEndpoint extends Endpoint {
  readonly of: SliceEndpoint;
  readonly unchosen: Unchosen | undefined;
}

export type Unchosen = "elsewhere" | "not ready" | "going" | "for others" | "listed twice";

/** What `endpointsOf` leaves out, and why. */
export function judgeEndpoints(
  port: Pick<ServicePort, "name" | "protocol">,
  family: IpFamily,
  slices: Iterable<EndpointSlice>,
  place: Place,
  scope: TrafficPolicy,
): readonly JudgedEndpoint[] {
  const all = [...candidatesOf(port, family, slices)].sort(compareEndpoints);
  const { within, able, near } = narrow(all, place, scope);
  const [inside, capable, chosen] = [new Set(within), new Set(able), new Set(near)];
  const seen = new Set<string>();
  const judge = (one: Candidate): Unchosen | undefined => {
    if (!inside.has(one)) return "elsewhere";
    if (!capable.has(one)) return one.of.serving && one.of.terminating ? "going" : "not ready";
    if (!chosen.has(one)) return "for others";
    const key = `${one.ip} ${one.port}`;
    if (seen.has(key)) return "listed twice";
    seen.add(key);
    return undefined;
  };
  return all.map((one) => ({ ...one, unchosen: judge(one) }));
}

/** Those at the place where that counts, of these those that can serve, and of these those that are meant for the place. */
function narrow(all: readonly Candidate[], place: Place, scope: TrafficPolicy) {
  const within = scope === "Local" ? all.filter(({ of }) => of.nodeName === place.nodeName) : all;
  const ready = within.filter(({ of }) => of.ready);
  const able = ready.length > 0 ? ready : within.filter(({ of }) => of.serving && of.terminating);
  return { within, able, near: scope === "Local" ? able : nearest(able, place) };
}

/** Those on a node that are ready: what a balancer is told of it. Each address counts once, whatever its ports. */
export function countReadyOn(nodeName: string, slices: Iterable<EndpointSlice>): number {
  const ips = new Set<Ip>();
  for (const { endpoints } of slices)
    for (const { ip, ready, nodeName: node } of endpoints) if (ready && node === nodeName) ips.add(ip);
  return ips.size;
}

/** How many are ready, of all that there are, wherever they are. */
export function countEndpoints(
  port: Pick<ServicePort, "name" | "protocol">,
  family: IpFamily,
  slices: Iterable<EndpointSlice>,
): { readonly ready: number; readonly total: number } {
  const all = [...candidatesOf(port, family, slices)];
  return { ready: unique(all.filter(({ of }) => of.ready)).length, total: unique(all).length };
}

function* candidatesOf(
  { name, protocol }: Pick<ServicePort, "name" | "protocol">,
  family: IpFamily,
  slices: Iterable<EndpointSlice>,
): Iterable<Candidate> {
  for (const slice of slices) {
    if (slice.family !== family) continue;
    for (const port of slice.ports)
      if (port.name === name && port.protocol === protocol)
        for (const of of slice.endpoints) yield { ip: of.ip, port: port.port, of };
  }
}

function nearest(candidates: readonly Candidate[], { nodeName, zone }: Place): readonly Candidate[] {
  if (candidates.every(({ of }) => of.forNodes.length > 0)) {
    const here = candidates.filter(({ of }) => of.forNodes.includes(nodeName));
    if (here.length > 0) return here;
  }
  if (zone === undefined || !candidates.every(({ of }) => of.forZones.length > 0)) return candidates;
  const near = candidates.filter(({ of }) => of.forZones.includes(zone));
  return near.length > 0 ? near : candidates;
}

function unique(candidates: readonly Candidate[]): readonly Endpoint[] {
  const sorted = candidates.map(({ ip, port }) => ({ ip, port })).sort(compareEndpoints);
  return sorted.filter((one, i) => i === 0 || compareEndpoints(sorted[i - 1]!, one) !== 0);
}

/** Within one family. */
function compareEndpoints(a: Endpoint, b: Endpoint): number {
  if (a.ip !== b.ip) return a.ip < b.ip ? -1 : 1;
  return a.port - b.port;
}
