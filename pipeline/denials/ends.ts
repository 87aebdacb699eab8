import { formatIp, type Ip } from "#base/address.ts";
import { gatewayAddress } from "../features/nodes.ts";
import type { Port, View } from "../model/model.ts";
import { podKeyOf } from "../model/pod-of-port.ts";
import type { Direction } from "../model/policy.ts";
import { PROTOCOL_NAMES, PROTOCOLS } from "../model/protocol.ts";
import { type Headers, readHeaders } from "./headers.ts";
import { readNumber, readRegister, type ToldPacket } from "./metadata.ts";

/** Between whom a packet goes on which policies decide. */
export interface Ends {
  /** Whose policies: those of the pod that sends, or of the one that has it or would have had it. */
  readonly direction: Direction;
  /** "namespace/name" of that pod. */
  readonly pod: string;
  readonly podAddress: string;
  /** "pod shop/web", "node n2", or an address that is neither's. */
  readonly peer: string;
  readonly peerAddress: string;
  /** "TCP", "ICMP", or the number. */
  readonly protocol: string;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly icmpType?: number;
}

const ICMP_NAMES: ReadonlyMap<number, string> = new Map([
  [1, "ICMP"],
  [58, "ICMPv6"],
]);

/** Undefined for what cannot be named: no IP, or of a port that went away meanwhile. */
export function nameEnds(
  { metadata, data }: ToldPacket,
  direction: Direction,
  view: View,
): { readonly ends: Ends; readonly port: Port } | undefined {
  const headers = readHeaders(data);
  const number = direction === "egress" ? readNumber(metadata, "in_port") : readRegister(metadata, "outputPort");
  const port = portAt(number, view);
  if (headers === undefined || port === undefined) return undefined;
  const [own, other] = sidesOf(headers, direction);
  const ends = {
    ...{ direction, pod: podKeyOf(port), podAddress: formatIp(own) },
    ...{ peer: describeAddress(other, view), peerAddress: formatIp(other) },
    ...describeTransport(headers),
  };
  return { ends, port };
}

function sidesOf({ source, destination }: Headers, direction: Direction): readonly [own: Ip, other: Ip] {
  return direction === "egress" ? [source, destination] : [destination, source];
}

export function portAt(ofport: number, view: View): Port | undefined {
  for (const port of view.Port.values()) if (port.ofport === ofport) return port;
  return undefined;
}

/** "pod shop/web", "node n2" for any address of a node, else the address. */
function describeAddress(ip: Ip, view: View): string {
  const pod = view.selections.podOf(ip);
  if (pod !== undefined) return `pod ${pod}`;
  for (const { name, addresses, podCidrs } of view.Node.values())
    if (addresses.includes(ip) || podCidrs.some((cidr) => gatewayAddress(cidr) === ip)) return `node ${name}`;
  return formatIp(ip);
}

function describeTransport({ protocol, ports, icmp }: Headers) {
  const name = PROTOCOL_NAMES.find((one) => PROTOCOLS[one] === protocol) ?? ICMP_NAMES.get(protocol);
  return {
    protocol: name ?? String(protocol),
    ...(ports && { sourcePort: ports.source, destinationPort: ports.destination }),
    ...(icmp && { icmpType: icmp.type }),
  };
}

/** "pod shop/web (10.10.1.5)". */
export function describePeer({ peer, peerAddress }: Ends): string {
  return peer === peerAddress ? peer : `${peer} (${peerAddress})`;
}

/** "5432/TCP", "type 8/ICMP", "ICMP". */
export function describeAtPort({ protocol, destinationPort, icmpType }: Ends): string {
  const port = destinationPort ?? (icmpType === undefined ? undefined : `type ${icmpType}`);
  return port === undefined ? protocol : `${port}/${protocol}`;
}

/** "ingress from pod shop/web (10.10.1.5) at 5432/TCP". */
export function describeEnds(ends: Ends): string {
  const { direction, protocol, destinationPort } = ends;
  const where = destinationPort === undefined ? protocol : `${destinationPort}/${protocol}`;
  return `${direction} ${direction === "ingress" ? "from" : "to"} ${describePeer(ends)} at ${where}`;
}
