import { type Cidr, familyOf, type Ip, type IpFamily, type Mac, prefixMask } from "#base/address.ts";
import type { Action, Subfield } from "#openflow/actions.ts";
import { type MatchSpec, match } from "#openflow/match.ts";
import type { Contribution } from "../feature.ts";
import { GATEWAY_MAC, PORTS, ROUTER_MAC } from "../layout/ports.ts";
import { DENIED_DIRECTION, DENIED_REASON, REGISTERS } from "../layout/registers.ts";
import type { Site } from "../layout/sites.ts";
import { TABLES, type TableName } from "../layout/tables.ts";
import type { Direction } from "../model/policy.ts";
import type { Owner } from "../owner.ts";

/** The words in which features write flows. */

export const ETH_TYPE = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd } as const;
export function ethTypeOf(family: IpFamily): number {
  return family === 4 ? ETH_TYPE.ipv4 : ETH_TYPE.ipv6;
}

export const IP_PROTO = { tcp: 6, udp: 17, icmpv6: 58, sctp: 132 } as const;
export const ICMPV6 = {
  routerAdvertisement: 134,
  neighbourSolicitation: 135,
  neighbourAdvertisement: 136,
  redirect: 137,
} as const;
/** Bits of ct_state, as ovs-fields(7) names them. */
export const STATE = { new: 0x01, rel: 0x04, rpl: 0x08, inv: 0x10, trk: 0x20, dnat: 0x80 } as const;
/** The bit of vlan_vid which says that there is a tag (OFPVID_PRESENT). */
export const VLAN_PRESENT = 0x1000;
export const ARP_OP = { request: 1, reply: 2 } as const;
/** OFPP_IN_PORT: back where it came from. */
export const IN_PORT = 0xffff_fff8;

export function goto(table: TableName): Action {
  return { type: "goto_table", table: TABLES[table].id };
}

/** How a decision is to be treated beside being carried out. */
export interface Treatment {
  readonly refuses: boolean;
  readonly logged: boolean;
}

/** Where the packet of a direction ends that policies deny, with a note of why. */
export function deny(
  direction: Direction,
  reason: keyof typeof DENIED_REASON,
  { refuses, logged }: Treatment = { refuses: false, logged: false },
): readonly Action[] {
  return [
    setRegister("deniedDirection", DENIED_DIRECTION[direction]),
    setRegister("deniedReason", DENIED_REASON[reason]),
    ...(refuses ? [setRegister("isRefused", 1)] : []),
    ...(logged ? noteLogged(direction) : []),
    goto("Deny"),
  ];
}

/** That a rule which is logged has decided for a direction. */
export function noteLogged(direction: Direction): readonly Action[] {
  return [setRegister("isLogged", 1), setRegister(`${direction}Logged`, 1)];
}

export function setSource(source: number): Action {
  return setRegister("source", source);
}

/** As a masked set_field, for that is the form in which the switch gives it back. */
export function setRegister(name: keyof typeof REGISTERS, value: number): Action {
  const { register, start, bits } = REGISTERS[name];
  if (bits === 32) return { type: "set_field", field: register, value };
  return { type: "set_field", field: register, value: value << start, mask: ((1 << bits) - 1) << start };
}

export function fromSource(source: number): MatchSpec {
  return matchRegister("source", source);
}

export function matchRegister(name: keyof typeof REGISTERS, value: number): MatchSpec {
  const { register, start, bits } = REGISTERS[name];
  return { [register]: bits === 32 ? value : [value << start, ((1 << bits) - 1) << start] };
}

/** The same beside what a match says already, of the same register maybe. */
export function alsoMatchRegister(spec: MatchSpec, name: keyof typeof REGISTERS, value: number): MatchSpec {
  const { register } = REGISTERS[name];
  const [before, more] = [spec[register], matchRegister(name, value)[register]];
  if (!Array.isArray(before) || !Array.isArray(more)) return { ...spec, [register]: more };
  return { ...spec, [register]: [before[0] | more[0], before[1] | more[1]] };
}

/** Route's verdict: rewritten MACs and the port by which Output sends the packet, as its next hop. */
export function forwardTo(port: number, destinationMac: Mac): readonly Action[] {
  return [...readdress(port, destinationMac), goto("Ttl")];
}

/** The same to this node itself: the host counts the hop of what it forwards, and its own packets have made none. */
export function handToHost(): readonly Action[] {
  return [...readdress(PORTS.gateway, GATEWAY_MAC), goto("Commit")];
}

/** Rewritten MACs and the port by which Output sends the packet. */
export function readdress(port: number, destinationMac: Mac): readonly Action[] {
  return [
    { type: "set_field", field: "eth_src", value: ROUTER_MAC },
    { type: "set_field", field: "eth_dst", value: destinationMac },
    setRegister("outputPort", port),
  ];
}

export function registerField(name: keyof typeof REGISTERS): Subfield {
  const { register, start, bits } = REGISTERS[name];
  return { field: register, start, bits };
}

/** Tracked, with the first bits set and the second ones, if any, not. */
export function ctState(set: number, unset = 0): MatchSpec {
  return { ct_state: [STATE.trk | set, STATE.trk | set | unset] };
}

/** Packets of either family to an address. */
export function toAddress(ip: Ip): MatchSpec {
  return typeof ip === "number" ? { eth_type: ETH_TYPE.ipv4, ip_dst: ip } : { eth_type: ETH_TYPE.ipv6, ipv6_dst: ip };
}

/** Packets of either family into a network. */
export function toNetwork({ address, prefixLength }: Cidr): MatchSpec {
  const mask = prefixMask(familyOf(address), prefixLength);
  return typeof address === "number"
    ? { eth_type: ETH_TYPE.ipv4, ip_dst: [address, mask] }
    : { eth_type: ETH_TYPE.ipv6, ipv6_dst: [address, mask] };
}

export function fromNetwork({ address, prefixLength }: Cidr): MatchSpec {
  const mask = prefixMask(familyOf(address), prefixLength);
  return typeof address === "number"
    ? { eth_type: ETH_TYPE.ipv4, ip_src: [address, mask] }
    : { eth_type: ETH_TYPE.ipv6, ipv6_src: [address, mask] };
}

export function fromAddress(ip: Ip): MatchSpec {
  return typeof ip === "number" ? { eth_type: ETH_TYPE.ipv4, ip_src: ip } : { eth_type: ETH_TYPE.ipv6, ipv6_src: ip };
}

export const NEIGHBOUR_SOLICITATION = {
  eth_type: ETH_TYPE.ipv6,
  nw_proto: IP_PROTO.icmpv6,
  icmpv6_type: ICMPV6.neighbourSolicitation,
  icmpv6_code: 0,
} as const satisfies MatchSpec;

/** A flow as a feature gives it: everything but the cookie, which follows. */
export function contributeFlow(
  owners: readonly Owner[],
  site: Site,
  table: TableName,
  priority: number,
  spec: MatchSpec,
  actions: readonly Action[],
): Contribution {
  return { target: "flow", flow: { table: TABLES[table].id, priority, match: match(spec), actions }, site, owners };
}
