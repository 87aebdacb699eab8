import { isEqual } from "#base/equal.ts";
import type { ModelChange, Objects } from "../model/model.ts";
import { podKeyOf, podOfPort } from "../model/pod-of-port.ts";
import type { Policy } from "../model/policy.ts";
import { policyKey } from "./expand-policy.ts";
import type { LocalPods } from "./local-pods.ts";
import type { PolicyTable } from "./policy-table.ts";
import type { Selections } from "./selections.ts";

/** How far a step's changes reach: the policies to be expanded anew, and the ports of which the policies may be others. */
export interface Reach {
  readonly policies: ReadonlySet<string>;
  readonly ports: ReadonlySet<string>;
  take(change: ModelChange): void;
}

/** Keeps the policies and the local pods up to date on its way. The objects are already as it is after all changes. */
export function createReach(objects: Objects, selections: Selections, table: PolicyTable, locals: LocalPods): Reach {
  const policies = new Set<string>();
  const ports = new Set<string>();
  const touchPorts = (podKeys: Iterable<string>): void => {
    for (const podKey of podKeys) for (const port of locals.portsOf(podKey)) ports.add(port);
  };
  const touchPolicies = (keys: Iterable<string>): void => {
    for (const key of keys) policies.add(key);
  };

  function touchUnknown(namespace: string): void {
    for (const name of locals.portsIn(namespace)) {
      const port = objects.Port.get(name);
      if (port !== undefined && podOfPort(objects, port) === undefined) ports.add(name);
    }
  }

  /** A pod of this node entered or left a subject: with the first and the last its policies begin and cease to count here, and its names for ports with it. */
  function move(selectionKey: string, podKey: string, to: "enter" | "leave"): void {
    if (!locals[to](selectionKey, podKey)) return;
    touchPorts([podKey]);
    const count = locals.membersOf(selectionKey).size;
    if (count === (to === "enter" ? 1 : 0)) touchPolicies(table.withSubject(selectionKey));
    touchPolicies(table.readingNamesOf(selectionKey));
  }

  function takePolicy(key: string, before: Policy | undefined, after: Policy | undefined): void {
    table.set(key, after);
    policies.add(key);
    for (const policy of [before, after]) {
      if (policy === undefined) continue;
      const { key: selection } = policy.subject;
      if (!locals.isFollowed(selection)) locals.follow(selection, selections.membersOf(selection));
      touchPorts(locals.membersOf(selection));
      if (table.withSubject(selection).size === 0) locals.forget(selection);
      if (policy.kind === "NetworkPolicy") touchUnknown(policy.namespace);
      // Of which pods it is not clear whether it selects them changes with namespaces, too, before this step and in it.
      else for (const name of objects.Port.keys()) ports.add(name);
    }
  }

  function takePort({ key, before, after }: ModelChange & { kind: "Port" }): void {
    if (before !== undefined) {
      const podKey = podKeyOf(before);
      locals.removePort(podKey, key);
      if (locals.portsOf(podKey).size === 0)
        for (const selection of selections.selectionsOf(podKey)) move(selection, podKey, "leave");
    }
    if (after !== undefined) {
      const podKey = podKeyOf(after);
      locals.addPort(podKey, key);
      for (const selection of selections.selectionsOf(podKey)) move(selection, podKey, "enter");
    }
    ports.add(key);
  }

  function takeNode({ before, after }: ModelChange & { kind: "Node" }): void {
    const isAsBefore =
      isEqual(before?.labels, after?.labels) &&
      isEqual(before?.addresses, after?.addresses) &&
      isEqual(before?.externalAddresses, after?.externalAddresses);
    if (!isAsBefore) touchPolicies(table.readingNodes);
  }

  return {
    policies,
    ports,
    take(change) {
      if (change.kind === "NetworkPolicy") takePolicy(change.key, change.before, change.after);
      else if (change.kind === "ClusterNetworkPolicy")
        takePolicy(policyKey({ kind: change.kind, name: change.key }), change.before, change.after);
      else if (change.kind === "Node") takeNode(change);
      else if (change.kind === "Namespace") {
        if (table.hasClusterPolicies()) for (const name of locals.portsIn(change.key)) ports.add(name);
      } else if (change.kind === "Port") takePort(change);
      else if (change.kind === "Pod") {
        touchPorts([change.key]);
        if (!isEqual(change.before?.ports, change.after?.ports))
          for (const selection of selections.selectionsOf(change.key)) touchPolicies(table.readingNamesOf(selection));
      } else if (change.kind === "Selection") {
        for (const podKey of change.left) move(change.key, podKey, "leave");
        for (const podKey of change.entered) move(change.key, podKey, "enter");
        touchPolicies(table.readingNamesOf(change.key));
      }
    },
  };
}
