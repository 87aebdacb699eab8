import { familyOf, formatCidr, type Ip } from "#base/address.ts";
import { coverPorts } from "#base/prefixes.ts";
import { levelOf, MOST_RULES, NETWORK_POLICY_LEVELS } from "../layout/levels.ts";
import { isSelected, type LabelSelector } from "../model/label-selector.ts";
import type { Node } from "../model/model.ts";
import {
  type ClusterPolicyPeer,
  type ClusterPolicyRule,
  DIRECTIONS,
  type Direction,
  EVERY_POD,
  type Policy,
  type PolicyId,
  type PolicyPort,
  type PolicyRule,
  policyId,
  type RulePlace,
  type RuleVerdict,
  rulesOf,
} from "../model/policy.ts";
import { isLogged, NO_EXTRAS } from "../model/policy-extras.ts";
import { containerPortKey, PROTOCOLS } from "../model/protocol.ts";
import { formatRulePort, type NamedPort, type Rule, type RulePeers, type RulePort } from "./rules.ts";

/** A rule to which no numbers have been given. */
export type RuleWithoutId = Omit<Rule, "id" | "limit"> & { readonly rate: number | undefined };

/** The numbers that pods give to a port's name: the pods that a policy selects, or those of some selections. */
export interface PortNumbers {
  ofSubject(selectionKey: string, name: string): Iterable<number>;
  ofPeers(selectionKeys: readonly string[], name: string): Iterable<number>;
}

/** What policies say of the cluster beside them. */
export interface Surroundings {
  readonly numbers: PortNumbers;
  nodes(): Iterable<Node>;
}

/** Everything that a policy says, rule by rule, in the form in which a switch can match it. */
export function expandPolicy(policy: Policy, around: Surroundings): readonly RuleWithoutId[] {
  return DIRECTIONS.flatMap((direction) =>
    rulesOf(policy, direction).flatMap((rule, index) => expandRule(policy, direction, index, rule, around)),
  );
}

function expandRule(
  policy: Policy,
  direction: Direction,
  index: number,
  rule: PolicyRule | ClusterPolicyRule,
  { numbers, nodes }: Surroundings,
): readonly RuleWithoutId[] {
  const peers = rule.peers && peersOf(rule.peers, nodes);
  if (peers !== undefined && isNobody(peers)) return [];
  const id = policyId(policy);
  const key = `${policyKey(id)}/${direction}/${index}`;
  const verdict = "verdict" in rule ? rule.verdict : "accept";
  const place = placeOf(policy, direction, index, verdict);
  const extras = policy.extras ?? NO_EXTRAS;
  const does = { verdict, refuses: extras.refuses, logged: verdict !== "pass" && isLogged(extras, direction, index) };
  const rate = verdict === "accept" ? extras.rate : undefined;
  const common = { ...place, ...does, rate, policy: id, index, subject: policy.subject.key } as const;
  if (rule.ports === undefined) return [{ ...common, key, peers, ports: undefined, named: undefined }];
  const fixed = withLaterFragments(verdict, uniquePorts(rule.ports.flatMap(fixedPorts)));
  const ofNumbers = fixed.length === 0 ? [] : [{ ...common, key, peers, ports: fixed, named: undefined }];
  const names = new Map(rule.ports.flatMap(nameOf));
  return [
    ...ofNumbers,
    ...[...names].flatMap(([name, protocol]) =>
      namedPorts(policy.subject.key, direction, name, peers, numbers).map((named) => ({
        ...{ ...common, key: `${key}/${name}=${named.number}`, named },
        peers: direction === "ingress" ? peers : { ...NOBODY, selections: peers?.selections ?? [EVERY_POD.key] },
        ports: withLaterFragments(verdict, [{ protocol, prefix: { value: named.number, mask: 0xffff } }]),
      })),
    ),
  ];
}

/**
 * "default/web", or "*cluster/guard" of one for the whole cluster: of keys that share a hash the first in their order get numbers
 * (conj_id), and no namespace's name comes before "*". So nobody can choose names that leave a cluster's rule without.
 */
export function policyKey({ kind, name }: PolicyId): string {
  return kind === "NetworkPolicy" ? name : `*cluster/${name}`;
}

/**
 * Where in the order of rules a rule stands. Those behind the last place are at it: of these there are only such as deny. Of
 * NetworkPolicies, of which any rule allows, those with a rate come first, so that nothing else lets through what is beyond it; and
 * among these, as among the others, those that are logged: what they allow is told, whoever allows it too.
 */
export function placeOf(policy: Policy, direction: Direction, index: number, verdict: RuleVerdict): RulePlace {
  if (policy.kind === "NetworkPolicy") {
    const extras = policy.extras ?? NO_EXTRAS;
    const { limitedLogged, limited, logged, plain } = NETWORK_POLICY_LEVELS;
    const [withLog, withoutLog] = extras.rate === undefined ? [logged, plain] : [limitedLogged, limited];
    return { direction, tier: "networkPolicy", level: isLogged(extras, direction, index) ? withLog : withoutLog };
  }
  const { tier, priority } = policy;
  return { direction, tier, level: levelOf(priority, Math.min(index, MOST_RULES - 1), verdict) };
}

/** Who sends decides who the name belongs to: it is always the side that is sent to. */
function namedPorts(
  subject: string,
  direction: Direction,
  name: string,
  peers: Rule["peers"],
  numbers: PortNumbers,
): readonly NamedPort[] {
  const found =
    direction === "ingress"
      ? numbers.ofSubject(subject, name)
      : numbers.ofPeers(peers?.selections ?? [EVERY_POD.key], name);
  const sorted = [...new Set(found)].sort((a, b) => a - b);
  return sorted.map((number) => ({ of: direction === "ingress" ? "subject" : "peer", name, number }));
}

function peersOf(peers: readonly ClusterPolicyPeer[], nodes: Surroundings["nodes"]): RulePeers {
  const selections = new Set<string>();
  const networks: string[] = [];
  const domains = new Set<string>();
  for (const peer of peers)
    if (peer.type === "pods") selections.add(peer.selection.key);
    else if (peer.type === "domain") domains.add(peer.pattern);
    else if (peer.type === "network") for (const network of peer.networks) networks.push(network);
    else for (const ip of addressesOfNodes(peer.nodes, nodes())) networks.push(formatHost(ip));
  return { selections: [...selections], networks, domains: [...domains] };
}

const NOBODY: RulePeers = { selections: [], networks: [], domains: [] };

function isNobody({ selections, networks, domains }: RulePeers): boolean {
  return selections.length === 0 && networks.length === 0 && domains.length === 0;
}

function* addressesOfNodes(selector: LabelSelector, nodes: Iterable<Node>): Iterable<Ip> {
  for (const { labels, addresses, externalAddresses } of nodes)
    if (isSelected(selector, labels)) yield* [...addresses, ...externalAddresses];
}

/** An address as the network that holds it alone. */
export function formatHost(ip: Ip): string {
  return formatCidr({ address: ip, prefixLength: familyOf(ip) === 4 ? 32 : 128 });
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
 * them back until it has the first one, which that port's rules let through or not. By a rule that denies a port they are not
 * denied: they may be another port's. TCP sends no fragments.
 */
function withLaterFragments(verdict: RuleVerdict, ports: readonly RulePort[]): readonly RulePort[] {
  if (verdict === "deny" || !ports.some(({ protocol }) => protocol === PROTOCOLS.UDP)) return ports;
  return [...ports, { protocol: PROTOCOLS.UDP, prefix: "later fragments" }];
}
