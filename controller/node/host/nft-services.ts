import { formatIp, type IpFamily } from "#base/address.ts";
import type { HostServices, HostState } from "#pipeline/host-state.ts";
import { GATEWAY_INTERFACE } from "#pipeline/layout/ports.ts";
import { HAIRPIN_ADDRESS, NODE_PORT_ADDRESS, REJECT_ADDRESS } from "#pipeline/layout/virtual-addresses.ts";
import { addressElements, NODES, networkElements } from "./nft-elements.ts";
import {
  address,
  addressKind,
  addressType,
  chain,
  concat,
  type Expression,
  HOOK_PRIORITY,
  is,
  isNot,
  meta,
  type NftObject,
  rule,
  set,
} from "./nft-words.ts";
import { TO_SWITCH_MARK } from "./steering.ts";

export interface ServiceSettings {
  /** CIDR text: addresses of this node within them have NodePorts. None: every address has. */
  readonly nodePortAddresses: readonly string[];
}

const FAMILIES: readonly IpFamily[] = [4, 6];
const NODE_PORTS = { 4: "node_ports_4", 6: "node_ports_6" } as const;
const NETWORKS = { 4: "node_port_networks_4", 6: "node_port_networks_6" } as const;
const OWN_PORTS = { 4: "own_ports_4", 6: "own_ports_6" } as const;
const OUTSIDE_PORTS = { 4: "outside_ports_4", 6: "outside_ports_6" } as const;
const BALANCED = { 4: "balanced_4", 6: "balanced_6" } as const;
const GATEWAYS = { 4: "gateways_4", 6: "gateways_6" } as const;
/** No address of these is one by which anybody else reaches this node. */
const NEVER = { 4: ["127.0.0.0/8", "169.254.0.0/16"], 6: ["::1/128", "fe80::/10"] } as const;

const FROM_SWITCH = is(meta("iifname"), GATEWAY_INTERFACE);
const TO_SWITCH = is(meta("oifname"), GATEWAY_INTERFACE);
const TRANSPORT: readonly Expression[] = [meta("l4proto"), { payload: { protocol: "th", field: "dport" } }];
const MARKED: Expression = { "&": [meta("mark"), TO_SWITCH_MARK] };

/** What the host does for services: all of them have one set of rules, and what differs between them are elements of sets. */
export function services(state: HostState, settings: ServiceSettings): NftObject[] {
  const narrow = settings.nodePortAddresses.length > 0;
  return [
    ...FAMILIES.flatMap((version) => setsOf(version, state, settings)),
    ...steering(),
    ...translating("services_arriving", "prerouting", narrow),
    ...translating("services_asked", "output", narrow),
    ...refusing(),
    ...leaving(),
  ];
}

function setsOf(
  version: IpFamily,
  { gatewayAddresses, services: of }: HostState,
  settings: ServiceSettings,
): NftObject[] {
  const type = addressType(version);
  const ownAddresses = gatewayAddresses.map((text) => text.split("/")[0]!);
  const networks = networkElements(settings.nodePortAddresses, version);
  return [
    set(GATEWAYS[version], type, addressElements(ownAddresses, version)),
    set(BALANCED[version], type, addressElements([...of.balancedAddresses], version)),
    set(NODE_PORTS[version], ["inet_proto", "inet_service"], nodePortElements(of, version)),
    set(OWN_PORTS[version], [type, "inet_proto", "inet_service"], portElements(of.ownPorts, version)),
    set(OUTSIDE_PORTS[version], [type, "inet_proto", "inet_service"], portElements(of.outsidePorts, version)),
    ...(settings.nodePortAddresses.length > 0 ? [set(NETWORKS[version], type, networks, true)] : []),
  ];
}

function nodePortElements({ nodePorts }: HostServices, version: IpFamily): Expression[] {
  return [...nodePorts]
    .map((text) => text.split(" "))
    .filter(([family]) => Number(family) === version)
    .map(([, protocol, port]) => concat(protocol, Number(port)));
}

function portElements(ports: ReadonlySet<string>, version: IpFamily): Expression[] {
  return [...ports]
    .filter((text) => text.includes(":") === (version === 6))
    .map((text) => text.split(" "))
    .map(([ip, protocol, port]) => concat(ip, protocol, Number(port)));
}

/**
 * Packets to services at addresses that nobody has go to the switch as they are, by their mark. What else a balancer's address is
 * asked for would be sent to whence it came, and from there here again.
 */
