import type { MatchSpec } from "#openflow/match.ts";
import type { Contribution } from "../../feature.ts";
import type { Rule } from "../../index/rules.ts";
import { PRIORITY } from "../../layout/priorities.ts";
import type { Pod, Port, View } from "../../model/model.ts";
import { podKeyOf, podOfPort } from "../../model/pod-of-port.ts";
import { DIRECTIONS, type Direction } from "../../model/policy.ts";
import { deny, goto, matchRegister, setRegister } from "../vocabulary.ts";
import { countClauses, ownersOf, partOfRules, policyOwner, ruleFlow, STAGES } from "./conjunctions.ts";

/** Everything that policies say of the pod at a port: its part in rules, the rules that ask for no more, and its isolation. */
export function deriveSubject(name: string, view: View): readonly Contribution[] {
  const port = view.Port.get(name);
  if (port === undefined) return [];
  const pod = podOfPort(view, port);
  return DIRECTIONS.flatMap((direction) =>
    pod === undefined ? deriveUnknown(port, direction, view) : deriveKnown(port, pod, direction, view),
  );
}

function deriveKnown(port: Port, pod: Pod, direction: Direction, view: View): readonly Contribution[] {
  const spec = matchPort(port, direction);
  const selections = [...view.selections.selectionsOf(podKeyOf(port))];
  const isolating = selections.flatMap((selection) => [...view.rules.isolating(selection, direction)]);
  if (isolating.length === 0) return [];
  const rules = selections
    .flatMap((selection) => [...view.rules.ofSubject(selection, direction)])
    .filter(({ named }) => named?.of !== "subject" || pod.ports.get(named.name) === named.number);
  const owners = isolating.map((policy) => policyOwner(policy)).sort((a, b) => (a.name < b.name ? -1 : 1));
  return [
    ...partOfRules("policies/subject", direction, spec, "subject", rules),
    ...deriveOpen(direction, spec, rules),
    ruleFlow("policies/isolation", direction, PRIORITY.isolation, spec, deny(direction, "isolation"), owners),
  ];
}

/** Of several rules that allow everything the first by number is noted. */
function deriveOpen(direction: Direction, spec: MatchSpec, rules: readonly Rule[]): readonly Contribution[] {
  const open = rules.filter((rule) => countClauses(rule) === 1).sort((a, b) => a.id - b.id);
  const [first] = open;
  if (first === undefined) return [];
  const { next, verdict } = STAGES[direction];
  const actions = [setRegister(verdict, first.id), goto(next)];
  return [ruleFlow("policies/open", direction, PRIORITY.open, spec, actions, ownersOf(open))];
}

/** Its labels are not known, so any policy of its namespace may select it. */
function deriveUnknown(port: Port, direction: Direction, view: View): readonly Contribution[] {
  if (!view.rules.hasPolicies(port.podNamespace)) return [];
  const owner = { kind: "Pod", name: podKeyOf(port), part: `interface ${port.name}` };
  const spec = matchPort(port, direction);
  return [ruleFlow("policies/unknown", direction, PRIORITY.isolation, spec, deny(direction, "unknown"), [owner])];
}

/** A pod sends from its port, and Route has found it for what it receives: both hold for either family. */
function matchPort({ ofport }: Port, direction: Direction): MatchSpec {
  return direction === "egress" ? { in_port: ofport } : matchRegister("outputPort", ofport);
}
