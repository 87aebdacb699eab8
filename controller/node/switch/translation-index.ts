import type { Flow, Group } from "#openflow/flow.ts";
import type { SwitchWork } from "#pipeline/graph.ts";
import { groupsOf, type Translation, translationsOf } from "./translations.ts";

/** What the switch holds, as the ledgers know it. */
export interface Held {
  readonly flows: { readonly installed: ReadonlyMap<string, Flow> };
  readonly groups: { readonly installed: ReadonlyMap<number, Group> };
}

/** Finds the translations that a piece of work may change, without looking at all flows. */
export class TranslationIndex {
  readonly #held: Held;
  readonly #groupsByFlow = new Map<string, readonly number[]>();
  readonly #flowsByGroup = new Map<number, Set<string>>();

  constructor(held: Held) {
    this.#held = held;
  }

  /** As the switch holds them now. */
  touchedBy(work: SwitchWork): readonly Translation[] {
    const { flows, groups } = this.#held;
    return [...this.#touchedFlows(work)].flatMap((key) => {
      const flow = flows.installed.get(key);
      return flow === undefined ? [] : translationsOf(flow, groups.installed);
    });
  }

  /** Takes in that the work is done. */
  follow(work: SwitchWork): void {
    if (work.compare) {
      this.#groupsByFlow.clear();
      this.#flowsByGroup.clear();
    }
    for (const key of [...this.#touchedFlows(work)]) this.#place(key);
  }

  #touchedFlows({ compare, flows, groups }: SwitchWork): Iterable<string> {
    if (compare) return this.#held.flows.installed.keys();
    const keys = new Set([...flows.added.keys(), ...flows.changed.keys(), ...flows.removed.keys()]);
    for (const group of [...groups.added.keys(), ...groups.changed.keys(), ...groups.removed.keys()])
      for (const key of this.#flowsByGroup.get(group) ?? []) keys.add(key);
    return keys;
  }

  #place(key: string): void {
    const { flows, groups } = this.#held;
    for (const group of this.#groupsByFlow.get(key) ?? []) this.#flowsByGroup.get(group)?.delete(key);
    const flow = flows.installed.get(key);
    const ids = flow === undefined ? [] : groupsOf(flow, groups.installed);
    if (ids.length > 0) this.#groupsByFlow.set(key, ids);
    else this.#groupsByFlow.delete(key);
    for (const id of ids) this.#flowsByGroup.set(id, (this.#flowsByGroup.get(id) ?? new Set()).add(key));
  }
}
