import { type Cidr, networkOf, parseIp, parseMac } from "#base/address.ts";
import type { Port, Underlay } from "../model/model.ts";
import type { Reader } from "./reader.ts";

/** OFPP_MAX: higher numbers are reserved ports, and OVSDB gives -1 for an interface that could not be opened. */
const HIGHEST_PORT = 0xffff_feff;

/** From an Interface row's name, ofport and external_ids. Undefined while the row lacks what flows need. */
export function readPort(reader: Reader, key: string): Port | undefined {
  const externalIds = reader.map("externalIds");
  const ofport = reader.number("ofport", 1, HIGHEST_PORT);
  const mac = reader.parsed("externalIds.weir-mac", externalIds.get("weir-mac"), parseMac, "a MAC address");
  const addresses = (externalIds.get("weir-ips") ?? "").split(",").filter((text) => text !== "");
  const ips = addresses.map((text) => reader.parsed("externalIds.weir-ips", text, parseIp, "a list of IP addresses"));
  if (ips.length === 0) reader.report("externalIds.weir-ips", "is absent; the pod's IP addresses are expected");
  if (ofport === undefined || mac === undefined) return undefined;
  return {
    name: key,
    ofport,
    mac,
    ips: ips.filter((ip) => ip !== undefined),
    podNamespace: externalIds.get("weir-pod-namespace") ?? "",
    podName: externalIds.get("weir-pod-name") ?? "",
    podUid: externalIds.get("weir-pod-uid") ?? "",
    containerId: externalIds.get("weir-container-id") ?? "",
  };
}

export function readUnderlay(reader: Reader): Underlay | undefined {
  const name = reader.text("interface");
  const mtu = reader.number("mtu", 68, 65535);
  const networks = reader
    .list("addresses")
    .map((entry, i) =>
      reader.parsed(`addresses[${i}]`, entry, parseInterfaceNetwork, "an address such as 10.0.0.5/24"),
    );
  if (name === undefined || mtu === undefined) return undefined;
  return { interface: name, mtu, networks: networks.filter((network) => network !== undefined) };
}

/** "172.18.0.5/24" is an address within 172.18.0.0/24. */
function parseInterfaceNetwork(text: string): Cidr | undefined {
  const [address = "", length = ""] = text.split("/");
  const ip = parseIp(address);
  const prefixLength = Number(length);
  if (ip === undefined || !/^\d+$/.test(length) || prefixLength > (typeof ip === "number" ? 32 : 128)) return undefined;
  return { address: networkOf(ip, prefixLength), prefixLength };
}
