import { containerPortKey, PROTOCOL_NAMES, PROTOCOLS } from "../model/protocol.ts";
import { HIGHEST_PORT, isPortNumber } from "./port.ts";
import { isRecord, type Reader } from "./reader.ts";

/** Most pods name no port: they share this. */
const NONE: ReadonlyMap<string, number> = new Map();

/** The named ports of all containers that run beside each other; of two with one name the first counts. */
export function readNamedPorts(reader: Reader): ReadonlyMap<string, number> {
  const ports = new Map<string, number>();
  for (const { field, value } of listPorts(reader)) {
    if (!isRecord(value) || typeof value["name"] !== "string") continue;
    const { name, containerPort, protocol } = value;
    const known = PROTOCOL_NAMES.find((one) => one === (protocol ?? "TCP"));
    if (known === undefined) reader.refuse(`${field}.protocol`, protocol, PROTOCOL_NAMES.join(" or "));
    else if (!isPortNumber(containerPort))
      reader.refuse(`${field}.containerPort`, containerPort, `a port from 1 to ${HIGHEST_PORT}`);
    else {
      const key = containerPortKey(PROTOCOLS[known], name);
      if (!ports.has(key)) ports.set(key, containerPort);
    }
  }
  return ports.size === 0 ? NONE : ports;
}

/** Containers, and init containers that never end, in the order in which a Service looks for a port's name. */
function* listPorts(reader: Reader): Iterable<{ readonly field: string; readonly value: unknown }> {
  for (const list of ["spec.containers", "spec.initContainers"])
    for (const [i, container] of reader.list(list).entries()) {
      if (!isRecord(container)) continue;
      if (list === "spec.initContainers" && container["restartPolicy"] !== "Always") continue;
      const ports = container["ports"] ?? [];
      const field = `${list}[${i}].ports`;
      if (Array.isArray(ports)) for (const [j, value] of ports.entries()) yield { field: `${field}[${j}]`, value };
      else reader.refuse(field, ports, "a list");
    }
}
