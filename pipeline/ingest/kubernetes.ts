import { type Cidr, type Ip, isIpv4, parseCidr, parseIp } from "#base/address.ts";
import type { Namespace, NetworkCondition, Node, Pod } from "../model/model.ts";
import { NAMESPACE_NAME_LABEL } from "../model/namespace-name.ts";
import { readNamedPorts } from "./container-ports.ts";
import { isHostAddress, parseHostAddress } from "./host-address.ts";
import { isRecord, type Reader } from "./reader.ts";

/** The annotation by which a node tells its peers the MTU of its pods. */
export const POD_MTU_ANNOTATION = "weir.dev/pod-mtu";

const ADDRESS = "an IPv4 or IPv6 address such as 10.0.1.5 or fd00::5";
const NODE_ADDRESS = "the address of one host, such as 10.0.0.5 or fd00::5,";
const NETWORK = "a network with room for pods, such as 10.0.1.0/24 or fd00:1::/64,";

export function readPod(reader: Reader, key: string): Pod {
  const [namespace = "", name = ""] = key.split("/");
  const phase = reader.text("status.phase");
  const addresses = reader.list("status.podIPs").map((entry, i) => {
    const ip = isRecord(entry) ? entry["ip"] : undefined;
    return reader.parsed(`status.podIPs[${i}].ip`, ip, parseIp, ADDRESS);
  });
  return {
    namespace,
    name,
    uid: reader.text("metadata.uid") ?? "",
    labels: reader.map("metadata.labels"),
    nodeName: reader.text("spec.nodeName"),
    hostNetwork: reader.flag("spec.hostNetwork"),
    ips: present(addresses),
    completed: phase === "Succeeded" || phase === "Failed",
    terminating: reader.at("metadata.deletionTimestamp") !== undefined,
    created: readTime(reader, "metadata.creationTimestamp"),
    ports: readNamedPorts(reader),
  };
}

function readTime(reader: Reader, path: string): number {
  const time = reader.at(path);
  if (time === undefined) return 0;
  return reader.parsed(path, time, parseTime, "a time such as 2026-01-31T12:00:00Z") ?? 0;
}

/** RFC 3339, as the API writes times. */
function parseTime(text: string): number | undefined {
  const milliseconds = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]\d\d:\d\d)$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  return Number.isNaN(milliseconds) ? undefined : milliseconds;
}

export function readNode(reader: Reader, key: string): Node {
  return {
    name: key,
    uid: reader.text("metadata.uid") ?? "",
    labels: reader.map("metadata.labels"),
    ...readAddresses(reader),
    podCidrs: readPodCidrs(reader),
    podMtu: readPodMtu(reader),
    networkUnavailable: readNetworkCondition(reader),
  };
}

export function readNamespace(reader: Reader, key: string): Namespace {
  const labels = reader.map("metadata.labels");
  // The API server says so of every namespace; a manifest need not.
  return {
    name: key,
    uid: reader.text("metadata.uid") ?? "",
    labels: new Map([...labels, [NAMESPACE_NAME_LABEL, key]]),
  };
}

function readAddresses(reader: Reader): Pick<Node, "addresses" | "externalAddresses"> {
  const found: Record<"InternalIP" | "ExternalIP", Ip[]> = { InternalIP: [], ExternalIP: [] };
  for (const [i, entry] of reader.list("status.addresses").entries()) {
    const field = `status.addresses[${i}]`;
    if (!isRecord(entry)) {
      reader.report(field, "is no object; { type, address } is expected");
      continue;
    }
    const { type } = entry;
    if (type !== "InternalIP" && type !== "ExternalIP") continue;
    const address = reader.parsed(`${field}.address`, entry["address"], parseHostAddress, NODE_ADDRESS);
    if (address !== undefined) found[type].push(address);
  }
  return { addresses: found.InternalIP, externalAddresses: found.ExternalIP };
}

/** Room for the network's own address, the gateway's, and a pod's; and not so much that it holds half of the world. */
function parsePodCidr(text: string): Cidr | undefined {
  const cidr = parseCidr(text);
  if (cidr === undefined || !isHostAddress(cidr.address)) return undefined;
  const longest = isIpv4(cidr.address) ? 30 : 126;
  return cidr.prefixLength >= 8 && cidr.prefixLength <= longest ? cidr : undefined;
}

/** `podCIDRs`, or `podCIDR` where an old API server gives no list. */
function readPodCidrs(reader: Reader): readonly Cidr[] {
  const listed = reader.list("spec.podCIDRs");
  if (listed.length > 0)
    return present(listed.map((entry, i) => reader.parsed(`spec.podCIDRs[${i}]`, entry, parsePodCidr, NETWORK)));
  const single = reader.at("spec.podCIDR");
  return single === undefined ? [] : present([reader.parsed("spec.podCIDR", single, parsePodCidr, NETWORK)]);
}

function readPodMtu(reader: Reader): number | undefined {
  const text = reader.map("metadata.annotations").get(POD_MTU_ANNOTATION);
  if (text === undefined) return undefined;
  const field = `metadata.annotations[${POD_MTU_ANNOTATION}]`;
  return reader.parsed(
    field,
    text,
    (value) => (/^[1-9]\d{2,4}$/.test(value) ? Number(value) : undefined),
    "an MTU such as 1450",
  );
}

/** Only compared with what it should be, so nothing in it is a problem. */
function readNetworkCondition(reader: Reader): NetworkCondition | undefined {
  const conditions = reader.at("status.conditions");
  if (!Array.isArray(conditions)) return undefined;
  const condition: unknown = conditions.find((one: unknown) => isRecord(one) && one["type"] === "NetworkUnavailable");
  if (!isRecord(condition)) return undefined;
  const text = (field: string): string | undefined => {
    const value = condition[field];
    return typeof value === "string" ? value : undefined;
  };
  return { status: text("status"), reason: text("reason"), message: text("message") };
}

function present<T>(values: readonly (T | undefined)[]): readonly T[] {
  return values.filter((value) => value !== undefined);
}
