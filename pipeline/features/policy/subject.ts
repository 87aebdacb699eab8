import type { MatchSpec } from "#openflow/match.ts";
import type { Contribution } from "../../feature.ts";
import type { Rule } from "../../index/rules.ts";
import { PRIORITY } from "../../layout/priorities.ts";
import type { Pod, Port, View } from "../../model/model.ts";
import { podKeyOf, podOfPort } from "../../model/pod-of-port.ts";
import { DIRECTIONS, type Direction } from "../../model/policy.ts";
import { alsoMatchRegister, deny, goto, matchRegister } from "../vocabulary.ts";
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
    return [...groupByPlace(own).flatMap((place) => deriveRules(spec, place)), ...isolate(port, direction, view)];
  });
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
