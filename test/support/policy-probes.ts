import { formatIp, type Ip, parseIp } from "#base/address.ts";
import { evaluate, isDenied } from "#pipeline/explain/evaluate.ts";
import { ROUTER_MAC } from "#pipeline/layout/ports.ts";
import { arp, BROADCAST, ETHER, ethernet } from "./frames.ts";
import type { Family, PluggedPod, PolicyFabric } from "./policy-fabric.ts";
import { ipPackets, type Protocol, protocolNumber } from "./policy-frames.ts";
import type { Fence, Phase, Sending } from "./policy-wire.ts";

/** The first packet of a connection between two ends: "shop/web" a pod, "n1" a node's own address, "outside". */
export interface Probe {
  readonly from: string;
  readonly to: string;
  readonly family: Family;
  readonly protocol: Protocol;
  readonly port: number;
  /** Bytes of data; what is longer than the MTU goes in fragments. */
  readonly size?: number;
  /** Its own unless it is to belong to an earlier one's connection. */
  readonly sourcePort?: number;
  /** It is sent to a service, of which the receiver is the only endpoint. */
  readonly via?: ServiceAddress;
}

/** Where a service is reached by clients who mean one port of its endpoint. */
export interface ServiceAddress {
  readonly addresses: Readonly<Record<Family, string>>;
  readonly port: number;
}

export interface Outcome {
  readonly probe: Probe;
  /** How many of its packets came to the other end. */
  readonly arrived: number;
  readonly packets: number;
  /** The other end's kernel answered, and the answer came. */
  readonly answered: boolean;
  /** The other end's kernel said that nobody is there, and that came. */
  readonly refused: boolean;
  /** Pods that heard it though it was not for them. */
  readonly astray: readonly string[];
}

const GATEWAYS = { 4: (n: number) => `10.10.${n}.1`, 6: (n: number) => `fd10:10:${n}::1` };
const OWN = { 4: (n: number) => `172.18.0.${n}`, 6: (n: number) => `fd18::${n}` };
const FENCE_PORT = 9;
let count = 0;

/** Sends all of them at once and says what became of each when nothing of them is on its way any more. */
export async function sendProbes(fabric: PolicyFabric, probes: readonly Probe[]): Promise<readonly Outcome[]> {
  const sent = probes.map((probe) => prepare(fabric, probe));
  await fabric.wire.forget();
  const local = await fencesOfPorts(fabric);
  // Through the first switch, between the nodes, and through the second; and so again for the answers, and by the host's ways.
  const phases: Phase[] = [
    { packets: sent.flatMap(({ packets }) => packets), fences: local },
    ...[0, 1, 2].flatMap((): Phase[] => [
      { packets: [], fences: fencesBetweenNodes(fabric) },
      { packets: [], fences: local },
    ]),
  ];
  const heard = await fabric.wire.run(phases);
  const places = locate(
    heard,
    sent.map(({ token }) => token),
  );
  return sent.map(({ probe, token, packets, sourcePort }) => {
    const at = places.get(token) ?? new Map();
    return {
      ...{ probe, packets: packets.length, arrived: at.get(probe.to) ?? 0 },
      answered: isAnswered(fabric, heard[probe.from] ?? [], probe, sourcePort, at.has(probe.from)),
      refused: (heard[probe.from] ?? []).some((frame) => isIcmpError(frame) && frame.includes(token)),
      astray: [...at.keys()].filter((tap) => fabric.pods.has(tap) && tap !== probe.to && tap !== probe.from),
    };
  });
}

/** Packets that may be sent again and again; the number of times that each was heard at the other end is told afterwards. */
export interface Volley {
  readonly packets: readonly Sending[];
  /** Of each probe, in their order, in what taps have heard. */
  count(heard: Readonly<Record<string, readonly string[]>>): readonly number[];
}

export function prepareVolley(fabric: PolicyFabric, probes: readonly Probe[]): Volley {
  const sent = probes.map((probe) => prepare(fabric, probe));
  return {
    packets: sent.flatMap(({ packets }) => packets),
    count(heard) {
      const places = locate(
        heard,
        sent.map(({ token }) => token),
      );
      return sent.map(({ token, probe }) => places.get(token)?.get(probe.to) ?? 0);
    },
  };
}

/** What the policies say of it, from the objects alone. */
export function isAllowed(fabric: PolicyFabric, probe: Probe): boolean {
  const { leaves, enters } = judge(fabric, probe);
  return leaves && enters;
}

