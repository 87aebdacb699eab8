import { Open_vSwitch } from "#ovsdb/generated/open-vswitch.ts";
import { namedUuid, type Operation, ovsMap, ovsSet, type Ref, uuid } from "#ovsdb/index.ts";
import { externalIdsOf, ipPair, type PodPort } from "./pod-port.ts";

const { insert, mutate, wait } = Open_vSwitch;

/**
 * Port, Interface and the bridge's reference to them at once. The waits make the database itself refuse an address that any
 * row has by now, whoever wrote it; the refusal is E_OVSDB_WAIT. A name that exists is E_OVSDB_CONSTRAINT.
 */
export function addPodPort(bridge: string, port: PodPort): readonly Operation[] {
  return [
    wait("Bridge", [["name", "==", bridge]], ["name"], "==", [{ name: bridge }], { timeout: 0 }),
    ...port.ips.map((ip) =>
      wait("Interface", [["external_ids", "includes", ovsMap([ipPair(ip)])]], ["name"], "==", [], { timeout: 0 }),
    ),
    insert("Interface", { name: port.name, external_ids: ovsMap(externalIdsOf(port)) }, "interface"),
    insert(
      "Port",
      { name: port.name, interfaces: namedUuid("interface"), external_ids: ovsMap({ weir: "pod" }) },
      "port",
    ),
    mutate("Bridge", [["name", "==", bridge]], [["ports", "insert", ovsSet([namedUuid("port")])]]),
  ];
}

/** Port and Interface rows go by themselves once no bridge refers to them. */
export function removePodPorts(bridge: string, ports: readonly Ref<"Port">[]): readonly Operation[] {
  const references = ovsSet(ports.map((port) => uuid(port)));
  return [mutate("Bridge", [["name", "==", bridge]], [["ports", "delete", references]])];
}
