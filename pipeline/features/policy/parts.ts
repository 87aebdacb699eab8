import { type Cidr, familyOf, type IpFamily, isIpv4, parseCidr } from "#base/address.ts";
import type { MatchSpec } from "#openflow/match.ts";
import type { Contribution } from "../../feature.ts";
import { type Rule, readRulePort } from "../../index/rules.ts";
import type { View } from "../../model/model.ts";
import { ETH_TYPE, fromNetwork, toNetwork } from "../vocabulary.ts";
import { countClauses, flowsOfMet, groupByPlace, partOfRules, ruleOwner } from "./conjunctions.ts";
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
  const places = groupByPlace([...world.rules(view).ofNetwork(network), ...rulesOfPodAt(cidr, view, world)]);
  return places.flatMap((rules) => {
    const spec = rules[0].direction === "ingress" ? fromNetwork(cidr) : toNetwork(cidr);
    return partOfRules(world, spec, "peers", rules);
  });
}

/** When the network is one address, the rules that name the pod which has it. */
function* rulesOfPodAt({ address, prefixLength }: Cidr, view: View, world: World): Iterable<Rule> {
  if (prefixLength !== (isIpv4(address) ? 32 : 128)) return;
  const podKey = view.selections.podOf(address);
  if (podKey === undefined) return;
  const pod = view.Pod.get(podKey);
  for (const selection of view.selections.selectionsOf(podKey))
    for (const rule of world.rules(view).ofPeer(selection))
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
