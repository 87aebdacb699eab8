import { formatIp, type Ip } from "#base/address.ts";
import type { Match } from "#openflow/match.ts";
import { gatewayAddress } from "../features/nodes.ts";
import { CT_MARK } from "../layout/conntrack.ts";
import { DENIED_DIRECTION, DENIED_REASON } from "../layout/registers.ts";
import type { Port, View } from "../model/model.ts";
import { podKeyOf } from "../model/pod-of-port.ts";
import type { Direction } from "../model/policy.ts";
import { PROTOCOL_NAMES, PROTOCOLS } from "../model/protocol.ts";
import { type Headers, readHeaders } from "./headers.ts";
import { readNumber, readRegister, type ToldPacket } from "./metadata.ts";

/** A packet that a policy denied, by the names of those it concerns. */
export interface Denial {
  /** Whose policies: those of the pod that sends, or of the one that would have had it. */
  readonly direction: Direction;
  /** isolation: no rule allows it. unknown: the API has not told of the pod yet. rule: a rule denies it. */
  readonly reason: keyof typeof DENIED_REASON;
  /** cut: it belongs to a connection that was let through once. */
  readonly connection: "new" | "cut";
  /** "namespace/name" of the pod whose policies deny it. */
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
  /** The policies that isolate the pod, or the one whose rule denies: "namespace/name", or "name" of one for the whole cluster. The first by name, of many. */
  readonly policies: readonly string[];
  readonly morePolicies?: number;
  /** "ingress rule 2" of the policy. */
  readonly rule?: string;
}

/** So many policies are named in full. */
const MOST_POLICIES = 8;
const ICMP_NAMES: ReadonlyMap<number, string> = new Map([
  [1, "ICMP"],
  [58, "ICMPv6"],
]);

/** Undefined for what cannot be named: no IP, or of a port that went away meanwhile. */
export function describeDenial({ metadata, data }: ToldPacket, view: View): Denial | undefined {
  const direction = nameOf(DENIED_DIRECTION, readRegister(metadata, "deniedDirection"));
  const reason = nameOf(DENIED_REASON, readRegister(metadata, "deniedReason"));
  const headers = readHeaders(data);
  if (direction === undefined || reason === undefined || headers === undefined) return undefined;
  const number = direction === "egress" ? readNumber(metadata, "in_port") : readRegister(metadata, "outputPort");
  const port = portAt(number, view);
  if (port === undefined) return undefined;
  const [own, other] = sidesOf(headers, direction);
  return {
    ...{ direction, reason },
    connection: (readNumber(metadata, "ct_mark") & CT_MARK.known) === 0 ? "new" : "cut",
    pod: podKeyOf(port),
    podAddress: formatIp(own),
    peer: describeAddress(other, view),
    peerAddress: formatIp(other),
    ...describeTransport(headers),
    ...(reason === "rule" ? blameRule(metadata, direction, view) : blame(port, direction, view)),
  };
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

function blameRule(metadata: Match, direction: Direction, view: View): Pick<Denial, "policies" | "rule"> {
  const rule = view.rules.withId(readRegister(metadata, direction === "egress" ? "egressRule" : "ingressRule"));
  if (rule === undefined) return { policies: [] };
  return { policies: [rule.policy.name], rule: `${direction} rule ${rule.index}` };
}

function blame(port: Port, direction: Direction, view: View): Pick<Denial, "policies" | "morePolicies"> {
  const isolating = new Set<string>();
  for (const selection of view.selections.selectionsOf(podKeyOf(port)))
    for (const { name } of view.rules.isolating(selection, direction)) isolating.add(name);
  const policies = [...isolating].sort();
  const more = policies.length - MOST_POLICIES;
  return { policies: policies.slice(0, MOST_POLICIES), ...(more > 0 && { morePolicies: more }) };
}

function nameOf<T extends Readonly<Record<string, number>>>(values: T, value: number): (keyof T & string) | undefined {
  return Object.keys(values).find((name) => values[name] === value);
}

/** "denied ingress from pod shop/web (10.10.1.5) at 5432/TCP". */
export function describeEnds(denial: Denial): string {
  const { direction, connection, peer, peerAddress, protocol, destinationPort } = denial;
  const who = peer === peerAddress ? peer : `${peer} (${peerAddress})`;
  const where = destinationPort === undefined ? protocol : `${destinationPort}/${protocol}`;
  const cut = connection === "cut" ? "an existing connection, " : "";
  return `denied ${cut}${direction} ${direction === "ingress" ? "from" : "to"} ${who} at ${where}`;
}

/** "isolated by shop/db, and no rule allows it". */
export function describeBlame({ reason, policies, morePolicies, rule }: Denial): string {
  const names = `${policies.join(", ")}${morePolicies === undefined ? "" : ` and ${morePolicies} more`}`;
  switch (reason) {
    case "isolation":
      return `isolated by ${names}, and no rule allows it`;
    case "unknown":
      return "the API has not told of the pod yet, and policies of its namespace may select it";
    case "rule":
      return `denied by ${names}${rule === undefined ? "" : `, ${rule}`}`;
  }
}
