import type { EndpointSlice } from "../model/service.ts";

/** What stands behind services, as it is now. */
export interface Backends {
  /** A service's slices, in the order of their names. */
  slicesOf(serviceKey: string): readonly EndpointSlice[];
  /** The number of a group, by `groupKey`, or of a part of it; undefined for one that no service has. */
  groupId(key: string): number | undefined;
}

/** A service, its endpoints, or the number of one of its groups is otherwise than before. */
export interface BackendsChange {
  readonly kind: "Backends";
  /** "namespace/name" of the service. */
  readonly key: string;
}
