/** What the administrator chose; it does not change while the process lives. */
export interface Settings {
  readonly nodeName: string;
  /** always: every peer through the tunnel. never: direct routes. hybrid: direct to peers in the same subnet, else tunnel. */
  readonly encapsulation: "always" | "never" | "hybrid";
}
