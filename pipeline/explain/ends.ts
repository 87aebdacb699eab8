import { formatIp, type Ip, parseIp } from "#base/address.ts";
import { normaliseDomain } from "../model/domain.ts";
import { isSelected, type LabelSelector } from "../model/label-selector.ts";
import type { Pod } from "../model/model.ts";
import { containerPortKey, PROTOCOL_NAMES, PROTOCOLS } from "../model/protocol.ts";
import type { Cluster } from "./cluster.ts";
import { parseSelector } from "./kubectl-selector.ts";
import { endsOfName } from "./named.ts";
import { type PortClass, parsePort } from "./port-classes.ts";
import { podName } from "./words.ts";

/** One end of traffic, as people write it. */
export type EndSpec =
  | { readonly type: "address"; readonly ip: Ip }
  | { readonly type: "pod"; readonly name: string }
  /** By its own address, for the clients of its cluster. */
  | { readonly type: "service"; readonly name: string }
  /** Its addresses, as far as pods were told any. */
  | { readonly type: "domain"; readonly name: string }
  /** The pods of a namespace, or of all for "*", that a selector chooses. */
  | { readonly type: "pods"; readonly namespace: string; readonly selector: LabelSelector };

/** A port as people write it; a name is the receiver's word. */
export type PortSpec = PortClass | { readonly name: string; readonly protocol: number };

export interface DestinationSpec {
  readonly end: EndSpec;
  readonly port: PortSpec | undefined;
}

/** What can be at an end. */
export interface End {
  readonly ips: readonly Ip[];
  readonly pod: Pod | undefined;
  /** Where it is not known by its pod or its address. */
  readonly name?: string;
}

export const END_FORMS =
  "a pod (shop/web, or web in namespace default), a service (svc/shop/db), labels (shop/app=web, */tier in (a,b), shop/* for every pod), an address (10.0.0.1, fd00::1) or, to be sent to, a name with a dot (example.com)";
export const PORT_FORMS = "a port such as 80, 80/TCP, 53/UDP or a container port's name such as http";

const NAMESPACE = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const DNS_NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;
/** Its last label is no number: what ends in one is an address, or meant for one. */
const DOMAIN = /^([a-z0-9_]([-_a-z0-9]*[a-z0-9_])?\.)+(?!\d+\.?$)[a-z0-9]([-a-z0-9]*[a-z0-9])?\.?$/i;
const SERVICE = /^(?:svc|service)\/([^/]+\/[^/]+)$/;
const PORT_NAME = /^([a-z0-9][-a-z0-9]*)(?:\/(\w+))?$/;

/** Undefined where the text has none of END_FORMS. */
export function parseEnd(text: string): EndSpec | undefined {
  const ip = parseIp(text);
  if (ip !== undefined) return { type: "address", ip };
  const [, service] = SERVICE.exec(text) ?? [];
  if (service !== undefined)
    return service.split("/").every((part) => DNS_NAME.test(part)) ? { type: "service", name: service } : undefined;
  const slash = text.indexOf("/");
  if (slash < 0) return parseBareName(text);
  const namespace = text.slice(0, slash);
  const rest = text.slice(slash + 1);
  if (namespace !== "*" && !NAMESPACE.test(namespace)) return undefined;
  if (rest === "*") return { type: "pods", namespace, selector: { text: "", requirements: [] } };
  if (namespace !== "*" && DNS_NAME.test(rest)) return { type: "pod", name: text };
  const selector = /[=! ]/.test(rest) ? parseSelector(rest) : undefined;
  return selector && { type: "pods", namespace, selector };
}

/** "web" is a pod, "example.com" a domain. A pod with a dot in its name needs its namespace before it. */
function parseBareName(text: string): EndSpec | undefined {
  if (text.includes(".")) return DOMAIN.test(text) ? { type: "domain", name: normaliseDomain(text) } : undefined;
  return DNS_NAME.test(text) ? { type: "pod", name: `default/${text}` } : undefined;
}

/** "80", "80/TCP", "http", "dns/UDP". */
export function parsePortSpec(text: string): PortSpec | undefined {
  const number = parsePort(text);
  if (number !== undefined) return number;
  const [, name, protocolText = "TCP"] = PORT_NAME.exec(text) ?? [];
  const protocol = PROTOCOL_NAMES.find((one) => one === protocolText.toUpperCase());
  if (name === undefined || /^\d+$/.test(name) || protocol === undefined) return undefined;
  return { name, protocol: PROTOCOLS[protocol] };
}

/** "shop/db:5432/TCP", "[fd00::1]:80", "10.0.0.1". Undefined where it is none of these. */
export function parseDestination(text: string): DestinationSpec | undefined {
  const bare = parseEnd(text);
  if (bare !== undefined) return { end: bare, port: undefined };
  const [, bracketed, plain = "", portText] = /^(?:\[([^\]]+)\]|(.*))(?::([^:]+))$/.exec(text) ?? [];
  const end = parseEnd(bracketed ?? plain);
  const port = parsePortSpec(portText ?? "");
  return end === undefined || port === undefined ? undefined : { end, port };
}

/** The ends that are meant; empty where no pod of the cluster is. */
export function findEnds(spec: EndSpec, cluster: Cluster): readonly End[] {
  const { objects, podOf } = cluster;
  switch (spec.type) {
    case "address":
      return [{ ips: [spec.ip], pod: podOf(spec.ip) }];
    case "service":
      return [];
    case "domain":
      return endsOfName(spec.name, cluster);
    case "pod":
      return present(objects.Pod.get(spec.name)).map(endOf);
    case "pods":
      return [...objects.Pod.values()]
        .filter(({ namespace }) => spec.namespace === "*" || spec.namespace === namespace)
        .filter(({ labels, completed }) => !completed && isSelected(spec.selector, labels))
        .sort((a, b) => (podName(a) < podName(b) ? -1 : 1))
        .map(endOf);
  }
}

function endOf(pod: Pod): End {
  return { ips: pod.ips, pod };
}

function present<T>(value: T | undefined): readonly T[] {
  return value === undefined ? [] : [value];
}

/** The number that a receiver gives to a port's name; undefined where it gives none. */
export function resolvePort(spec: PortSpec, receiver: End): PortClass | undefined {
  if (!("name" in spec)) return spec;
  const number = receiver.pod?.ports.get(containerPortKey(spec.protocol, spec.name));
  const protocol = PROTOCOL_NAMES.find((name) => PROTOCOLS[name] === spec.protocol);
  return number === undefined ? undefined : parsePort(`${number}/${protocol}`);
}

/** "shop/web (10.10.1.2)", "192.0.2.1". */
export function endName({ ips, pod, name }: End): string {
  if (name !== undefined) return name;
  return pod === undefined ? ips.map(formatIp).join(", ") : podName(pod);
}
