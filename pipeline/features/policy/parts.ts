import { type Cidr, familyOf, type Ip, type IpFamily, isIpv4, parseCidr } from "#base/address.ts";
import type { MatchSpec } from "#openflow/match.ts";
import type { Contribution } from "../../feature.ts";
import { type Rule, type Rules, readRulePort } from "../../index/rules.ts";
import type { View } from "../../model/model.ts";
import { ETH_TYPE, fromNetwork, toNetwork } from "../vocabulary.ts";
import { countClauses, flowsOfMet, groupByPlace, partOfRules, ruleOwner } from "./conjunctions.ts";
import { deriveLapsed, rulesNaming } from "./names.ts";
import { spotOf } from "./stages.ts";
import type { World } from "./world.ts";

/** nw_frag=later, as ovs-fields(7) has it; in IPv6 what they are fragments of stands in the first alone. */
const LATER_FRAGMENT = 3;
const IPV6_FRAGMENT = 44;

/** The flow that is met when all parts of a rule are. A rule of one part has none: see deriveSubject. */
export function deriveRule(key: string, view: View, world: World): readonly Contribution[] {
  const rule = world.rules(view).rule(key);
  if (rule === undefined || countClauses(rule) === 1) return [];
  const { rule: priority } = spotOf(rule, world.stages);
  return flowsOfMet(world, `${world.feature}/rule`, priority, { conj_id: rule.id }, rule, [ruleOwner(rule)]);
}

/** One flow for each place of rules, and each family that pods of this node have. */
export function derivePort(
  port: string,
  view: View,
  world: World,
  families: readonly IpFamily[],
): readonly Contribution[] {
  const places = groupByPlace(world.rules(view).ofPort(port));
  return families.flatMap((family) =>
    places.flatMap((rules) =>
      partOfRules(world, { eth_type: ethType(family), ...toPort(port, family) }, "ports", rules),
    ),
  );
}

export function derivePeer(network: string, view: View, world: World): readonly Contribution[] {
  const cidr = parseCidr(network);
  if (cidr === undefined) return [];
  const ip = hostOf(cidr);
  const rules = world.rules(view);
  const named = ip === undefined ? [] : [...rulesOfPodAt(ip, view, rules), ...rulesNaming(ip, view, rules)];
  const all = [...rules.ofNetwork(network), ...named];
  const part = (spec: MatchSpec, among: Iterable<Rule>): readonly Contribution[] =>
    groupByPlace(among).flatMap((place) => {
      const ends = place[0].direction === "ingress" ? fromNetwork(cidr) : toNetwork(cidr);
      return partOfRules(world, { ...spec, ...ends }, "peers", place);
    });
  // What would be is asked about what begins alone.
  const isInForce = world.feature === "policies";
  return [...part({}, all), ...(ip !== undefined && isInForce ? deriveLapsed(ip, new Set(all), part, view) : [])];
}

/** The address, when the network is one. */
function hostOf({ address, prefixLength }: Cidr): Ip | undefined {
  return prefixLength === (isIpv4(address) ? 32 : 128) ? address : undefined;
}

/** The rules that name the pod which has an address. */
function* rulesOfPodAt(address: Ip, view: View, rules: Rules): Iterable<Rule> {
  const podKey = view.selections.podOf(address);
  if (podKey === undefined) return;
  const pod = view.Pod.get(podKey);
  for (const selection of view.selections.selectionsOf(podKey))
    for (const rule of rules.ofPeer(selection))
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
