/** How a desired flow stands in the switch. */
export type FlowStatus =
  | { readonly state: "pending" }
  | { readonly state: "installed" }
  | { readonly state: "failed"; readonly why: string; readonly since: Date };

export const PENDING: FlowStatus = { state: "pending" };
export const INSTALLED: FlowStatus = { state: "installed" };
