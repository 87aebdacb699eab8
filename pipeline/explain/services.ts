import { cidrContains, familyOf, formatIp, type Ip } from "#base/address.ts";
import { keyOf } from "../features/service/frontends.ts";
import { placeOf } from "../features/services.ts";
import { type JudgedEndpoint, judgeEndpoints, type Place } from "../model/endpoints.ts";
import type { Service, ServicePort, TrafficPolicy } from "../model/service.ts";
import { formatPlace, WHY } from "../service-status/words.ts";
import type { Cluster } from "./cluster.ts";
import { type End, type EndSpec, endName, type PortSpec } from "./ends.ts";
import { type Explanation, explain } from "./explain.ts";
import { parsePort } from "./port-classes.ts";
import { protocolName } from "./words.ts";

/** Where traffic to a service goes, and why it passes or not. */
export interface ServiceExplanation {
  /** Those of the senders for whom it is the same. */
  readonly from: readonly string[];
  /** "shop/db". */
  readonly service: string;
  /** "clusterIP 10.96.0.10". */
  readonly address: string;
  /** "5432/TCP". */
  readonly port: string;
  /** served: one of the endpoints gets it. refused: there is none. dropped: those that there are are not for these clients. */
  readonly outcome: "served" | "refused" | "dropped";
  /** Of dropped: why. */
  readonly reason?: string;
  /** The endpoints that may be: "10.10.1.5:8080". */
  readonly chosen: readonly string[];
  /** Why traffic to them passes or not. */
  readonly endpoints: readonly Explanation[];
  readonly unchosen: readonly { readonly address: string; readonly reason: string }[];
}

/** An address and a port of a service. */
export interface ServiceTarget {
  readonly service: Service;
  readonly kind: "clusterIP" | "externalIP" | "loadBalancer";
  readonly ip: Ip;
  readonly port: ServicePort;
}

/** What of services is meant: undefined where nothing of any is. */
export function findTargets(
  spec: EndSpec,
  port: PortSpec | undefined,
  { objects }: Cluster,
): readonly ServiceTarget[] | { readonly refusal: string } | undefined {
  if (spec.type === "service") return targetsByName(spec.name, port, objects);
  if (spec.type !== "address") return undefined;
  const targets = [...objects.Service.values()].flatMap((service) =>
    addressesOf(service).flatMap(({ kind, ip }) =>
      ip === spec.ip ? portsOf(service, port).map((one) => ({ service, kind, ip, port: one })) : [],
    ),
  );
  return targets.length > 0 ? targets : undefined;
}

function targetsByName(name: string, port: PortSpec | undefined, objects: Cluster["objects"]) {
  const service = objects.Service.get(name);
  if (service === undefined) {
    const ignored = objects.ignoredServices.get(name);
    return {
      refusal: ignored === undefined ? "there is no such service" : `it is no service to be served: ${ignored}`,
    };
  }
  const ports = portsOf(service, port);
  const all = service.ports.map(describePort).join(", ");
  if (ports.length === 0) return { refusal: `the service has no such port; it has ${all === "" ? "none" : all}` };
  return ports.flatMap((one) =>
    service.clusterIps.map((ip): ServiceTarget => ({ service, kind: "clusterIP", ip, port: one })),
  );
}

function* each<T extends string>(kind: T, ips: readonly Ip[]): Iterable<{ readonly kind: T; readonly ip: Ip }> {
  for (const ip of ips) yield { kind, ip };
}

function addressesOf({ clusterIps, externalIps, loadBalancerIps }: Service) {
  const all = [
    ...each("clusterIP", clusterIps),
    ...each("externalIP", externalIps),
    ...each("loadBalancer", loadBalancerIps),
  ];
  // What an address is in several ways, it is in the first.
  return [...Map.groupBy(all, ({ ip }) => ip).values()].map((ways) => ways[0]!);
}

/** The names are those that the service gives to its own ports. */
function portsOf({ ports }: Service, spec: PortSpec | undefined): readonly ServicePort[] {
  if (spec === undefined) return ports;
  if ("name" in spec) return ports.filter(({ name, protocol }) => name === spec.name && protocol === spec.protocol);
  return ports.filter(({ port, protocol }) => port === spec.port && protocol === spec.protocol);
}

function describePort({ name, port, protocol }: ServicePort): string {
  return `${port}/${protocolName(protocol)}${name === "" ? "" : ` (${name})`}`;
}

