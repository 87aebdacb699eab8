import { createHash } from "node:crypto";
import { formatIp, formatMac, type Ip, isIpv4, type Mac, parseIp, parseMac } from "#base/address.ts";
import type { InterfaceRow } from "#ovsdb/generated/open-vswitch.ts";

/** A pod's port as its Interface row keeps it: the only place where IP allocations are written down. */
export interface PodPort {
  readonly name: string;
  readonly containerId: string;
  readonly ifname: string;
  readonly netns: string;
  readonly mac: Mac;
  readonly ips: readonly Ip[];
  readonly pod: PodIdentity;
}

/** Empty strings where the runtime did not say. */
export interface PodIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** What names the host's ends of pods, and nothing else of ours. */
export const POD_PORT_NAME = /^weir[0-9a-f]{11}$/;

/** 15 characters, the most that the kernel takes; equal for a repeated ADD, so that it finds what the first one made. */
export function portNameOf(containerId: string, ifname: string): string {
  return `weir${digest(containerId, ifname).toString("hex").slice(0, 11)}`;
}

/** Locally administered and unicast (0a:...), so never one of the fixed addresses of router and gateway. */
export function podMacOf(containerId: string, ifname: string): Mac {
  return (0x0a_00_00_00_00_00 + digest(containerId, ifname).readUIntBE(16, 5)) as Mac;
}

function digest(containerId: string, ifname: string): Buffer {
  return createHash("sha256").update(`${containerId}/${ifname}`).digest();
}

/**
 * `weir-ip4` and `weir-ip6` repeat what is in `weir-ips`, one address each: a transaction can ask whether any row has exactly
 * this pair, so that the database itself refuses to hand an address out twice.
 */
export function externalIdsOf(port: PodPort): Record<string, string> {
  return {
    weir: "pod",
    "weir-pod-namespace": port.pod.namespace,
    "weir-pod-name": port.pod.name,
    "weir-pod-uid": port.pod.uid,
    "weir-container-id": port.containerId,
    "weir-netns": port.netns,
    "weir-ifname": port.ifname,
    "weir-mac": formatMac(port.mac),
    "weir-ips": port.ips.map(formatIp).join(","),
    ...Object.fromEntries(port.ips.map((ip) => ipPair(ip))),
  };
}

export function ipPair(ip: Ip): readonly [key: string, value: string] {
  return [isIpv4(ip) ? "weir-ip4" : "weir-ip6", formatIp(ip)];
}

/** Undefined for rows that are not of a pod, or that somebody has damaged. */
export function readPodPort({
  name,
  external_ids: ids,
}: Pick<InterfaceRow, "name" | "external_ids">): PodPort | undefined {
  const mac = parseMac(ids.get("weir-mac") ?? "");
  if (ids.get("weir") !== "pod" || mac === undefined) return undefined;
  const text = (key: string): string => ids.get(`weir-${key}`) ?? "";
  return {
    name,
    containerId: text("container-id"),
    ifname: text("ifname"),
    netns: text("netns"),
    mac,
    ips: text("ips")
      .split(",")
      .map(parseIp)
      .filter((ip) => ip !== undefined),
    pod: { namespace: text("pod-namespace"), name: text("pod-name"), uid: text("pod-uid") },
  };
}
