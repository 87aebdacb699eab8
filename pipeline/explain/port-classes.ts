import { isIpv4 } from "#base/address.ts";
import type { Objects } from "../model/model.ts";
import { DIRECTIONS, type PolicyPort, rulesOf } from "../model/policy.ts";
import { containerPortKey, PROTOCOL_NAMES, PROTOCOLS } from "../model/protocol.ts";
import type { Packet } from "./evaluate.ts";
import { formatRange, policiesOf } from "./words.ts";

/** Ports of which policies say the same, and one packet's protocol and port that stand for all. */
export interface PortClass {
  /** "80/TCP", "8000-8100/UDP"; "other/TCP" and "other" are what no policy names. */
  readonly text: string;
  /** Undefined for what is neither TCP nor UDP nor SCTP, nor any port of these that a policy names: ICMP stands for it. */
  readonly protocol: number | undefined;
  readonly port: number | undefined;
}

const OTHER: PortClass = { text: "other", protocol: undefined, port: undefined };

const ICMP = 1;
const ICMPV6 = 58;
const HIGHEST_PORT = 65535;

/** The packet of a class between two addresses of one family. */
export function packetOf(ends: Pick<Packet, "source" | "destination">, { protocol, port }: PortClass): Packet {
  const other = isIpv4(ends.source) ? ICMP : ICMPV6;
  return { source: ends.source, destination: ends.destination, protocol: protocol ?? other, destinationPort: port };
}

/** Every port that a policy of these clusters names, and all others. Within a class no rule tells one port from another. */
export function classifyPorts(...clusters: readonly Objects[]): readonly PortClass[] {
  const named = clusters.flatMap(portsNamedBy);
  return [...PROTOCOL_NAMES.flatMap((name) => classesOf(name, named)), OTHER];
}

/** What rules name, with each name's numbers in all pods. */
function portsNamedBy(objects: Objects): readonly PolicyPort[] {
  const ports = policiesOf(objects).flatMap((policy) =>
    DIRECTIONS.flatMap((direction) => rulesOf(policy, direction).flatMap((rule) => rule.ports ?? [])),
  );
  return ports.flatMap((one) => (typeof one.port === "string" ? numbersOf(one.protocol, one.port, objects) : [one]));
}

function numbersOf(protocol: number, name: string, { Pod: pods }: Objects): readonly PolicyPort[] {
  const key = containerPortKey(protocol, name);
  const numbers = new Set([...pods.values()].flatMap(({ ports }) => ports.get(key) ?? []));
  return [...numbers].map((number) => ({ protocol, port: { from: number, to: number } }));
}

function classesOf(name: keyof typeof PROTOCOLS, named: readonly PolicyPort[]): readonly PortClass[] {
  const protocol = PROTOCOLS[name];
  const own = named.filter((port) => port.protocol === protocol);
  const ranges = own.flatMap(({ port }) => (typeof port === "object" ? [port] : []));
  // At each of these something begins that is not before it.
  const starts = [...new Set(ranges.flatMap(({ from, to }) => [from, to + 1]))].sort((a, b) => a - b);
  const classes = starts.flatMap((from, i): readonly PortClass[] => {
    if (!ranges.some((range) => range.from <= from && from <= range.to)) return [];
    const to = (starts[i + 1] ?? HIGHEST_PORT + 1) - 1;
    return [{ text: `${formatRange(from, to)}/${name}`, protocol, port: from }];
  });
  if (own.every(({ port }) => port !== undefined)) return classes;
  const rest = unnamedPort(ranges);
  return rest === undefined ? classes : [...classes, { text: `other/${name}`, protocol, port: rest }];
}

function unnamedPort(ranges: readonly { readonly from: number; readonly to: number }[]): number | undefined {
  const isFree = (port: number) => !ranges.some(({ from, to }) => from <= port && port <= to);
  const candidates = [1, ...ranges.map(({ to }) => to + 1)];
  return candidates.find((port) => port <= HIGHEST_PORT && isFree(port));
}

/** Parses "80", "80/TCP" or "53/udp"; undefined for anything else. */
export function parsePort(text: string): PortClass | undefined {
  const [, number, name = "TCP"] = /^([1-9]\d{0,4})(?:\/(\w+))?$/.exec(text) ?? [];
  const protocol = PROTOCOL_NAMES.find((one) => one === name.toUpperCase());
  const port = Number(number);
  if (protocol === undefined || !(port <= HIGHEST_PORT)) return undefined;
  return { text: `${port}/${protocol}`, protocol: PROTOCOLS[protocol], port };
}
