import { type Cidr, familyOf, type Ip, type IpFamily, isIpv4, parseCidr } from "#base/address.ts";
import type { MatchSpec } from "#openflow/match.ts";
import type { Contribution } from "../../feature.ts";
import { type Rule, readRulePort } from "../../index/rules.ts";
import { CT_MARK } from "../../layout/conntrack.ts";
import { PRIORITY } from "../../layout/priorities.ts";
import { SOURCE } from "../../layout/registers.ts";
import type { View } from "../../model/model.ts";
import { ETH_TYPE, fromNetwork, fromSource, goto, toAddress, toNetwork } from "../vocabulary.ts";
import { countClauses, groupByPlace, outcomeOf, ownersOf, partOfRules, policyFlow, ruleOwner } from "./conjunctions.ts";
import { spotOf, tablesOf } from "./stages.ts";

/** nw_frag=later, as ovs-fields(7) has it; in IPv6 what they are fragments of stands in the first alone. */
const LATER_FRAGMENT = 3;
const IPV6_FRAGMENT = 44;

/** The flow that is met when all parts of a rule are. A rule of one part has none: see deriveSubject. */
export function deriveRule(key: string, view: View): readonly Contribution[] {
  const rule = view.rules.rule(key);
  if (rule === undefined || countClauses(rule) === 1) return [];
  const { table, rule: priority } = spotOf(rule);
  return [policyFlow("policies/rule", table, priority, { conj_id: rule.id }, outcomeOf(rule), [ruleOwner(rule)])];
}

/** One flow for each place of rules, and each family that pods of this node have. */
export function derivePort(port: string, view: View, families: readonly IpFamily[]): readonly Contribution[] {
  const places = groupByPlace(view.rules.ofPort(port));
  return families.flatMap((family) =>
    places.flatMap((rules) =>
      partOfRules("policies/port", { eth_type: ethType(family), ...toPort(port, family) }, "ports", rules),
    ),
  );
}

export function derivePeer(network: string, view: View): readonly Contribution[] {
  const cidr = parseCidr(network);
  if (cidr === undefined) return [];
  const ip = hostOf(cidr);
  const named = ip === undefined ? [] : [...rulesOfPodAt(ip, view), ...rulesOf(view.domains.patternsAt(ip), view)];
  const rules = [...view.rules.ofNetwork(network), ...named];
  const part = (spec: MatchSpec, among: Iterable<Rule>): readonly Contribution[] =>
    groupByPlace(among).flatMap((place) => {
      const ends = place[0].direction === "ingress" ? fromNetwork(cidr) : toNetwork(cidr);
      return partOfRules("policies/peer", { ...spec, ...ends }, "peers", place);
    });
  return [...part({}, rules), ...(ip === undefined ? [] : deriveLapsed(ip, new Set(rules), part, view))];
}

/** Of an address that was a name's: connections of before go on, and it is counted when one of them last sent something. */
function deriveLapsed(
  ip: Ip,
  rules: ReadonlySet<Rule>,
  part: (spec: MatchSpec, among: Iterable<Rule>) => readonly Contribution[],
  view: View,
): readonly Contribution[] {
  const lapsed = [...new Set(rulesOf(view.domains.lapsedPatternsAt(ip), view)).difference(rules)];
  if (lapsed.length === 0) return [];
  const known = { ct_mark: [CT_MARK.known, CT_MARK.known] } as const;
  const spec = { ...fromSource(SOURCE.pod), ...known, ...toAddress(ip) };
  const [first] = tablesOf("egress");
  return [
    ...part(known, lapsed),
    policyFlow("policies/lapsed", "Endpoint", PRIORITY.rule, spec, [goto(first)], ownersOf(lapsed)),
  ];
}

/** The address, when the network is one. */
function hostOf({ address, prefixLength }: Cidr): Ip | undefined {
  return prefixLength === (isIpv4(address) ? 32 : 128) ? address : undefined;
}

function* rulesOf(patterns: Iterable<string>, view: View): Iterable<Rule> {
  for (const pattern of patterns) yield* view.rules.ofDomain(pattern);
}

/** The rules that name the pod which has an address. */
function* rulesOfPodAt(address: Ip, view: View): Iterable<Rule> {
  const podKey = view.selections.podOf(address);
  if (podKey === undefined) return;
  const pod = view.Pod.get(podKey);
  for (const selection of view.selections.selectionsOf(podKey))
    for (const rule of view.rules.ofPeer(selection))
      if (rule.named?.of !== "peer" || pod?.ports.get(rule.named.name) === rule.named.number) yield rule;
}

function toPort(text: string, family: IpFamily): MatchSpec {
  const { protocol, prefix } = readRulePort(text);
  if (prefix === undefined) return { nw_proto: protocol };
  if (prefix === "later fragments")
    return { nw_proto: family === 6 ? IPV6_FRAGMENT : protocol, ip_frag: LATER_FRAGMENT };
  const field = ({ 6: "tcp_dst", 17: "udp_dst", 132: "sctp_dst" } as const)[protocol];
  return field === undefined ? { nw_proto: protocol } : { nw_proto: protocol, [field]: [prefix.value, prefix.mask] };
}

function ethType(family: IpFamily): number {
  return family === 4 ? ETH_TYPE.ipv4 : ETH_TYPE.ipv6;
}

export function familiesOf(view: View, nodeName: string): readonly IpFamily[] {
  const families = new Set(view.Node.get(nodeName)?.podCidrs.map(({ address }) => familyOf(address)));
  return families.size === 0 ? [4, 6] : [...families].sort();
}