/** What the sender's node lets out, and the receiver's in. */
export function judge(fabric: PolicyFabric, probe: Probe): { readonly leaves: boolean; readonly enters: boolean } {
  const { from, to, family, protocol, port } = probe;
  const destination = parseIp(addressOf(fabric, to, family))!;
  const packet = {
    ...{ source: parseIp(sourceOf(fabric, from, to, family))!, destination },
    protocol: protocolNumber(protocol, destination),
    destinationPort: protocol === "icmp" ? undefined : port,
    isHairpin: from === to,
  };
  const { egress, ingress } = evaluate(fabric.view, (ip) => podAt(fabric, ip), packet);
  return { leaves: !isDenied(egress), enters: !isDenied(ingress) };
}

/** What is not as it should be, in words. */
export async function findFaults(
  fabric: PolicyFabric,
  probes: readonly Probe[],
  expected: (probe: Probe) => boolean = (probe) => isAllowed(fabric, probe),
): Promise<readonly string[]> {
  const outcomes = await sendProbes(fabric, probes);
  return outcomes.flatMap(({ probe, arrived, packets, answered, astray }) => {
    const wanted = expected(probe);
    const faults: string[] = [];
    if (arrived !== (wanted ? packets : 0))
      faults.push(`${arrived} of ${packets} packets came, should ${wanted ? "all" : "none"}`);
    if (wanted && canAnswer(fabric, probe) && !answered) faults.push("no answer came back");
    if (astray.length > 0) faults.push(`was heard by ${astray.join(", ")}`);
    return faults.map((fault) => `${describe(probe)}: ${fault}`);
  });
}

export function describe({ from, to, family, protocol, port, size = 0, via }: Probe): string {
  const more = `${size > 0 ? ` ${size} bytes` : ""}${via === undefined ? "" : " by its service"}`;
  return `${from} -> ${to} IPv${family} ${protocol} ${port}${more}`;
}

export function addressOf(fabric: PolicyFabric, end: string, family: Family): string {
  if (end === "outside") return fabric.fabric.outside.addresses[family]!;
  const pod = podOf(fabric, end);
  return pod === undefined ? OWN[family](numberOf(end)) : pod.ips[family];
}

/** As a frame out of the pod. */
export function frameOf(pod: PluggedPod, packet: Buffer): string {
  const type = packet[0]! >> 4 === 4 ? ETHER.ipv4 : ETHER.ipv6;
  return ethernet(ROUTER_MAC, pod.mac, type, packet).toString("hex");
}

interface Sent {
  readonly probe: Probe;
  readonly token: string;
  readonly packets: readonly Sending[];
  readonly sourcePort: number;
}

function prepare(fabric: PolicyFabric, probe: Probe): Sent {
  const { from, to, family, protocol, port, size = 0, via } = probe;
  count += 1;
  const { sourcePort = 1024 + (count % 60_000) } = probe;
  const token = Buffer.from(`Weir${String(count).padStart(8, "0")}`);
  // In each fragment of a long one.
  const data = size === 0 ? token : Buffer.alloc(size, token);
  const address = via?.addresses[family] ?? addressOf(fabric, to, family);
  const packets = ipPackets({
    ...{ source: parseIp(sourceOf(fabric, from, to, family))!, destination: parseIp(address)! },
    ...{ protocol, sourcePort, destinationPort: via?.port ?? port, data },
  });
  const pod = podOf(fabric, from);
  const send = (packet: Buffer): Sending =>
    pod === undefined ? [from, packet.toString("hex"), address] : [from, frameOf(pod, packet)];
  return { probe, token: token.toString("hex"), sourcePort, packets: packets.map(send) };
}

/** A node speaks to pods from its gateway's address, to others from its own. */
function sourceOf(fabric: PolicyFabric, from: string, to: string, family: Family): string {
  if (!fabric.nodes.has(from)) return addressOf(fabric, from, family);
  return (podOf(fabric, to) !== undefined ? GATEWAYS : OWN)[family](numberOf(from));
}

function podOf({ pods, arriving }: PolicyFabric, key: string): PluggedPod | undefined {
  return pods.get(key) ?? arriving.get(key);
}

function numberOf(node: string): number {
  return Number(node.slice(1));
}

function podAt(fabric: PolicyFabric, ip: Ip) {
  const text = formatIp(ip);
  for (const { key, ips } of [...fabric.pods.values(), ...fabric.arriving.values()])
    if (Object.values(ips).includes(text)) return fabric.view.Pod.get(key);
  return undefined;
}

