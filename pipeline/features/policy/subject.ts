import { isIpv4 } from "#base/address.ts";
import type { Action } from "#openflow/actions.ts";
import type { MatchSpec } from "#openflow/match.ts";
import type { Contribution } from "../../feature.ts";
import type { Rule } from "../../index/rules.ts";
import { PRIORITY } from "../../layout/priorities.ts";
import { TOLD } from "../../layout/told.ts";
import type { Pod, Port, View } from "../../model/model.ts";
import { podKeyOf, podOfPort } from "../../model/pod-of-port.ts";
import { DIRECTIONS, type Direction } from "../../model/policy.ts";
import { alsoMatchRegister, deny, ETH_TYPE, goto, IP_PROTO, matchRegister } from "../vocabulary.ts";
import {
  countClauses,
  groupByPlace,
  outcomeOf,
  ownersOf,
  partOfRules,
  policyFlow,
  policyOwner,
} from "./conjunctions.ts";
import { STAGES, spotOf, tablesOf } from "./stages.ts";

const DNS_PORT = 53;
const WAIT_FOR_READING: Action = { type: "controller", pause: true, userdata: Uint8Array.of(TOLD.answer) };

/** Everything that policies say of the pod at a port: its part in rules, the rules that ask for no more, and its isolation. */
export function deriveSubject(name: string, view: View): readonly Contribution[] {
  const port = view.Port.get(name);
  if (port === undefined) return [];
  const pod = podOfPort(view, port);
  const rules = pod === undefined ? [] : [...rulesOf(port, pod, view)];
  return DIRECTIONS.flatMap((direction) => {
    if (isUnclear(port, pod, direction, view)) return [closeUnclear(port, direction)];
    const own = rules.filter((rule) => rule.direction === direction);
    const spec = matchPort(port, direction);
    return [
      ...groupByPlace(own).flatMap((place) => deriveRules(spec, place)),
      ...isolate(port, direction, view),
      ...listen(port, own),
    ];
  });
}

/** What the pod is told of names waits until the node process has read it: see controller/node/dns. */
function listen({ ofport, ips }: Port, rules: readonly Rule[]): readonly Contribution[] {
  const named = rules.filter(({ peers }) => (peers?.domains.length ?? 0) > 0);
  if (named.length === 0) return [];
  const to = alsoMatchRegister(matchRegister("outputPort", ofport), "isReply", 1);
  const actions: readonly Action[] = [WAIT_FOR_READING, goto("Commit")];
  const families = new Set(ips.map((ip) => (isIpv4(ip) ? ETH_TYPE.ipv4 : ETH_TYPE.ipv6)));
  return [...families].flatMap((eth_type) =>
    [
      { nw_proto: IP_PROTO.udp, udp_src: DNS_PORT },
      { nw_proto: IP_PROTO.tcp, tcp_src: DNS_PORT },
    ].map((from) => {
      const spec = { eth_type, ...to, ...from };
      return policyFlow("policies/answer", "IngressAdmin", PRIORITY.listen, spec, actions, ownersOf(named));
    }),
  );
}

function* rulesOf(port: Port, pod: Pod, view: View): Iterable<Rule> {
  for (const selection of view.selections.selectionsOf(podKeyOf(port)))
    for (const rule of view.rules.ofSubject(selection))
      if (rule.named?.of !== "subject" || pod.ports.get(rule.named.name) === rule.named.number) yield rule;
}

/** Of several rules that are about everything the first by number is noted. */
function deriveRules(spec: MatchSpec, rules: readonly [Rule, ...Rule[]]): readonly Contribution[] {
  const open = rules.filter((rule) => countClauses(rule) === 1).sort((a, b) => a.id - b.id);
  const [first] = open;
  if (first === undefined) return partOfRules("policies/subject", spec, "subject", rules);
  const spot = spotOf(first);
  const everything = policyFlow("policies/open", spot.table, spot.open, spec, outcomeOf(first), ownersOf(open));
  // At a level it takes the place of the pod's part in other rules, which would say the same.
  return spot.open === spot.rule
    ? [everything]
    : [...partOfRules("policies/subject", spec, "subject", rules), everything];
}

function isolate(port: Port, direction: Direction, view: View): readonly Contribution[] {
  const selections = [...view.selections.selectionsOf(podKeyOf(port))];
  const policies = selections.flatMap((selection) => [...view.rules.isolating(selection, direction)]);
  if (policies.length === 0) return [];
  const owners = policies.map(policyOwner).sort((a, b) => (a.name < b.name ? -1 : 1));
  const [table] = STAGES[direction].networkPolicy;
  const spec = matchPort(port, direction);
  const treatment = {
    refuses: policies.some(({ refuses }) => refuses),
    logged: policies.some(({ logged }) => logged),
  };
  const own = alsoMatchRegister(spec, "isHairpin", 1);
  return [
    policyFlow("policies/isolation", table, PRIORITY.isolation, spec, deny(direction, "isolation", treatment), owners),
    policyFlow("policies/own", table, PRIORITY.own, own, [goto(STAGES[direction].next)], owners),
  ];
}

/** Its labels are not known, or those of its namespace, and some policy may select it. */
function isUnclear(port: Port, pod: Pod | undefined, direction: Direction, view: View): boolean {
  if (pod !== undefined && (pod.hostNetwork || pod.completed)) return false;
  const [first] = view.rules.unclear(podKeyOf(port), pod, direction);
  return first !== undefined;
}

function closeUnclear(port: Port, direction: Direction): Contribution {
  const owner = { kind: "Pod", name: podKeyOf(port), part: `interface ${port.name}` };
  const [table] = tablesOf(direction);
  const spec = matchPort(port, direction);
  return policyFlow("policies/unknown", table, PRIORITY.unknown, spec, deny(direction, "unknown"), [owner]);
}

/** A pod sends from its port, and Route has found it for what it receives: both hold for either family. */
function matchPort({ ofport }: Port, direction: Direction): MatchSpec {
  return direction === "egress" ? { in_port: ofport } : matchRegister("outputPort", ofport);
}
