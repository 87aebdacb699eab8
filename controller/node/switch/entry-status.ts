/** How something desired stands in the switch. */
export type EntryStatus =
  | { readonly state: "pending" }
  | { readonly state: "installed" }
  | { readonly state: "failed"; readonly why: string; readonly since: Date };

export const PENDING: EntryStatus = { state: "pending" };
export const INSTALLED: EntryStatus = { state: "installed" };
