import { formatCidr } from "#base/address.ts";
import { coverPorts, subtractCidrs } from "#base/prefixes.ts";
import {
  DIRECTIONS,
  type Direction,
  EVERY_POD,
  type NetworkPolicy,
  type PolicyPort,
  type PolicyRule,
} from "../model/policy.ts";
import { containerPortKey, PROTOCOLS } from "../model/protocol.ts";
import { formatRulePort, type NamedPort, type Rule, type RulePort } from "./rules.ts";

export type RuleWithoutId = Omit<Rule, "id">;

/** The numbers that pods give to a port's name: the pods that a policy selects, or those of some selections. */
export interface PortNumbers {
  ofSubject(policy: NetworkPolicy, name: string): Iterable<number>;
  ofPeers(selectionKeys: readonly string[], name: string): Iterable<number>;
}

/** Everything that a policy allows, rule by rule, in the form in which a switch can match it. */
export function expandPolicy(policy: NetworkPolicy, numbers: PortNumbers): readonly RuleWithoutId[] {
  return DIRECTIONS.flatMap((direction) =>
    (policy[direction] ?? []).flatMap((rule, index) => expandRule(policy, direction, index, rule, numbers)),
  );
}

function expandRule(
  policy: NetworkPolicy,
  direction: Direction,
  index: number,
  rule: PolicyRule,
  numbers: PortNumbers,
): readonly RuleWithoutId[] {
  const peers = peersOf(rule);
  if (peers?.selections.length === 0 && peers.networks.length === 0) return [];
  const key = `${policy.namespace}/${policy.name}/${direction}/${index}`;
  const common = { direction, policy, index } as const;
  if (rule.ports === undefined) return [{ ...common, key, peers, ports: undefined, named: undefined }];
  const fixed = withLaterFragments(uniquePorts(rule.ports.flatMap(fixedPorts)));
  const ofNumbers = fixed.length === 0 ? [] : [{ ...common, key, peers, ports: fixed, named: undefined }];
  const names = new Map(rule.ports.flatMap(nameOf));
  return [
    ...ofNumbers,
    ...[...names].flatMap(([name, protocol]) =>
      namedPorts(policy, direction, name, peers, numbers).map((named) => ({
        ...{ ...common, key: `${key}/${name}=${named.number}`, named },
        peers: direction === "ingress" ? peers : { selections: peers?.selections ?? [EVERY_POD.key], networks: [] },
        ports: withLaterFragments([{ protocol, prefix: { value: named.number, mask: 0xffff } }]),
      })),
    ),
  ];
}

/** Who sends decides who the name belongs to: it is always the side that is sent to. */
function namedPorts(
  policy: NetworkPolicy,
  direction: Direction,
  name: string,
  peers: Rule["peers"],
  numbers: PortNumbers,
): readonly NamedPort[] {
  const found =
    direction === "ingress"
      ? numbers.ofSubject(policy, name)
      : numbers.ofPeers(peers?.selections ?? [EVERY_POD.key], name);
  const sorted = [...new Set(found)].sort((a, b) => a - b);
  return sorted.map((number) => ({ of: direction === "ingress" ? "subject" : "peer", name, number }));
}

function peersOf({ peers }: PolicyRule): Rule["peers"] {
  if (peers === undefined) return undefined;
  const selections = peers.flatMap((peer) => (peer.type === "pods" ? [peer.selection.key] : []));
  const networks = peers.flatMap((peer) =>
    peer.type === "network" ? subtractCidrs(peer.cidr, peer.except).map(formatCidr) : [],
  );
  return { selections: [...new Set(selections)], networks: [...new Set(networks)] };
}

function fixedPorts({ protocol, port }: PolicyPort): readonly RulePort[] {
  if (port === undefined) return [{ protocol, prefix: undefined }];
  return typeof port === "string" ? [] : coverPorts(port.from, port.to).map((prefix) => ({ protocol, prefix }));
}

function nameOf({ protocol, port }: PolicyPort): readonly (readonly [string, number])[] {
  return typeof port === "string" ? [[containerPortKey(protocol, port), protocol]] : [];
}

function uniquePorts(ports: readonly RulePort[]): readonly RulePort[] {
  return [...new Map(ports.map((port) => [formatRulePort(port), port])).values()];
}

/**
 * A datagram's later fragments have no ports. They may pass by a rule for any port of UDP: conntrack, behind all rules, holds
 * them back until it has the first one, which that port's rules let through or not. TCP sends no fragments.
 */
function withLaterFragments(ports: readonly RulePort[]): readonly RulePort[] {
  if (!ports.some(({ protocol }) => protocol === PROTOCOLS.UDP)) return ports;
  return [...ports, { protocol: PROTOCOLS.UDP, prefix: "later fragments" }];
}
