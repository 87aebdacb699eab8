import { type Cidr, type Ip, parseCidr, parseIp } from "#base/address.ts";
import type { Namespace, Node, Pod } from "../model/model.ts";
import { isRecord, type Reader } from "./reader.ts";

/** The annotation by which a node tells its peers the MTU of its pods. */
export const POD_MTU_ANNOTATION = "weir.dev/pod-mtu";

const ADDRESS = "an IPv4 or IPv6 address such as 10.0.1.5 or fd00::5";
const NETWORK = "a network such as 10.0.1.0/24 or fd00:1::/64";

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
  };
}

export function readNode(reader: Reader, key: string): Node {
  return {
    name: key,
    uid: reader.text("metadata.uid") ?? "",
    labels: reader.map("metadata.labels"),
    addresses: readInternalAddresses(reader),
    podCidrs: readPodCidrs(reader),
    podMtu: readPodMtu(reader),
  };
}

export function readNamespace(reader: Reader, key: string): Namespace {
  return { name: key, uid: reader.text("metadata.uid") ?? "", labels: reader.map("metadata.labels") };
}

function readInternalAddresses(reader: Reader): readonly Ip[] {
  const addresses = reader.list("status.addresses").map((entry, i) => {
    const field = `status.addresses[${i}]`;
    if (!isRecord(entry)) return void reader.report(field, "is no object; { type, address } is expected");
    if (entry["type"] !== "InternalIP") return undefined;
    return reader.parsed(`${field}.address`, entry["address"], parseIp, ADDRESS);
  });
  return present(addresses);
}

/** `podCIDRs`, or `podCIDR` where an old API server gives no list. */
function readPodCidrs(reader: Reader): readonly Cidr[] {
  const listed = reader.list("spec.podCIDRs");
  if (listed.length > 0)
    return present(listed.map((entry, i) => reader.parsed(`spec.podCIDRs[${i}]`, entry, parseCidr, NETWORK)));
  const single = reader.at("spec.podCIDR");
  return single === undefined ? [] : present([reader.parsed("spec.podCIDR", single, parseCidr, NETWORK)]);
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

function present<T>(values: readonly (T | undefined)[]): readonly T[] {
  return values.filter((value) => value !== undefined);
}
