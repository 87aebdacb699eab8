import type { Cidr } from "#base/address.ts";

/** What the administrator chose; it does not change while the process lives. */
export interface Settings {
  readonly nodeName: string;
  /** always: every peer through the tunnel. never: direct routes. hybrid: direct to peers in the same subnet, else tunnel. */
  readonly encapsulation: "always" | "never" | "hybrid";
  /** The networks whose addresses on this node have NodePorts; every address's has, while there are none. */
  readonly nodePortNetworks?: readonly Cidr[];
  /** Of so many packets a second that policies deny the node process is told. */
  readonly denialSamples?: number;
  /** keep: a connection that was let through once goes on, whatever policies come. Otherwise it is cut. */
  readonly establishedConnections?: "cut" | "keep";
}
