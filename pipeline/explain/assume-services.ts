import { addToIp, familyOf, formatIp, type Ip, type IpFamily, parseIp } from "#base/address.ts";
import { SERVICE_NAME_LABEL } from "../ingest/endpoint-slice.ts";
import { isRecord } from "../ingest/reader.ts";
import type { Pod, View } from "../model/model.ts";
import { containerPortKey, PROTOCOL_NAMES, PROTOCOLS } from "../model/protocol.ts";
import type { RawChange } from "../source.ts";
import { podName } from "./words.ts";

/** What a control plane would add to the services of manifests, and what is to be said of it. */
export interface AssumedServices {
  readonly changes: readonly RawChange[];
  readonly assumptions: readonly string[];
}

type Json = Readonly<Record<string, unknown>>;

/** From where addresses are taken for services that have none: kubeadm's network, and one beside it. */
const FIRST: Readonly<Record<IpFamily, Ip>> = { 4: parseIp("10.96.0.1")!, 6: parseIp("fd00:96::1")! };

/** A service without an address gets one, and one without slices the pods that its selector chooses, all of them ready. */
export function assumeServices(changes: readonly RawChange[], view: View): AssumedServices {
  const taken = new Set([...view.Service.values()].flatMap(({ clusterIps }) => clusterIps));
  const services = changes.flatMap(({ kind, key, object }) => (kind === "Service" ? readService(key, object) : []));
  const assumed = services.map((service) => {
    const pods = podsOf(service, view);
    const hasSlices = view.backends.slicesOf(service.key).length > 0;
    const ips = needsAddress(service, view) ? familiesOf(pods).map((family) => takeFree(family, taken)) : [];
    return {
      changes: [
        ...(ips.length > 0 ? [withAddresses(service, ips)] : []),
        ...(hasSlices ? [] : slicesOf(service, pods)),
      ],
      assumptions: [
        ...(ips.length > 0 ? [`service ${service.key}: address ${ips.map(formatIp).join(", ")}`] : []),
        ...(hasSlices || pods.length === 0 ? [] : [`service ${service.key}: endpoints by its selector`]),
      ],
    };
  });
  return {
    changes: assumed.flatMap((one) => one.changes),
    assumptions: assumed.flatMap((one) => one.assumptions),
  };
}

interface RawService {
  readonly key: string;
  readonly object: Json;
  readonly spec: Json;
}

/** One that is to be served. */
function readService(key: string, object: unknown): readonly RawService[] {
  const spec = isRecord(object) ? object["spec"] : undefined;
  if (!isRecord(object) || !isRecord(spec)) return [];
  const isForNobody = spec["type"] === "ExternalName" || spec["clusterIP"] === "None";
  return isForNobody ? [] : [{ key, object, spec }];
}

function needsAddress({ key, spec }: RawService, { ignoredServices }: View): boolean {
  return ignoredServices.has(key) && spec["clusterIP"] === undefined && spec["clusterIPs"] === undefined;
}

function podsOf({ key, spec }: RawService, { Pod: pods }: View): readonly Pod[] {
  const selector = spec["selector"];
  const wanted = Object.entries(isRecord(selector) ? selector : {});
  if (wanted.length === 0) return [];
  const namespace = key.slice(0, key.indexOf("/"));
  return [...pods.values()]
    .filter((pod) => pod.namespace === namespace && !pod.completed && !pod.terminating)
    .filter(({ labels }) => wanted.every(([label, value]) => labels.get(label) === value))
    .sort((a, b) => (podName(a) < podName(b) ? -1 : 1));
}

function familiesOf(pods: readonly Pod[]): readonly IpFamily[] {
  const found = new Set(pods.flatMap(({ ips }) => ips.map(familyOf)));
  return found.size === 0 ? [4] : [...found].sort();
}

function takeFree(family: IpFamily, taken: Set<Ip>): Ip {
  let candidate = FIRST[family];
  while (taken.has(candidate)) candidate = addToIp(candidate, 1);
  taken.add(candidate);
  return candidate;
}

function withAddresses({ key, object, spec }: RawService, ips: readonly Ip[]): RawChange {
  return { kind: "Service", key, object: { ...object, spec: { ...spec, clusterIPs: ips.map(formatIp) } } };
}

/** Pods may have other numbers for the name of a port: a slice for each combination, and family. */
function slicesOf({ key, spec }: RawService, pods: readonly Pod[]): readonly RawChange[] {
  const [, name = ""] = key.split("/");
  const ports = Array.isArray(spec["ports"]) ? spec["ports"].filter(isRecord) : [];
  const placed = pods.flatMap((pod) => {
    const own = ports.flatMap((port) => targetPort(port, pod));
    return pod.ips.map((ip) => ({ pod, ip, own, set: `${familyOf(ip)} ${JSON.stringify(own)}` }));
  });
  return [...Map.groupBy(placed, ({ set }) => set).values()].map((group, i) => {
    const [{ ip, own }] = group as [(typeof placed)[number]];
    const endpoints = group.map(({ pod, ip: address }) => ({ addresses: [formatIp(address)], nodeName: pod.nodeName }));
    const metadata = { labels: { [SERVICE_NAME_LABEL]: name } };
    const object = { metadata, addressType: `IPv${familyOf(ip)}`, ports: own, endpoints };
    return { kind: "EndpointSlice", key: `${key}-assumed-${i}`, object };
  });
}

/** Nothing where the pod has no port of that name. */
function targetPort({ name, protocol = "TCP", port, targetPort: target = port }: Json, pod: Pod): readonly Json[] {
  const known = PROTOCOL_NAMES.find((one) => one === protocol);
  const number =
    typeof target === "string" && known !== undefined
      ? pod.ports.get(containerPortKey(PROTOCOLS[known], target))
      : target;
  return number === undefined ? [] : [{ name, protocol, port: number }];
}
