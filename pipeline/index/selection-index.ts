import type { ObjectChange, Pod } from "../model/model.ts";
import { type PodSelection, type Policy, selectionsNamedBy } from "../model/policy.ts";
import { createAddressOwners } from "./address-owners.ts";
import { createMemberships } from "./memberships.ts";
import type { AddressChange, SelectionChange, Selections } from "./selections.ts";

/** Follows the objects of the model. What it holds depends on them as they are now, however they came to be so. */
export interface SelectionIndex extends Selections {
  /** Takes in what one step changed; returns what follows from all of it together. */
  apply(changes: readonly ObjectChange[]): readonly (SelectionChange | AddressChange)[];
}

export function createSelectionIndex(): SelectionIndex {
  const memberships = createMemberships();
  const owners = createAddressOwners();

  function take(change: ObjectChange): void {
    if (change.kind === "Pod") {
      const after = withNetwork(change.after);
      memberships.setPod(change.key, after);
      owners.movePod(change.key, withNetwork(change.before), after);
    } else if (change.kind === "Port") owners.movePort(change.before, change.after);
    else if (change.kind === "Namespace") memberships.setNamespace(change.key, change.after?.labels);
    else if (change.kind === "NetworkPolicy" || change.kind === "ClusterNetworkPolicy") {
      // What both name is never without a policy in between, and so stays as it is.
      for (const selection of named(change.after)) memberships.retain(selection);
      for (const selection of named(change.before)) memberships.release(selection);
    }
  }
  return {
    membersOf: memberships.membersOf,
    selectionsOf: memberships.selectionsOf,
    podOf: owners.podOf,
    apply(changes) {
      for (const change of changes) take(change);
      return [...memberships.settle(), ...owners.settle()];
    },
  };
}

/** A completed pod has no network any more, and one on the host's never had its own. */
function withNetwork(pod: Pod | undefined): Pod | undefined {
  return pod === undefined || pod.hostNetwork || pod.completed ? undefined : pod;
}

function named(policy: Policy | undefined): readonly PodSelection[] {
  return policy === undefined ? [] : selectionsNamedBy(policy);
}
