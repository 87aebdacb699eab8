import { type Cidr, type Ip, parseCidr } from "#base/address.ts";
import { ASSIGNED_FROM, LOAD_BALANCER_MODE, splitList } from "../address-pools/names.ts";
import { PROTOCOL_NAMES, PROTOCOLS } from "../model/protocol.ts";
import type { Service, ServicePort, TrafficPolicy } from "../model/service.ts";
import { parseRoutedAddress } from "./host-address.ts";
import { HIGHEST_PORT, isPortNumber } from "./port.ts";
import { isRecord, type Reader } from "./reader.ts";

/** Who has it is somebody else's business (KEP 2447). */
const PROXY_NAME_LABEL = "service.kubernetes.io/service-proxy-name";
const ADDRESS = "an address that is routed, such as 10.96.0.10 or fd00::10,";
const PORT = `a port from 1 to ${HIGHEST_PORT}`;
const TYPES = ["ClusterIP", "NodePort", "LoadBalancer"] as const;
const POLICIES = ["Cluster", "Local"] as const satisfies readonly TrafficPolicy[];
/** The API server's default, and the longest that it takes: a day. */
const AFFINITY_SECONDS = 10_800;
const LONGEST_AFFINITY = 86_400;
/** What a flow's time-out can say in its 16 bits. */
const LONGEST_MEMORY = 0xffff;

/**
 * v1. Undefined for what has no address to serve: a headless one, an ExternalName, one of another proxy. A port or address that is
 * wrong serves nobody; what is wrong beside them leaves the narrower of its meanings.
 */
export function readService(reader: Reader, key: string): Service | undefined {
  if (reader.map("metadata.labels").has(PROXY_NAME_LABEL)) return undefined;
  const type = readType(reader);
  const clusterIps = readClusterIps(reader);
  if (type === undefined || clusterIps === undefined) return undefined;
  const [namespace = "", name = ""] = key.split("/");
  return {
    ...{ namespace, name, type, clusterIps },
    uid: reader.text("metadata.uid") ?? "",
    externalIps: readAddresses(reader, "spec.externalIPs"),
    loadBalancerIps: type === "LoadBalancer" ? readLoadBalancerIps(reader) : [],
    loadBalancerClass: type === "LoadBalancer" ? reader.text("spec.loadBalancerClass") : undefined,
    assignedFrom: splitList(reader.map("metadata.annotations").get(ASSIGNED_FROM)),
    sourceRanges: readSourceRanges(reader),
    ports: readPorts(reader),
    affinityTimeout: readAffinity(reader),
    internalTrafficPolicy: readPolicy(reader, "spec.internalTrafficPolicy"),
    externalTrafficPolicy: readPolicy(reader, "spec.externalTrafficPolicy"),
    healthCheckNodePort: readHealthCheckPort(reader),
    loadBalancerMode: readMode(reader, type),
  };
}

/** Why a service is none to serve, though nothing is wrong with it. */
export function reasonToIgnore(reader: Pick<Reader, "at">): string | undefined {
  const at = (path: string): unknown => reader.at(path);
  const labels = at("metadata.labels");
  const proxy = isRecord(labels) ? labels[PROXY_NAME_LABEL] : undefined;
  if (typeof proxy === "string") return `it is the proxy's named ${proxy || '""'}`;
  if (at("spec.type") === "ExternalName") return "an ExternalName is a name in DNS alone";
  const listed = at("spec.clusterIPs");
  const [ip] = Array.isArray(listed) && listed.length > 0 ? listed : [at("spec.clusterIP")];
  if (ip === "None") return "it is headless: clients find its endpoints by DNS";
  return ip === undefined || ip === "" ? "it has no clusterIP yet" : undefined;
}

function readType(reader: Reader): Service["type"] | undefined {
  const type = reader.at("spec.type") ?? "ClusterIP";
  if (type === "ExternalName") return undefined;
  const known = TYPES.find((one) => one === type);
  if (known === undefined) reader.refuse("spec.type", type, `one of ${[...TYPES, "ExternalName"].join(", ")}`);
  return known;
}

/** Undefined for a headless service, and for one that has none yet. */
function readClusterIps(reader: Reader): readonly Ip[] | undefined {
  const listed = reader.list("spec.clusterIPs");
  const single = reader.at("spec.clusterIP");
  const texts = listed.length > 0 || single === undefined ? listed : [single];
  if (texts.length === 0 || texts[0] === "None" || texts[0] === "") return undefined;
  return texts
    .map((text, i) => reader.parsed(`spec.clusterIPs[${i}]`, text, parseRoutedAddress, ADDRESS))
    .filter((ip) => ip !== undefined);
}

function readAddresses(reader: Reader, field: string): readonly Ip[] {
  const ips = reader.list(field).map((text, i) => reader.parsed(`${field}[${i}]`, text, parseRoutedAddress, ADDRESS));
  return unique(ips.filter((ip) => ip !== undefined));
}