function steering(): NftObject[] {
  const mark = { mangle: { key: meta("mark"), value: { "|": [meta("mark"), TO_SWITCH_MARK] } } };
  const isFor = (version: IpFamily): Expression =>
    is(concat(address(version, "daddr"), ...TRANSPORT), `@${OUTSIDE_PORTS[version]}`);
  return [
    chain("inet", "services_outside", "filter", "prerouting", HOOK_PRIORITY.mangle),
    ...FAMILIES.flatMap((version) => {
      const unknown = [
        isNot(meta("iifname"), GATEWAY_INTERFACE),
        is(address(version, "daddr"), `@${BALANCED[version]}`),
        isNot(addressKind("daddr"), "local"),
        is(MARKED, 0),
      ];
      return [rule("inet", "services_outside", [isFor(version), mark]), ...refuse("services_outside", unknown)];
    }),
    chain("inet", "services_outside_asked", "route", "output", HOOK_PRIORITY.mangle),
    ...FAMILIES.map((version) => rule("inet", "services_outside_asked", [isFor(version), mark])),
  ];
}

/** At an address of the node: the switch knows all of them by one, and which port it was. */
function translating(name: string, hook: string, narrow: boolean): NftObject[] {
  return [
    chain("inet", name, "nat", hook, HOOK_PRIORITY.destinationNat),
    ...FAMILIES.flatMap((version) => {
      const daddr = address(version, "daddr");
      const family = version === 4 ? "ip" : "ip6";
      const translate = { dnat: { family, addr: formatIp(NODE_PORT_ADDRESS[version]) } };
      const where = [
        is(addressKind("daddr"), "local"),
        ...networkElements(NEVER[version], version).map((network) => isNot(daddr, network)),
        isNot(daddr, `@${GATEWAYS[version]}`),
        ...(narrow ? [is(daddr, `@${NETWORKS[version]}`)] : []),
      ];
      return [
        rule("inet", name, [is(concat(daddr, ...TRANSPORT), `@${OWN_PORTS[version]}`), translate]),
        rule("inet", name, [...where, is(concat(...TRANSPORT), `@${NODE_PORTS[version]}`), translate]),
      ];
    }),
  ];
}

/** What the switch sends here since a service has no endpoint: it is tracked there, so that the refusal comes from the service. */
function refusing(): NftObject[] {
  return [
    chain("inet", "services_refused", "filter", "prerouting", HOOK_PRIORITY.raw),
    ...FAMILIES.flatMap((version) =>
      refuse("services_refused", [FROM_SWITCH, is(address(version, "daddr"), formatIp(REJECT_ADDRESS[version]))]),
    ),
  ];
}

function refuse(name: string, what: readonly Expression[]): NftObject[] {
  return [
    rule("inet", name, [...what, is(meta("l4proto"), "tcp"), { reject: { type: "tcp reset" } }]),
    rule("inet", name, [...what, { reject: { type: "icmpx", expr: "port-unreachable" } }]),
  ];
}

/**
 * What the switch has sent back because its endpoint is to be reached from the host alone carries a virtual address, which is known
 * on this node only. The node's own processes are known to the switch by the node's addresses; what has another of the host's
 * comes as the gateway. Nobody is told of a shorter way than through the switch.
 */
function leaving(): NftObject[] {
  const masquerade = { masquerade: { flags: "fully-random" } };
  return [
    chain("inet", "services_leaving", "nat", "postrouting", HOOK_PRIORITY.sourceNat),
    ...FAMILIES.flatMap((version) => {
      const saddr = address(version, "saddr");
      const daddr = address(version, "daddr");
      const stranger = [
        TO_SWITCH,
        is(addressKind("saddr"), "local"),
        isNot(saddr, `@${NODES[version]}`),
        isNot(saddr, `@${GATEWAYS[version]}`),
      ];
      return [
        rule("inet", "services_leaving", [
          isNot(meta("oifname"), GATEWAY_INTERFACE),
          is(saddr, formatIp(HAIRPIN_ADDRESS[version])),
          masquerade,
        ]),
        rule("inet", "services_leaving", [...stranger, is(daddr, formatIp(NODE_PORT_ADDRESS[version])), masquerade]),
        rule("inet", "services_leaving", [...stranger, isNot(MARKED, 0), masquerade]),
      ];
    }),
    chain("inet", "services_redirected", "filter", "output", HOOK_PRIORITY.filter),
    rule("inet", "services_redirected", [
      TO_SWITCH,
      is({ payload: { protocol: "icmp", field: "type" } }, "redirect"),
      { drop: null },
    ]),
    rule("inet", "services_redirected", [
      TO_SWITCH,
      is({ payload: { protocol: "icmpv6", field: "type" } }, "nd-redirect"),
      { drop: null },
    ]),
  ];
}
