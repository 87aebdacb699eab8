import type { Ip } from "#base/address.ts";

/**
 * Who is selected by what, as it is now: kept incrementally, so that a pod's step costs the selections it enters or leaves.
 * The sets are the index's own: they change with the next step. Of a namespace whose object is not there nothing but its name
 * is known, so no selector that asks for more selects it.
 */
export interface Selections {
  /** The pods ("namespace/name") that a selection holds, of those that have a network of their own and are not completed. */
  membersOf(selectionKey: string): ReadonlySet<string>;
  /** The keys of the selections that hold a pod. */
  selectionsOf(podKey: string): ReadonlySet<string>;
  /** The one pod that an address belongs to: the one plugged here with it, else the youngest that is not being deleted. */
  podOf(ip: Ip): string | undefined;
}

/** Pods that entered a selection, and those that left it. One that a policy names first has all its members enter. */
export interface SelectionChange {
  readonly kind: "Selection";
  readonly key: string;
  readonly entered: readonly string[];
  readonly left: readonly string[];
}

/** The pod that an address belongs to is another than before. */
export interface AddressChange {
  readonly kind: "Address";
  readonly ip: Ip;
  readonly before: string | undefined;
  readonly after: string | undefined;
}
