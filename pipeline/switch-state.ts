import { type Delta, emptyDelta, isEmptyDelta, squashDeltas } from "#base/delta.ts";
import { isEqual } from "#base/equal.ts";
import { type Flow, type Group, type Meter, sameFlow } from "#openflow/flow.ts";
import type { Site } from "./layout/sites.ts";
import type { Owner } from "./owner.ts";

interface Reasons {
  readonly site: Site;
  /** Everybody who asked for it; several share what is the same. */
  readonly owners: readonly Owner[];
}

/** A flow that should be in the switch, with its reasons. */
export interface DesiredFlow extends Reasons {
  readonly flow: Flow;
}

/** A group that flows name. */
export interface DesiredGroup extends Reasons {
  readonly group: Group;
}

/** A meter that flows name. */
export interface DesiredMeter extends Reasons {
  readonly meter: Meter;
}

/** Everything that should be in the switch: flows by identity, groups and meters by number. */
export interface SwitchState {
  readonly flows: ReadonlyMap<string, DesiredFlow>;
  readonly groups: ReadonlyMap<number, DesiredGroup>;
  readonly meters: ReadonlyMap<number, DesiredMeter>;
}

export interface SwitchDelta {
  readonly flows: Delta<string, DesiredFlow>;
  readonly groups: Delta<number, DesiredGroup>;
  readonly meters: Delta<number, DesiredMeter>;
}

export const UNCHANGED_SWITCH: SwitchDelta = { flows: emptyDelta(), groups: emptyDelta(), meters: emptyDelta() };

export function isSwitchUnchanged({ flows, groups, meters }: SwitchDelta): boolean {
  return isEmptyDelta(flows) && isEmptyDelta(groups) && isEmptyDelta(meters);
}

/** One delta that does what `first` and then `second` do. */
export function squashSwitchDeltas(first: SwitchDelta, second: SwitchDelta): SwitchDelta {
  return {
    flows: squashDeltas(first.flows, second.flows, isSameFlow),
    groups: squashDeltas(first.groups, second.groups, isSameGroup),
    meters: squashDeltas(first.meters, second.meters, isSameMeter),
  };
}

export function isSameFlow(a: DesiredFlow, b: DesiredFlow): boolean {
  return sameFlow(a.flow, b.flow);
}

export function isSameGroup(a: DesiredGroup, b: DesiredGroup): boolean {
  return isEqual(a.group, b.group);
}

export function isSameMeter(a: DesiredMeter, b: DesiredMeter): boolean {
  return isEqual(a.meter, b.meter);
}