/** With ipMode Proxy the balancer's own machines answer, and only they can; one with a hostname has nothing to stand in for. */
function readLoadBalancerIps(reader: Reader): readonly Ip[] {
  const field = "status.loadBalancer.ingress";
  const ips = reader.list(field).map((entry, i) => {
    if (!isRecord(entry)) return void reader.refuse(`${field}[${i}]`, entry, "an object");
    const { ip, ipMode } = entry;
    if (ip === undefined || ip === null || ip === "" || ipMode === "Proxy") return undefined;
    return reader.parsed(`${field}[${i}].ip`, ip, parseRoutedAddress, ADDRESS);
  });
  return unique(ips.filter((ip) => ip !== undefined));
}

function readSourceRanges(reader: Reader): readonly Cidr[] | undefined {
  const field = "spec.loadBalancerSourceRanges";
  const before = reader.problems.length;
  const listed = reader.list(field);
  if (listed.length === 0 && reader.problems.length === before) return undefined;
  const ranges = listed.map((text, i) =>
    // The API server takes them with blanks around.
    reader.parsed(`${field}[${i}]`, text, (one) => parseCidr(one.trim()), "a network such as 10.0.0.0/8 or fd00::/8"),
  );
  return ranges.filter((range) => range !== undefined);
}

function readPorts(reader: Reader): readonly ServicePort[] {
  const seen = new Set<string>();
  return reader
    .list("spec.ports")
    .map((entry, i) => {
      const port = readPort(reader.inside(`spec.ports[${i}]`, entry));
      if (port === undefined) return undefined;
      const place = `${port.protocol} ${port.port}`;
      if (seen.has(place) || seen.has(port.name))
        return void reader.report(
          `spec.ports[${i}]`,
          "has the name, or protocol and port, of another; one of the two has to go",
        );
      seen.add(place).add(port.name);
      return port;
    })
    .filter((port) => port !== undefined);
}

function readPort(entry: Reader): ServicePort | undefined {
  const name = entry.text("name") ?? "";
  const protocol = PROTOCOL_NAMES.find((one) => one === (entry.at("protocol") ?? "TCP"));
  const port = entry.at("port");
  const nodePort = entry.at("nodePort") ?? 0;
  if (protocol === undefined) entry.refuse("protocol", entry.at("protocol"), PROTOCOL_NAMES.join(" or "));
  if (!isPortNumber(port)) entry.refuse("port", port, PORT);
  if (nodePort !== 0 && !isPortNumber(nodePort)) entry.refuse("nodePort", nodePort, PORT);
  if (protocol === undefined || !isPortNumber(port) || entry.problems.length > 0) return undefined;
  return { name, protocol: PROTOCOLS[protocol], port, nodePort: isPortNumber(nodePort) ? nodePort : undefined };
}

function readAffinity(reader: Reader): number | undefined {
  const affinity = reader.at("spec.sessionAffinity") ?? "None";
  if (affinity === "None") return undefined;
  if (affinity !== "ClientIP") return void reader.refuse("spec.sessionAffinity", affinity, "None or ClientIP");
  const field = "spec.sessionAffinityConfig.clientIP.timeoutSeconds";
  const seconds = reader.number(field, 1, LONGEST_AFFINITY) ?? AFFINITY_SECONDS;
  if (seconds > LONGEST_MEMORY)
    reader.report(
      field,
      `is ${seconds}; a switch remembers a client for ${LONGEST_MEMORY} s at most, and so long it does`,
    );
  return Math.min(seconds, LONGEST_MEMORY);
}

function readPolicy(reader: Reader, field: string): TrafficPolicy {
  const value = reader.at(field) ?? "Cluster";
  const policy = POLICIES.find((one) => one === value);
  if (policy === undefined) reader.refuse(field, value, POLICIES.join(" or "));
  return policy ?? "Local";
}

function readMode(reader: Reader, type: Service["type"]): "dsr" | undefined {
  const field = `metadata.annotations[${LOAD_BALANCER_MODE}]`;
  const mode = reader.map("metadata.annotations").get(LOAD_BALANCER_MODE);
  if (mode === undefined) return undefined;
  if (mode !== "dsr") return void reader.refuse(field, mode, "dsr");
  const hindrance = hindranceOfDirect(reader, type);
  if (hindrance === undefined) return mode;
  return void reader.report(field, `is dsr, which has no effect: ${hindrance}`);
}

function hindranceOfDirect(reader: Reader, type: Service["type"]): string | undefined {
  const at = (path: string): unknown => reader.at(path);
  if (type !== "LoadBalancer" && reader.list("spec.externalIPs").length === 0)
    return "it is for addresses of balancers and externalIPs, and the service has none";
  if ((at("spec.externalTrafficPolicy") ?? "Cluster") !== "Cluster")
    return "with this spec.externalTrafficPolicy clients have endpoints of the node alone to which they come";
  if ((at("spec.sessionAffinity") ?? "None") !== "None")
    return "with spec.sessionAffinity two nodes would have to remember the same of a client";
  return undefined;
}

function readHealthCheckPort(reader: Reader): number | undefined {
  const port = reader.number("spec.healthCheckNodePort", 0, HIGHEST_PORT);
  return port === 0 ? undefined : port;
}

function unique(ips: readonly Ip[]): readonly Ip[] {
  return [...new Set(ips)];
}
