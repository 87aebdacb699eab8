import type { LabelSelector } from "../model/label-selector.ts";
import type { Labels } from "../model/model.ts";
import { NAMESPACE_NAME_LABEL } from "../model/namespace-name.ts";
import { formatScope, type PodSelection } from "../model/policy.ts";
import { createLabelled, type Labelled } from "./labelled.ts";
import type { Group, Selection } from "./selection.ts";
import { createSelectors, type Selectors } from "./selectors.ts";

/** The namespaces of one or more selections, and these. */
export interface Scope {
  readonly namespaces: PodSelection["namespaces"];
  readonly selections: Selectors<Selection>;
}

/** A namespace in which there are pods, or of which somebody told the labels. */
interface Namespace {
  readonly name: string;
  labels: Labels;
  /** Its object is there. Of one without, nothing is known but its name. */
  isKnown: boolean;
  readonly groups: Labelled<Group>;
  /** Those of the scopes that select namespaces. */
  readonly scopes: Set<Scope>;
}

/** Which namespaces are in which scopes, which groups of pods are in them, and which selections look there. */
export interface Scopes {
  scopesOf(namespace: string): Iterable<Scope>;
  groupsOf(namespace: string): Iterable<Group>;
  setLabels(
    namespace: string,
    labels: Labels | undefined,
  ): { readonly left: readonly Scope[]; readonly joined: readonly Scope[] };
  addGroup(group: Group): void;
  removeGroup(group: Group): void;
  /** Both give the groups that the selection holds. */
  addSelection(selection: Selection): readonly Group[];
  removeSelection(selection: Selection): readonly Group[];
}

interface State {
  readonly namespaces: Map<string, Namespace>;
  readonly labelled: Labelled<Namespace>;
  readonly scopes: Map<string, Scope>;
  readonly selecting: Selectors<Scope>;
}

export function createScopes(): Scopes {
  const state: State = {
    ...{ namespaces: new Map(), labelled: createLabelled<Namespace>() },
    ...{ scopes: new Map(), selecting: createSelectors<Scope>() },
  };
  return {
    *scopesOf(name) {
      const own = state.scopes.get(formatScope(name));
      if (own !== undefined) yield own;
      yield* state.namespaces.get(name)?.scopes ?? [];
    },
    groupsOf: (name) => state.namespaces.get(name)?.groups.all() ?? [],
    setLabels: (name, labels) => setLabels(state, name, labels),
    addGroup: (group) => namespaceOf(state, group.namespace).groups.add(group.labels, group),
    removeGroup(group) {
      const namespace = namespaceOf(state, group.namespace);
      namespace.groups.remove(group.labels, group);
      forgetIfEmpty(state, namespace);
    },
    addSelection(selection) {
      const scope = scopeOf(state, selection.namespaces);
      scope.selections.add(selection.pods, selection);
      return groupsIn(state, scope, selection.pods);
    },
    removeSelection(selection) {
      const scope = scopeOf(state, selection.namespaces);
      const groups = groupsIn(state, scope, selection.pods);
      scope.selections.remove(selection);
      if (scope.selections.size === 0) endScope(state, scope);
      return groups;
    },
  };
}

function namespaceOf(state: State, name: string): Namespace {
  const known = state.namespaces.get(name);
  if (known !== undefined) return known;
  const labels = new Map([[NAMESPACE_NAME_LABEL, name]]);
  const namespace: Namespace = { name, labels, isKnown: false, groups: createLabelled(), scopes: new Set() };
  state.namespaces.set(name, namespace);
  state.labelled.add(labels, namespace);
  for (const scope of scopesSelecting(state, namespace)) namespace.scopes.add(scope);
  return namespace;
}

function forgetIfEmpty({ namespaces, labelled }: State, namespace: Namespace): void {
  if (namespace.isKnown || namespace.groups.size > 0) return;
  namespaces.delete(namespace.name);
  labelled.remove(namespace.labels, namespace);
}

function setLabels(state: State, name: string, labels: Labels | undefined): ReturnType<Scopes["setLabels"]> {
  const namespace = namespaceOf(state, name);
  state.labelled.remove(namespace.labels, namespace);
  namespace.labels = labels ?? new Map([[NAMESPACE_NAME_LABEL, name]]);
  namespace.isKnown = labels !== undefined;
  state.labelled.add(namespace.labels, namespace);
  const selecting = new Set(scopesSelecting(state, namespace));
  const left = [...namespace.scopes].filter((scope) => !selecting.has(scope));
  const joined = [...selecting].filter((scope) => !namespace.scopes.has(scope));
  for (const scope of left) namespace.scopes.delete(scope);
  for (const scope of joined) namespace.scopes.add(scope);
  forgetIfEmpty(state, namespace);
  return { left, joined };
}

function scopesSelecting({ selecting }: State, namespace: Namespace): readonly Scope[] {
  return [...selecting.match(namespace.labels)].filter((scope) => canHold(scope.namespaces, namespace));
}

/** What nobody told of a namespace meets no requirement, not even that a label be absent: it might be there. */
function canHold(selector: string | LabelSelector, { isKnown }: Namespace): boolean {
  if (isKnown || typeof selector === "string") return true;
  return selector.requirements.every(({ key }) => key === NAMESPACE_NAME_LABEL);
}

function scopeOf(state: State, namespaces: PodSelection["namespaces"]): Scope {
  const key = formatScope(namespaces);
  const known = state.scopes.get(key);
  if (known !== undefined) return known;
  const scope: Scope = { namespaces, selections: createSelectors() };
  state.scopes.set(key, scope);
  if (typeof namespaces === "string") return scope;
  state.selecting.add(namespaces, scope);
  for (const namespace of namespacesIn(state, scope)) namespace.scopes.add(scope);
  return scope;
}

function endScope(state: State, scope: Scope): void {
  state.scopes.delete(formatScope(scope.namespaces));
  state.selecting.remove(scope);
  if (typeof scope.namespaces === "string") return;
  for (const namespace of namespacesIn(state, scope)) namespace.scopes.delete(scope);
}

function namespacesIn({ namespaces, labelled }: State, scope: Scope): readonly Namespace[] {
  const selector = scope.namespaces;
  if (typeof selector !== "string")
    return [...labelled.select(selector)].filter((namespace) => canHold(selector, namespace));
  const own = namespaces.get(selector);
  return own === undefined ? [] : [own];
}

function groupsIn(state: State, scope: Scope, pods: LabelSelector): readonly Group[] {
  return namespacesIn(state, scope).flatMap(({ groups }) => [...groups.select(pods)]);
}
