import { familyOf, formatIp, type Ip } from "#base/address.ts";
import type { Contribution, HostItem } from "../../feature.ts";
import { PROTOCOL_NAMES, PROTOCOLS } from "../../model/protocol.ts";
import type { Service } from "../../model/service.ts";
import { keyOf, outsideAddresses } from "./frontends.ts";

/** What the host has to lead to the switch for a service: its kernel is the first to see what comes from outside. */
export function deriveHostSide(service: Service, ownAddresses: readonly Ip[]): readonly Contribution[] {
  const owner = { kind: "Service", name: keyOf(service) };
  return [...itemsOf(service, ownAddresses)].map((item): Contribution => ({ target: "host", owner, item }));
}

function* itemsOf(service: Service, ownAddresses: readonly Ip[]): Iterable<HostItem> {
  const { type, ports, clusterIps, externalTrafficPolicy, healthCheckNodePort } = service;
  for (const { port, nodePort, protocol } of ports) {
    const name = nameOf(protocol);
    if (type !== "ClusterIP" && nodePort !== undefined)
      for (const family of new Set(clusterIps.map(familyOf)))
        yield { type: "service-port", at: "node", port: `${family} ${name} ${nodePort}` };
    for (const { ip, part } of outsideAddresses(service)) {
      const at = ownAddresses.includes(ip) ? "own" : "outside";
      const text = formatIp(ip);
      const balanced = part === "loadBalancer" ? text : undefined;
      yield { type: "service-port", at, port: `${text} ${name} ${port}`, balanced };
    }
  }
  if (type === "LoadBalancer" && externalTrafficPolicy === "Local" && healthCheckNodePort !== undefined)
    yield { type: "health-check", port: healthCheckNodePort, service: keyOf(service) };
}

function nameOf(protocol: number): string {
  return PROTOCOL_NAMES.find((name) => PROTOCOLS[name] === protocol)!.toLowerCase();
}
