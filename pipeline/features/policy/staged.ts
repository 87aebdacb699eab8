import type { Action } from "#openflow/actions.ts";
import type { MatchSpec } from "#openflow/match.ts";
import type { Contribution } from "../../feature.ts";
import { fnv1a } from "../../index/conjunction-ids.ts";
import { CT_MARK } from "../../layout/conntrack.ts";
import { DEFAULT_DENIAL_SAMPLES, DENIAL_BYTES, METERS } from "../../layout/meters.ts";
import { PRIORITY } from "../../layout/priorities.ts";
import { DENIED_DIRECTION, STAGED_VERDICT } from "../../layout/registers.ts";
import type { Site } from "../../layout/sites.ts";
import { TABLES, type TableName } from "../../layout/tables.ts";
import { TOLD } from "../../layout/told.ts";
import type { Port, View } from "../../model/model.ts";
import { podKeyOf, podOfPort } from "../../model/pod-of-port.ts";
import { DIRECTIONS, type Direction, type Policy, policyId } from "../../model/policy.ts";
import type { Owner } from "../../owner.ts";
import { limitPackets, matchMark, WEIR } from "../connections.ts";
import { alsoMatchRegister, goto, matchRegister, setRegister } from "../vocabulary.ts";
import { policyFlow, policyOwner } from "./conjunctions.ts";
import { STAGED_STAGES, STAGES, tablesOf } from "./stages.ts";
import { deriveKnown, isUnclear, matchPort } from "./subject.ts";
import { STAGED } from "./world.ts";

/** What the bridge has once any policy is staged. */
export function deriveStaging(view: View): readonly Contribution[] {
  if (!view.staged.isAny()) return [];
  return [
    ...DIRECTIONS.flatMap((direction) => [...ask(direction), ...passOn(direction)]),
    limitPackets(METERS.staged.id, DEFAULT_DENIAL_SAMPLES, "staging/newly-denied"),
  ];
}

/** When all is decided, the staged tables are asked, and then this table again. */
function ask(direction: Direction): readonly Contribution[] {
  const [first] = tablesOf(STAGED_STAGES[direction]);
  const again = (table: TableName): Action => ({ type: "resubmit", table: TABLES[table].id });
  return (["Commit", "Deny"] as const).map((table) => {
    const actions = [
      setRegister(`${direction}Staged`, 0),
      setRegister("stagedDirection", DENIED_DIRECTION[direction]),
      again(first),
      again(table),
    ];
    // Of both directions one comes first, for one match may not say of two registers the one or the other.
    const both = matchRegister(`${direction}Staged`, 1);
    const spec = direction === "egress" ? both : alsoMatchRegister(both, "egressStaged", 0);
    return policyFlow("staging/ask", table, PRIORITY.judged, spec, actions, [WEIR]);
  });
}

function passOn(direction: Direction): readonly Contribution[] {
  const tables = tablesOf(STAGED_STAGES[direction]);
  return tables.map((table, i) => {
    const next = tables[i + 1];
    const actions = next === undefined ? STAGED.letThrough(direction) : [goto(next)];
    return policyFlow("staging/next", table, PRIORITY.miss, {}, actions, [WEIR]);
  });
}

/** Everything about one pod that a staged policy selects. */
export function deriveStagedSubject(name: string, view: View): readonly Contribution[] {
  const port = view.Port.get(name);
  if (port === undefined || !isUnder(port, view)) return [];
  const pod = podOfPort(view, port);
  return DIRECTIONS.flatMap((direction) => {
    const policies = stagedPolicies(port, direction, view);
    // Of a pod that is shut off, for nobody can say what selects it, nothing is asked.
    const isShut = [view.rules, view.staged].some((rules) => isUnclear(port, pod, direction, rules));
    if (policies.length === 0 || isShut) return [];
    return [
      begin(port, direction, policies),
      ...deriveKnown(port, pod, direction, view, STAGED),
      ...countVerdicts(port, direction, policies),
    ];
  });
}

function isUnder(port: Port, view: View): boolean {
  for (const name of view.staged.portsOf(podKeyOf(port))) if (name === port.name) return true;
  return false;
}

/** The staged policies that select the pod and have a say in the direction, by name. */
function stagedPolicies(port: Port, direction: Direction, view: View): readonly Policy[] {
  const policies = [...view.staged.stagingOf(podKeyOf(port), direction)];
  return policies.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

function nameOf(policy: Policy): string {
  const { kind, name } = policyId(policy);
  return `${kind} ${name}`;
}

/** Where other policies are staged, or other rules of them, it is counted anew. */
function hashOf(policies: readonly Policy[]): number {
  return fnv1a(policies.map((policy) => `${nameOf(policy)} ${policy.generation}`).join());
}

/** Before any policy is asked, but behind what none is asked about. What is known has been judged. */
function begin(port: Port, direction: Direction, policies: readonly Policy[]): Contribution {
  const [table] = tablesOf(STAGES[direction]);
  const register = `${direction}Staged` as const;
  const spec = { ...alsoMatchRegister(matchPort(port, direction), register, 0), ...matchMark(0, CT_MARK.known) };
  const again: Action = { type: "resubmit", table: TABLES[table].id };
  const actions = [setRegister(register, 1), setRegister(`${direction}StagedBy`, hashOf(policies)), again];
  return policyFlow("staging/begin", table, PRIORITY.staged, spec, actions, policies.map(ownerOf));
}

function countVerdicts(port: Port, direction: Direction, policies: readonly Policy[]): readonly Contribution[] {
  const tell: Action = {
    ...{ type: "controller", maxLength: DENIAL_BYTES, meterId: METERS.staged.id },
    userdata: Uint8Array.of(TOLD.staged),
  };
  const own = alsoMatchRegister(
    { ...matchPort(port, direction), ...matchRegister(`${direction}StagedBy`, hashOf(policies)) },
    "stagedDirection",
    DENIED_DIRECTION[direction],
  );
  const count = (
    site: Site,
    verdict: keyof typeof STAGED_VERDICT,
    isLetThrough: boolean,
    actions: readonly Action[],
  ): Contribution => {
    const spec = alsoMatchRegister(own, "stagedVerdict", STAGED_VERDICT[verdict]);
    const now: MatchSpec = isLetThrough ? alsoMatchRegister(spec, "deniedDirection", 0) : spec;
    const priority = isLetThrough ? PRIORITY.address : PRIORITY.fallback;
    return policyFlow(site, "StagedVerdict", priority, now, actions, policies.map(ownerOf));
  };
  return [
    count("staging/allowed", "allow", true, []),
    count("staging/newly-allowed", "allow", false, []),
    count("staging/newly-denied", "deny", true, [tell]),
    count("staging/denied", "deny", false, []),
  ];
}

function ownerOf(policy: Policy): Owner {
  return policyOwner(policyId(policy));
}
