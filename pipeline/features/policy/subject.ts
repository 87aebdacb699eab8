import type { MatchSpec } from "#openflow/match.ts";
import type { Contribution } from "../../feature.ts";
import type { Rule, Rules } from "../../index/rules.ts";
import { PRIORITY } from "../../layout/priorities.ts";
import type { Pod, Port, View } from "../../model/model.ts";
import { podKeyOf, podOfPort } from "../../model/pod-of-port.ts";
import { DIRECTIONS, type Direction } from "../../model/policy.ts";
import { alsoMatchRegister, deny, matchRegister } from "../vocabulary.ts";
import {
  countClauses,
  flowsOfMet,
  groupByPlace,
  ownersOf,
  partOfRules,
  policyFlow,
  policyOwner,
} from "./conjunctions.ts";
import { deriveListening } from "./names.ts";
import { STAGES, spotOf, tablesOf } from "./stages.ts";
import { ENFORCED, type World } from "./world.ts";

/** Everything that policies say of the pod at a port: its part in rules, the rules that ask for no more, and its isolation. */
export function deriveSubject(name: string, view: View): readonly Contribution[] {
  const port = view.Port.get(name);
  if (port === undefined) return [];
  const pod = podOfPort(view, port);
  return DIRECTIONS.flatMap((direction) =>
    isUnclear(port, pod, direction, view.rules)
      ? [closeUnclear(port, direction)]
      : deriveKnown(port, pod, direction, view, ENFORCED),
  );
}

/** What a world says of a pod of which everything is known. */
export function deriveKnown(
  port: Port,
  pod: Pod | undefined,
  direction: Direction,
  view: View,
  world: World,
): readonly Contribution[] {
  const rules = pod === undefined ? [] : [...rulesOf(port, pod, view, world)];
  const own = rules.filter((rule) => rule.direction === direction);
  const spec = matchPort(port, direction);
  return [
    ...groupByPlace(own).flatMap((place) => deriveRules(spec, place, world)),
    ...isolate(port, direction, view, world),
    ...deriveListening(port, own),
  ];
}

function* rulesOf(port: Port, pod: Pod, view: View, world: World): Iterable<Rule> {
  for (const selection of view.selections.selectionsOf(podKeyOf(port)))
    for (const rule of world.rules(view).ofSubject(selection))
      if (rule.named?.of !== "subject" || pod.ports.get(rule.named.name) === rule.named.number) yield rule;
}

/** Of several rules that are about everything the first is noted. */
function deriveRules(spec: MatchSpec, rules: readonly [Rule, ...Rule[]], world: World): readonly Contribution[] {
  const open = rules.filter((rule) => countClauses(rule) === 1).sort(byPlace);
  const [first] = open;
  if (first === undefined) return partOfRules(world, spec, "subject", rules);
  const spot = spotOf(first, world.stages);
  const everything = flowsOfMet(world, `${world.feature}/open`, spot.open, spec, first, ownersOf(open));
  // At a level it takes the place of the pod's part in other rules, which would say the same.
  return spot.open === spot.rule ? everything : [...partOfRules(world, spec, "subject", rules), ...everything];
}

/** One with a rate comes first: another would let through what is beyond it. */
function byPlace(a: Rule, b: Rule): number {
  return Number(a.limit === undefined) - Number(b.limit === undefined) || a.id - b.id;
}

function isolate(port: Port, direction: Direction, view: View, world: World): readonly Contribution[] {
  const selections = [...view.selections.selectionsOf(podKeyOf(port))];
  const policies = selections.flatMap((selection) => [...world.rules(view).isolating(selection, direction)]);
  if (policies.length === 0) return [];
  const owners = policies.map(policyOwner).sort((a, b) => (a.name < b.name ? -1 : 1));
  const [table] = world.stages[direction].networkPolicy;
  const spec = matchPort(port, direction);
  const treatment = {
    refuses: policies.some(({ refuses }) => refuses),
    logged: policies.some(({ logged }) => logged),
  };
  const own = alsoMatchRegister(spec, "isHairpin", 1);
  return [
    policyFlow(
      `${world.feature}/isolation`,
      table,
      PRIORITY.isolation,
      spec,
      world.isolate(direction, treatment),
      owners,
    ),
    policyFlow(`${world.feature}/own`, table, PRIORITY.own, own, world.letThrough(direction), owners),
  ];
}

/** Its labels are not known, or those of its namespace, and some policy may select it. */
export function isUnclear(port: Port, pod: Pod | undefined, direction: Direction, rules: Rules): boolean {
  if (pod !== undefined && (pod.hostNetwork || pod.completed)) return false;
  const [first] = rules.unclear(podKeyOf(port), pod, direction);
  return first !== undefined;
}

function closeUnclear(port: Port, direction: Direction): Contribution {
  const owner = { kind: "Pod", name: podKeyOf(port), part: `interface ${port.name}` };
  const [table] = tablesOf(STAGES[direction]);
  const spec = matchPort(port, direction);
  return policyFlow("policies/unknown", table, PRIORITY.unknown, spec, deny(direction, "unknown"), [owner]);
}

/** A pod sends from its port, and Route has found it for what it receives: both hold for either family. */
export function matchPort({ ofport }: Port, direction: Direction): MatchSpec {
  return direction === "egress" ? { in_port: ofport } : matchRegister("outputPort", ofport);
}
