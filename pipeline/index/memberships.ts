import type { Pod } from "../model/model.ts";
import type { PodSelection } from "../model/policy.ts";
import { createScopes, type Scope } from "./scopes.ts";
import { type Group, type Selection, signatureOf } from "./selection.ts";
import type { SelectionChange, Selections } from "./selections.ts";

/** Which pods are in which of the selections that policies name. */
export interface Memberships extends Pick<Selections, "membersOf" | "selectionsOf"> {
  /** Undefined: no such pod, or none with a network of its own. */
  setPod(key: string, pod: Pod | undefined): void;
  setNamespace(name: string, labels: Pod["labels"] | undefined): void;
  /** A policy names a selection; `release` says that it does so no more. */
  retain(selection: PodSelection): void;
  release(selection: PodSelection): void;
  /** What came of all that was said since the last call. */
  settle(): readonly SelectionChange[];
}

interface State {
  readonly selections: Map<string, Selection>;
  readonly groups: Map<string, Group>;
  readonly groupByPod: Map<string, Group>;
  readonly scopes: ReturnType<typeof createScopes>;
  /** Selections that began since the last settling; all their members have entered. */
  readonly fresh: Set<Selection>;
  /** Those that no policy named at some time since then. */
  readonly idle: Set<Selection>;
  /** Pods that entered or left since then, an odd number of times. */
  readonly toggled: Map<Selection, Set<string>>;
}

const NOBODY: ReadonlySet<string> = new Set();

export function createMemberships(): Memberships {
  const state: State = {
    ...{ selections: new Map(), groups: new Map(), groupByPod: new Map(), scopes: createScopes() },
    ...{ fresh: new Set(), idle: new Set(), toggled: new Map() },
  };
  return {
    membersOf: (key) => state.selections.get(key)?.members ?? NOBODY,
    selectionsOf: (podKey) => state.groupByPod.get(podKey)?.selections ?? NOBODY,
    setPod: (key, pod) => movePod(state, key, pod),
    setNamespace(name, labels) {
      const { left, joined } = state.scopes.setLabels(name, labels);
      for (const group of state.scopes.groupsOf(name)) {
        for (const scope of left) moveGroup(state, group, scope, false);
        for (const scope of joined) moveGroup(state, group, scope, true);
      }
    },
    retain(selection) {
      const known = state.selections.get(selection.key) ?? begin(state, selection);
      known.policies++;
    },
    release({ key }) {
      const selection = state.selections.get(key);
      if (selection !== undefined && --selection.policies === 0) state.idle.add(selection);
    },
    settle: () => settle(state),
  };
}

function movePod(state: State, key: string, pod: Pod | undefined): void {
  const from = state.groupByPod.get(key);
  const to = pod && groupOf(state, pod);
  if (from === to) return;
  if (to === undefined) state.groupByPod.delete(key);
  else state.groupByPod.set(key, to);
  from?.pods.delete(key);
  to?.pods.add(key);
  for (const selection of from?.selections ?? NOBODY)
    if (!to?.selections.has(selection)) toggle(state, state.selections.get(selection)!, key);
  for (const selection of to?.selections ?? NOBODY)
    if (!from?.selections.has(selection)) toggle(state, state.selections.get(selection)!, key);
  if (from === undefined || from.pods.size > 0) return;
  state.groups.delete(from.key);
  state.scopes.removeGroup(from);
}

function groupOf(state: State, { namespace, labels }: Pod): Group {
  const key = `${namespace}/${signatureOf(labels)}`;
  const known = state.groups.get(key);
  if (known !== undefined) return known;
  const group: Group = { key, namespace, labels, pods: new Set(), selections: new Set() };
  state.groups.set(key, group);
  state.scopes.addGroup(group);
  for (const scope of state.scopes.scopesOf(namespace))
    for (const selection of scope.selections.match(labels)) group.selections.add(selection.key);
  return group;
}

function moveGroup(state: State, group: Group, scope: Scope, isIn: boolean): void {
  for (const selection of scope.selections.match(group.labels)) {
    if (isIn) group.selections.add(selection.key);
    else group.selections.delete(selection.key);
    for (const pod of group.pods) toggle(state, selection, pod);
  }
}

function begin(state: State, { key, namespaces, pods }: PodSelection): Selection {
  const selection: Selection = { key, namespaces, pods, members: new Set(), policies: 0 };
  state.selections.set(key, selection);
  state.fresh.add(selection);
  for (const group of state.scopes.addSelection(selection)) {
    group.selections.add(key);
    for (const pod of group.pods) selection.members.add(pod);
  }
  return selection;
}

function end(state: State, selection: Selection): void {
  state.selections.delete(selection.key);
  for (const group of state.scopes.removeSelection(selection)) group.selections.delete(selection.key);
}

/** A member leaves, another pod enters. */
function toggle(state: State, selection: Selection, pod: string): void {
  if (!selection.members.delete(pod)) selection.members.add(pod);
  if (state.fresh.has(selection)) return;
  const pods = state.toggled.get(selection) ?? new Set();
  state.toggled.set(selection, pods);
  if (!pods.delete(pod)) pods.add(pod);
}

function settle(state: State): readonly SelectionChange[] {
  const { fresh, idle, toggled } = state;
  const changes: SelectionChange[] = [];
  const tell = ({ key }: Selection, entered: readonly string[], left: readonly string[]) => {
    if (entered.length + left.length > 0) changes.push({ kind: "Selection", key, entered, left });
  };
  for (const selection of idle) {
    if (selection.policies > 0) continue;
    end(state, selection);
    // Whoever entered since the last settling was never told of, and is not told of as having left.
    const pods = toggled.get(selection) ?? NOBODY;
    if (!fresh.delete(selection)) tell(selection, [], [...selection.members.symmetricDifference(pods)]);
    toggled.delete(selection);
  }
  for (const selection of fresh) tell(selection, [...selection.members], []);
  for (const [selection, pods] of toggled) {
    const { members } = selection;
    const all = [...pods];
    tell(
      selection,
      all.filter((pod) => members.has(pod)),
      all.filter((pod) => !members.has(pod)),
    );
  }
  for (const done of [fresh, idle, toggled]) done.clear();
  return changes;
}
