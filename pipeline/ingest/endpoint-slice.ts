import { familyOf, type Ip } from "#base/address.ts";
import { PROTOCOL_NAMES, PROTOCOLS } from "../model/protocol.ts";
import type { EndpointSlice, SliceEndpoint, SlicePort } from "../model/service.ts";
import { parseRoutedAddress } from "./host-address.ts";
import { HIGHEST_PORT, isPortNumber } from "./port.ts";
import { isRecord, type Reader } from "./reader.ts";

export const SERVICE_NAME_LABEL = "kubernetes.io/service-name";
const FAMILIES = { IPv4: 4, IPv6: 6 } as const;
const ENDPOINT = {
  4: "an IPv4 address that is routed, such as 10.0.1.5,",
  6: "an IPv6 address that is routed, such as fd00::5,",
} as const;

/** discovery.k8s.io/v1. Undefined for one of names, and for one of no service. An endpoint that is wrong serves nobody. */
export function readEndpointSlice(reader: Reader, key: string): EndpointSlice | undefined {
  const [namespace = "", name = ""] = key.split("/");
  const serviceName = reader.map("metadata.labels").get(SERVICE_NAME_LABEL);
  const addressType = reader.at("addressType");
  if (addressType === "FQDN" || serviceName === undefined || serviceName === "") return undefined;
  if (addressType !== "IPv4" && addressType !== "IPv6")
    return void reader.refuse("addressType", addressType, "IPv4, IPv6 or FQDN");
  const family = FAMILIES[addressType];
  const ports = reader.list("ports").map((entry, i) => readPort(reader.inside(`ports[${i}]`, entry)));
  const endpoints = reader
    .list("endpoints")
    .map((entry, i) => readEndpoint(reader.inside(`endpoints[${i}]`, entry), family));
  return {
    ...{ namespace, name, serviceName, family },
    ports: ports.filter((port) => port !== undefined),
    endpoints: endpoints.filter((endpoint) => endpoint !== undefined),
  };
}

/** A port without a number means all of them, which no service can ask for. */
function readPort(entry: Reader): SlicePort | undefined {
  const name = entry.text("name") ?? "";
  const protocol = PROTOCOL_NAMES.find((one) => one === (entry.at("protocol") ?? "TCP"));
  const port = entry.at("port");
  if (protocol === undefined) entry.refuse("protocol", entry.at("protocol"), PROTOCOL_NAMES.join(" or "));
  if (port !== undefined && !isPortNumber(port)) entry.refuse("port", port, `a port from 1 to ${HIGHEST_PORT}`);
  if (protocol === undefined || !isPortNumber(port) || entry.problems.length > 0) return undefined;
  return { name, protocol: PROTOCOLS[protocol], port };
}

/** All its addresses lead to the same: the first is taken, as other proxies do. */
function readEndpoint(entry: Reader, family: 4 | 6): SliceEndpoint | undefined {
  const parse = (text: string): Ip | undefined => {
    const ip = parseRoutedAddress(text);
    return ip !== undefined && familyOf(ip) === family ? ip : undefined;
  };
  const ip = entry.parsed("addresses[0]", entry.list("addresses")[0], parse, ENDPOINT[family]);
  if (ip === undefined) return undefined;
  // What is not said is as if it were ready.
  const ready = entry.at("conditions.ready") === undefined || entry.flag("conditions.ready");
  const serving = entry.at("conditions.serving") === undefined ? ready : entry.flag("conditions.serving");
  const terminating = entry.flag("conditions.terminating");
  const nodeName = entry.text("nodeName");
  const forZones = readHints(entry, "hints.forZones");
  const forNodes = readHints(entry, "hints.forNodes");
  // Written out: spread into each other, objects take twice the memory.
  return { ip, ready, serving, terminating, nodeName, forZones, forNodes };
}

/** There are ten thousands of endpoints, and most have none. */
const NONE: readonly string[] = [];

function readHints(entry: Reader, field: string): readonly string[] {
  const hints = entry.list(field);
  if (hints.length === 0) return NONE;
  return hints.flatMap((hint) => {
    const name = isRecord(hint) ? hint["name"] : undefined;
    if (typeof name === "string") return [name];
    entry.refuse(field, hint, "a list of { name }");
    return [];
  });
}
