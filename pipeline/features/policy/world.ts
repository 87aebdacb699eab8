import type { Action } from "#openflow/actions.ts";
import type { Rule, Rules } from "../../index/rules.ts";
import { DENIED_REASON, STAGED_VERDICT } from "../../layout/registers.ts";
import type { View } from "../../model/model.ts";
import type { Direction } from "../../model/policy.ts";
import { deny, goto, noteLogged, setRegister, type Treatment } from "../vocabulary.ts";
import { STAGED_STAGES, STAGES, type Stages } from "./stages.ts";

/** In which tables policies are written, which of them, and what becomes of a packet there. */
export interface World {
  /** Of features, and of their sites. */
  readonly feature: "policies" | "staging";
  rules(view: View): Rules;
  readonly stages: Stages;
  /** By a rule that decides, which is noted. */
  allow(rule: Rule): readonly Action[];
  deny(rule: Rule): readonly Action[];
  /** For want of a rule. */
  isolate(direction: Direction, treatment: Treatment): readonly Action[];
  /** Without any. */
  letThrough(direction: Direction): readonly Action[];
}

/** What is in force. */
export const ENFORCED: World = {
  feature: "policies",
  rules: ({ rules }) => rules,
  stages: STAGES,
  allow: ({ direction, id, logged }) => [
    setRegister(STAGES[direction].register, id),
    ...(logged ? noteLogged(direction) : []),
    goto(STAGES[direction].next),
  ],
  deny: (rule) => [setRegister(STAGES[rule.direction].register, rule.id), ...deny(rule.direction, "rule", rule)],
  isolate: (direction, treatment) => deny(direction, "isolation", treatment),
  letThrough: (direction) => [goto(STAGES[direction].next)],
};

/** What would be, were all staging over: the packet goes nowhere here, and the verdict is counted. */
export const STAGED: World = {
  feature: "staging",
  rules: ({ staged }) => staged,
  stages: STAGED_STAGES,
  allow: ({ id }) => [setRegister("stagedRule", id), ...verdict("allow")],
  deny: ({ id }) => [
    setRegister("stagedRule", id),
    setRegister("stagedReason", DENIED_REASON.rule),
    ...verdict("deny"),
  ],
  isolate: () => [setRegister("stagedReason", DENIED_REASON.isolation), ...verdict("deny")],
  letThrough: () => verdict("allow"),
};

function verdict(name: keyof typeof STAGED_VERDICT): readonly Action[] {
  return [setRegister("stagedVerdict", STAGED_VERDICT[name]), goto("StagedVerdict")];
}
