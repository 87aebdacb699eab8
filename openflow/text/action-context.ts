import type { Action } from "#openflow/actions.ts";
import type { Match } from "#openflow/match.ts";
import type { Names } from "./names.ts";
import { kindOf, type PacketKind } from "./prerequisites.ts";

/** Where actions stand: in a flow, or in an action that holds others. */
export interface ActionContext {
  readonly names: Names;
  /** The flow's table, where it is known. */
  readonly table: number | undefined;
  readonly outer: "ct" | "clone" | "write_actions" | undefined;
  readonly depth: number;
  /** What the packet is by then, for each action may change that; undefined where no match is known. */
  kind: PacketKind | undefined;
  readonly parse: (text: string, context: ActionContext) => readonly Action[];
}

export function flowContext(
  names: Names,
  match: Match | undefined,
  table: number | undefined,
  parse: ActionContext["parse"],
): ActionContext {
  return { names, table, outer: undefined, depth: 0, kind: match === undefined ? undefined : kindOf(match), parse };
}

/** Parses the actions within an action. What they make of the packet ends with them. */
export function parseNested(
  text: string,
  context: ActionContext,
  outer: NonNullable<ActionContext["outer"]>,
): readonly Action[] {
  return context.parse(text, { ...context, outer, depth: context.depth + 1 });
}
