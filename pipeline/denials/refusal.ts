import { type Ip, isIpv4, type Mac } from "#base/address.ts";
import type { Action } from "#openflow/actions.ts";
import type { Match } from "#openflow/match.ts";
import { IP_PROTO, STATE, setRegister } from "../features/vocabulary.ts";
import { ZONE } from "../layout/conntrack.ts";
import { GATEWAY_MAC, PORTS, ROUTER_MAC, TUNNEL_KEY } from "../layout/ports.ts";
import { TABLES } from "../layout/tables.ts";
import type { View } from "../model/model.ts";
import { portAt } from "./ends.ts";
import { type Headers, locateTransport, readHeaders, type Transport } from "./headers.ts";
import { readField, readNumber, type ToldPacket } from "./metadata.ts";
import { ethernetFrame, icmpMessage, ipPacket, tcpSegment } from "./packets.ts";

/** A packet that answers another, and its way through the switch. */
export interface Refusal {
  readonly data: Uint8Array;
  readonly actions: readonly Action[];
}

const ICMP = 1;
/** Questions to which ICMP itself has answers (RFC 1122, 3.2.2); all others it carries are errors or answers. */
const ICMP_QUESTIONS: ReadonlySet<number> = new Set([8, 13, 15, 17]);
const FIRST_ICMPV6_QUESTION = 128;
const TCP_FLAGS = { fin: 1, syn: 2, rst: 4, ack: 16 } as const;
const ETHERNET = 14;
/** Communication administratively prohibited: RFC 1812, 5.2.7.1, and RFC 4443, 3.1. */
const PROHIBITED = { 4: { type: 3, code: 13 }, 6: { type: 1, code: 1 } } as const;

/**
 * The answer to a packet that a policy refuses: a TCP reset, or ICMP's word that it is prohibited, from whom the packet was for.
 * Undefined for what must not be answered: resets, ICMP's own errors, what is for many, and fragments behind the first.
 */
export function refuse({ metadata, data }: ToldPacket, view: View): Refusal | undefined {
  const headers = readHeaders(data);
  const transport = headers && locateTransport(data);
  if (headers === undefined || transport === undefined || isForMany(headers)) return undefined;
  const { source, destination, protocol } = headers;
  const way = wayBack(metadata, view);
  const answer = protocol === IP_PROTO.tcp ? resetOf(data, transport) : prohibitionOf(data, headers);
  if (answer === undefined || way === undefined) return undefined;
  const packet = ipPacket({ source: destination, destination: source, ...answer });
  return { data: ethernetFrame(way.mac, ROUTER_MAC, packet), actions: way.actions };
}

function isForMany({ source, destination }: Headers): boolean {
  return [source, destination].some((ip) =>
    isIpv4(ip) ? ip >>> 28 === 0xe || ip === 0xffff_ffff || ip >>> 24 === 0 : ip >> 120n === 0xffn || ip === 0n,
  );
}

interface Answer {
  readonly protocol: number;
  /** With a checksum for these addresses. */
  readonly payload: (source: Ip, destination: Ip) => Uint8Array;
}

/** RFC 9293, 3.5.2: in sequence with what the packet acknowledges, or else acknowledging the packet. */
function resetOf(frame: Uint8Array, { at }: Transport): Answer | undefined {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (view.byteLength < at + 20) return undefined;
  const flags = view.getUint8(at + 13);
  if ((flags & TCP_FLAGS.rst) !== 0) return undefined;
  const ports = { source: view.getUint16(at + 2), destination: view.getUint16(at) };
  if ((flags & TCP_FLAGS.ack) !== 0) {
    const segment = { ...ports, sequence: view.getUint32(at + 8), acknowledged: 0, flags: TCP_FLAGS.rst };
    return { protocol: IP_PROTO.tcp, payload: (from, to) => tcpSegment(segment, from, to) };
  }
  const bytes = lengthOfPacket(view) - (at - ETHERNET) - (view.getUint8(at + 12) >>> 4) * 4;
  const counted = Math.max(bytes, 0) + ((flags & TCP_FLAGS.syn) === 0 ? 0 : 1) + (flags & TCP_FLAGS.fin);
  const acknowledged = (view.getUint32(at + 4) + counted) >>> 0;
  const segment = { ...ports, sequence: 0, acknowledged, flags: TCP_FLAGS.rst | TCP_FLAGS.ack };
  return { protocol: IP_PROTO.tcp, payload: (from, to) => tcpSegment(segment, from, to) };
}

function prohibitionOf(frame: Uint8Array, { source, protocol, icmp }: Headers): Answer | undefined {
  const family = isIpv4(source) ? 4 : 6;
  if (protocol === ICMP && (icmp === undefined || !ICMP_QUESTIONS.has(icmp.type))) return undefined;
  if (protocol === IP_PROTO.icmpv6 && (icmp === undefined || icmp.type < FIRST_ICMPV6_QUESTION)) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  // A short frame is padded; the packet says where it ends.
  const packet = frame.subarray(ETHERNET, ETHERNET + lengthOfPacket(view));
  return {
    protocol: family === 4 ? ICMP : IP_PROTO.icmpv6,
    payload: (from, to) => icmpMessage({ ...PROHIBITED[family], packet }, from, to),
  };
}

/** As its header says. */
function lengthOfPacket(view: DataView): number {
  return view.getUint8(ETHERNET) >>> 4 === 4 ? view.getUint16(ETHERNET + 2) : view.getUint16(ETHERNET + 4) + 40;
}

/**
 * Back where it came from, past all tables: it is asked nothing that could refuse it, and no entry of conntrack is touched on the
 * way. Only what a service has led here comes from the service's address, for which conntrack is asked.
 */
function wayBack(metadata: Match, view: View): { readonly mac: Mac; readonly actions: readonly Action[] } | undefined {
  const port = readNumber(metadata, "in_port");
  const mac = port === PORTS.tunnel ? ROUTER_MAC : port === PORTS.gateway ? GATEWAY_MAC : portAt(port, view)?.mac;
  if (mac === undefined) return undefined;
  const tunnel = port === PORTS.tunnel ? tunnelBack(metadata) : [];
  const isTranslated = (readNumber(metadata, "ct_state") & STATE.dnat) !== 0;
  const leave: readonly Action[] = isTranslated
    ? [setRegister("outputPort", port), { type: "ct", zone: ZONE, nat: true, table: TABLES.Output.id }]
    : [{ type: "output", port }];
  return { mac, actions: [...tunnel, ...leave] };
}

function tunnelBack(metadata: Match): readonly Action[] {
  const [v4, v6] = [readField(metadata, "tun_src"), readField(metadata, "tun_ipv6_src")];
  return [
    { type: "set_field", field: "tun_id", value: TUNNEL_KEY },
    ...(v4 === undefined ? [] : [{ type: "set_field", field: "tun_dst", value: v4 } as const]),
    ...(v6 === undefined ? [] : [{ type: "set_field", field: "tun_ipv6_dst", value: v6 } as const]),
  ];
}
