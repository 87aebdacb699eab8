import { type Ip, parseIp, parseMac } from "#base/address.ts";
import type { Packet } from "#pipeline/explain/evaluate.ts";
import { STATE } from "#pipeline/features/vocabulary.ts";
import { PORTS, ROUTER_MAC, TUNNEL_KEY } from "#pipeline/layout/ports.ts";
import type { Fields } from "#test/support/fake-switch.ts";
import { addressesOf, HOST, LOCAL, OUTSIDE, ofportOf, PODS } from "./policy-clusters.ts";

/** Packets of the clusters of policy-clusters.ts. */

const POD_PORTS = [80, 8080, 443, 5353];
const PORT_FIELDS = { 1: undefined, 6: "tcp_dst", 17: "udp_dst", 58: undefined, 132: "sctp_dst" } as const;

/** Where pods may send that is no pod's address. */
const ABROAD = OUTSIDE.filter((text) => text !== "10.10.1.77");

/** ct_state of a first packet that has got another destination. */
const TRANSLATED = STATE.new | STATE.trk | STATE.dnat;

/** From everywhere to every pod, and from pods to the outside, in the family that both have. */
export function* packetsOfCluster(): Iterable<Packet> {
  const pods = PODS.flatMap(addressesOf).map((text) => parseIp(text)!);
  const senders = [...pods, ...[...OUTSIDE, ...HOST].map((text) => parseIp(text)!)];
  const abroad = ABROAD.map((text) => parseIp(text)!);
  for (const source of senders)
    for (const destination of pods.includes(source) ? [...pods, ...abroad] : pods) {
      if (typeof source !== typeof destination || source === destination) continue;
      yield { source, destination, protocol: typeof source === "number" ? 1 : 58, destinationPort: undefined };
      for (const protocol of [6, 17])
        for (const destinationPort of POD_PORTS) yield { source, destination, protocol, destinationPort };
      yield { source, destination, protocol: 132, destinationPort: 80 };
    }
}

/** What services lead back to the pod that sent it. */
export function* hairpinsOfCluster(): Iterable<Packet> {
  for (const own of PODS.flatMap(addressesOf).map((text) => parseIp(text)!))
    for (const protocol of [6, 17])
      for (const destinationPort of POD_PORTS)
        yield { source: own, destination: own, protocol, destinationPort, isHairpin: true };
}

const PODS_BY_ADDRESS = new Map(PODS.flatMap((pod) => addressesOf(pod).map((text) => [parseIp(text)!, pod] as const)));
const LOCAL_PODS: ReadonlySet<string> = new Set(LOCAL);
const HOST_ADDRESSES = new Set(HOST.map((text) => parseIp(text)!));

/** Whose address it is, whether the pod is there or not. */
export function podKeyAt(ip: Ip): string | undefined {
  return PODS_BY_ADDRESS.get(ip);
}

/** The same of the pods that have a port on this node. */
export function localPodAt(ip: Ip): string | undefined {
  const key = podKeyAt(ip);
  return key !== undefined && LOCAL_PODS.has(key) ? key : undefined;
}

/** The packet as it enters this node's bridge. */
export function enter({ source, destination, protocol, destinationPort = 0, isHairpin = false }: Packet): Fields {
  const port = PORT_FIELDS[protocol as keyof typeof PORT_FIELDS];
  const family =
    typeof source === "number"
      ? { eth_type: 0x800, ip_src: source, ip_dst: destination }
      : { eth_type: 0x86dd, ipv6_src: source, ipv6_dst: destination };
  const headers = { eth_dst: ROUTER_MAC, ...family, nw_proto: protocol, nw_ttl: 64 };
  const ports = port === undefined ? {} : { [port]: destinationPort };
  // A hairpin is looked at as it is once it has its endpoint: new, and translated.
  return { ...placeOf(source), ...headers, ...ports, ...(isHairpin && { ct_state: TRANSLATED }) };
}

function placeOf(source: Ip): Fields {
  const pod = localPodAt(source);
  if (pod === undefined)
    return HOST_ADDRESSES.has(source) ? { in_port: PORTS.gateway } : { in_port: PORTS.tunnel, tun_id: TUNNEL_KEY };
  const in_port = ofportOf(pod);
  return { in_port, eth_src: parseMac(`0a:58:00:00:00:${in_port.toString(16).padStart(2, "0")}`)! };
}
