import type { Action } from "#openflow/actions.ts";
import type { FieldName } from "#openflow/fields.ts";
import type { Flow } from "#openflow/flow.ts";
import { allOnes, type FieldValue, type Match } from "#openflow/match.ts";

/** A packet's fields; absent ones are 0. */
export type Fields = Partial<Record<FieldName, FieldValue>>;

export interface Passage {
  /** The flows that were met, in order. */
  readonly path: readonly Flow[];
  /** Ports by which it leaves. */
  readonly outputs: readonly number[];
  /** What the controller is told of it: the first byte of each action's userdata, 0 without, and the fields as they were. */
  readonly told: readonly (readonly [userdata: number, fields: Fields])[];
  readonly fields: Fields;
}

const TRACKED_AND_NEW = 0x21;

export interface FakeSwitch {
  run(packet: Fields): Passage;
}

/**
 * Carries packets through flows as ovs-vswitchd does, as far as Weir's flows go: priorities, conjunctive matches, set_field,
 * goto_table, resubmit, output. Conntrack knows no connection, unless the packet's ct_state says otherwise.
 */
export function createFakeSwitch(flows: Iterable<Flow>): FakeSwitch {
  const levelsByTable = new Map(
    [...Map.groupBy(flows, ({ table }) => table)].map(([table, own]) => [table, levelsOf(own)] as const),
  );
  return {
    run(packet) {
      const fields: Fields = { ...packet };
      const passage = { path: [] as Flow[], outputs: [] as number[], told: [] as [number, Fields][], fields };
      const enter = (first: number): void => {
        for (let table: number | undefined = first; table !== undefined; ) {
          const flow = lookUp(levelsByTable.get(table) ?? [], fields);
          table = undefined;
          if (flow === undefined) break;
          passage.path.push(flow);
          for (const action of flow.actions)
            if (action.type === "resubmit") enter(action.table!);
            else table = carryOut(action, passage) ?? table;
        }
      };
      enter(0);
      return passage;
    },
  };
}

/** The flows of one priority. */
type Level = readonly Flow[];

function levelsOf(flows: readonly Flow[]): readonly Level[] {
  const levels = [...Map.groupBy(flows, ({ priority }) => priority)];
  return levels.sort(([a], [b]) => b - a).map(([, level]) => level);
}

/** From the highest priority down; at each, a plain flow, or else one whose conj_id all clauses of a conjunction give. */
function lookUp(levels: readonly Level[], fields: Fields): Flow | undefined {
  for (const level of levels) {
    const met = level.filter(({ match }) => isMatched(match, fields));
    const hard = met.find((flow) => !isSoft(flow));
    if (hard !== undefined) return hard;
    for (const id of fulfilled(met.filter(isSoft))) {
      const verdict = level.find(
        ({ match }) => isMatched(match, { ...fields, conj_id: id }) && isAboutConjunction(match),
      );
      if (verdict !== undefined) return verdict;
    }
  }
  return undefined;
}

function isSoft({ actions }: Flow): boolean {
  return actions.some(({ type }) => type === "conjunction");
}

function isAboutConjunction(match: Match): boolean {
  return match.some(({ field }) => field === "conj_id");
}

function fulfilled(soft: readonly Flow[]): readonly number[] {
  const met = new Map<number, Set<number>>();
  const needed = new Map<number, number>();
  for (const action of soft.flatMap(({ actions }) => actions)) {
    if (action.type !== "conjunction") continue;
    met.set(action.id, (met.get(action.id) ?? new Set()).add(action.clause));
    needed.set(action.id, action.clauses);
  }
  return [...met].filter(([id, clauses]) => clauses.size === needed.get(id)).map(([id]) => id);
}

function isMatched(match: Match, fields: Fields): boolean {
  return match.every((term) => {
    if (term.field === "unknown") return false;
    const value = fields[term.field] ?? 0;
    const { value: wanted, mask } = term;
    if (mask === undefined && typeof value === typeof wanted) return value === wanted;
    // Random clusters ask this millions of times, mostly of what a bitwise operator of numbers can do.
    if (isWord(value) && isWord(wanted) && isWord(mask)) return ((value ^ wanted) & mask) === 0;
    return ((BigInt(value) ^ BigInt(wanted)) & BigInt(mask ?? allOnes(128))) === 0n;
  });
}

function isWord(value: FieldValue | undefined): value is number {
  return typeof value === "number" && value <= 0xffff_ffff;
}

/** Returns the table in which to go on. */
function carryOut(
  action: Action,
  { fields, outputs, told }: { fields: Fields; outputs: number[]; told: [number, Fields][] },
): number | undefined {
  switch (action.type) {
    case "goto_table":
      return action.table;
    case "set_field": {
      const mask = action.mask === undefined ? allOnes(128) : BigInt(action.mask);
      write(fields, action.field, (BigInt(fields[action.field] ?? 0) & ~mask) | (BigInt(action.value) & mask));
      return undefined;
    }
    case "ct":
      if (action.table !== undefined) fields.ct_state ??= TRACKED_AND_NEW;
      return action.table;
    case "output_reg": {
      const port = Number(BigInt(fields[action.source.field] ?? 0) >> BigInt(action.source.start));
      // Nothing goes back by the port it came in by.
      if (port !== Number(fields.in_port)) outputs.push(port);
      return undefined;
    }
    case "meter":
      // Never full.
      return undefined;
    case "output":
      outputs.push(action.port);
      return undefined;
    case "controller":
      told.push([action.userdata?.[0] ?? 0, { ...fields }]);
      return undefined;
    case "dec_ttl":
      write(fields, "nw_ttl", BigInt(fields.nw_ttl ?? 0) - 1n);
      return undefined;
    default:
      throw new Error(`the fake switch cannot ${action.type}`);
  }
}

function write(fields: Fields, field: FieldName, value: bigint): void {
  fields[field] = value;
}