/** Each switch answers ARP in the order in which packets come by a port; what comes by the gateway is heard at the beacon. */
async function fencesOfPorts(fabric: PolicyFabric): Promise<readonly Fence[]> {
  const ofPods = [...fabric.pods.values()].map((pod): Fence => {
    const gateway = parseIp(GATEWAYS[4](numberOf(pod.node)))!;
    const request = arp(1, pod.mac, parseIp(pod.ips[4])!, 0 as typeof pod.mac, gateway);
    const frame = ethernet(BROADCAST, pod.mac, ETHER.arp, request).toString("hex");
    return [[pod.key, frame], pod.key, "08060001080006040002"];
  });
  const ofGateways = [...fabric.nodes.keys()].map((node): Fence => {
    const { ips } = fabric.pod(`beacon/${node}`);
    return fence(node, GATEWAYS[4](numberOf(node)), ips[4], `beacon/${node}`);
  });
  return [...ofPods, ...ofGateways];
}

function fencesBetweenNodes(fabric: PolicyFabric): readonly Fence[] {
  const nodes = [...fabric.nodes.keys()];
  const outside = fabric.fabric.outside.addresses[4]!;
  return nodes.flatMap((to) => {
    const address = OWN[4](numberOf(to));
    const peers = nodes.filter((from) => from !== to);
    return [
      ...peers.map((from) => fence(from, OWN[4](numberOf(from)), address, `${to} uplink`)),
      fence("outside", outside, address, `${to} uplink`),
      fence(to, address, outside, "outside"),
    ];
  });
}

function fence(from: string, source: string, destination: string, tap: string): Fence {
  count += 1;
  const data = Buffer.from(`Fence${String(count).padStart(8, "0")}`);
  const ends = { source: parseIp(source)!, destination: parseIp(destination)! };
  const [packet] = ipPackets({ ...ends, protocol: "udp", sourcePort: FENCE_PORT, destinationPort: FENCE_PORT, data });
  return [[from, packet!.toString("hex"), destination], tap, data.toString("hex")];
}

/** Token to tap to the number of frames that bear it. */
function locate(
  heard: Readonly<Record<string, readonly string[]>>,
  tokens: readonly string[],
): ReadonlyMap<string, ReadonlyMap<string, number>> {
  const places = new Map(tokens.map((token) => [token, new Map<string, number>()]));
  const magic = Buffer.from("Weir").toString("hex");
  for (const [tap, frames] of Object.entries(heard))
    for (const frame of frames) {
      if (isIcmpError(frame)) continue;
      // A frame's own token, not one that is quoted behind it.
      for (let at = frame.indexOf(magic); at >= 0; at = frame.indexOf(magic, at + 2)) {
        const place = places.get(frame.slice(at, at + 24));
        if (place === undefined) continue;
        place.set(tap, (place.get(tap) ?? 0) + 1);
        break;
      }
    }
  return places;
}

/** What a host says of a packet that it has no use for, and quotes. */
function isIcmpError(frame: string): boolean {
  const byte = (at: number) => Number.parseInt(frame.slice(2 * at, 2 * at + 2), 16);
  if (byte(14) >> 4 === 4) return byte(23) === 1 && [3, 11, 12].includes(byte(34));
  return byte(20) === 58 && byte(54) < 128;
}

/** An echo reply bears the token; a reset goes to the port that the SYN came from. */
function isAnswered(
  fabric: PolicyFabric,
  frames: readonly string[],
  { to, family, protocol, via }: Probe,
  sourcePort: number,
  hasToken: boolean,
): boolean {
  if (protocol === "icmp") return hasToken;
  if (protocol !== "tcp") return false;
  const head = family === 4 ? 34 : 54;
  const address = via?.addresses[family] ?? addressOf(fabric, to, family);
  const source = Buffer.from(ipBytesOf(address)).toString("hex");
  return frames.some((frame) => {
    const bytes = Buffer.from(frame, "hex");
    const isReset =
      bytes.length >= head + 20 && bytes[family === 4 ? 23 : 20] === 6 && (bytes[head + 13]! & 0x04) !== 0;
    const at = family === 4 ? 26 : 22;
    return isReset && bytes.readUInt16BE(head + 2) === sourcePort && frame.startsWith(source, at * 2);
  });
}

function canAnswer(fabric: PolicyFabric, { from, to, protocol, size = 0 }: Probe): boolean {
  return (protocol === "icmp" || protocol === "tcp") && fabric.pods.has(from) && to !== "outside" && size === 0;
}

function ipBytesOf(address: string): readonly number[] {
  const ip = parseIp(address)!;
  if (typeof ip === "number") return [ip >>> 24, (ip >>> 16) & 255, (ip >>> 8) & 255, ip & 255];
  return Array.from({ length: 16 }, (_, i) => Number((ip >> BigInt(120 - 8 * i)) & 255n));
}