/** Clients at one place have the same endpoints. */
interface Clients {
  readonly place: Place;
  readonly ends: readonly End[];
}

export function explainTargets(
  cluster: Cluster,
  sources: readonly End[],
  targets: readonly ServiceTarget[],
): readonly ServiceExplanation[] {
  const clients = clientsOf(cluster, sources);
  return targets.flatMap((target) =>
    clients.flatMap((one) => {
      const ends = one.ends.filter(({ ips }) => ips.some((ip) => familyOf(ip) === familyOf(target.ip)));
      return ends.length === 0 ? [] : [explainTarget(cluster, { ...one, ends }, target)];
    }),
  );
}

function clientsOf({ objects }: Cluster, sources: readonly End[]): readonly Clients[] {
  const nodeOf = ({ pod, ips }: End): string | undefined => {
    if (pod !== undefined) return pod.nodeName ?? "";
    return [...objects.Node.values()].find(({ addresses }) => ips.some((ip) => addresses.includes(ip)))?.name;
  };
  return [...Map.groupBy(sources, nodeOf)].map(([node, ends]) => ({
    ...{ place: placeOf(objects, node ?? ""), ends },
  }));
}

function explainTarget(cluster: Cluster, { place, ends }: Clients, target: ServiceTarget): ServiceExplanation {
  const { service, kind, ip, port } = target;
  const slices = cluster.objects.backends.slicesOf(keyOf(service));
  const judge = (scope: TrafficPolicy) => judgeEndpoints(port, familyOf(ip), slices, place, scope);
  const scope = kind === "clusterIP" ? service.internalTrafficPolicy : "Cluster";
  const judged = judge(scope);
  const chosen = judged.filter(({ unchosen }) => unchosen === undefined);
  const barred = barredBy(target, ends);
  const isElsewhere = chosen.length === 0 && judge("Cluster").some(({ unchosen }) => unchosen === undefined);
  const outcome = barred.length > 0 || isElsewhere ? "dropped" : chosen.length === 0 ? "refused" : "served";
  const why =
    barred.length > 0 ? "loadBalancerSourceRanges does not name the sender" : "its endpoints are on other nodes";
  return {
    from: ends.map(endName),
    service: keyOf(service),
    address: `${kind} ${formatIp(ip)}`,
    port: describePort(port),
    outcome,
    ...(outcome === "dropped" && { reason: why }),
    chosen: outcome === "served" ? chosen.map((one) => formatPlace(one.ip, one.port)) : [],
    endpoints: outcome === "served" ? explainEndpoints(cluster, ends, chosen, port.protocol) : [],
    unchosen: judged.flatMap(({ ip: address, port: number, unchosen }) =>
      unchosen === undefined ? [] : [{ address: formatPlace(address, number), reason: WHY[unchosen] }],
    ),
  };
}

/** Clients whom the service does not let in. */
function barredBy({ service, kind, ip }: ServiceTarget, ends: readonly End[]): readonly End[] {
  const ranges = kind === "loadBalancer" ? service.sourceRanges : undefined;
  if (ranges === undefined) return [];
  const isNamed = (address: Ip) => ranges.some((range) => cidrContains(range, address));
  return ends.filter(({ ips }) => !ips.some((address) => familyOf(address) === familyOf(ip) && isNamed(address)));
}

function explainEndpoints(
  cluster: Cluster,
  sources: readonly End[],
  endpoints: readonly JudgedEndpoint[],
  protocol: number,
): readonly Explanation[] {
  return [...Map.groupBy(endpoints, ({ port }) => port)].flatMap(([number, group]) => {
    const port = parsePort(`${number}/${protocolName(protocol)}`);
    const ends = group.map(({ ip }): End => ({ ips: [ip], pod: cluster.podOf(ip) }));
    const isOwn = (source: End, end: End) => source.pod !== undefined && source.pod === end.pod;
    // A pod that has chosen itself, which is not asked about where several are meant.
    const own = sources.flatMap((source) => ends.filter((end) => isOwn(source, end)).map((end) => ({ source, end })));
    const others = sources.length * ends.length > 1 ? explain(cluster, sources, ends, port) : [];
    const alone = sources.length * ends.length > 1 ? own : [{ source: sources[0]!, end: ends[0]! }];
    return [...others, ...alone.flatMap(({ source, end }) => explain(cluster, [source], [end], port))];
  });
}
