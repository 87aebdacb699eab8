/** The kinds of objects that the pipeline reads: those of Kubernetes, and three of the node itself. */
export const KINDS = [
  "Pod",
  "Node",
  "Namespace",
  "NetworkPolicy",
  "ClusterNetworkPolicy",
  "Service",
  "EndpointSlice",
  "ServiceCIDR",
  "AddressPool",
  "Port",
  "Underlay",
  "Domain",
] as const;
export type Kind = (typeof KINDS)[number];

/** One object as its source has it now. */
export interface RawChange<K extends string = Kind> {
  readonly kind: K;
  /** "namespace/name", or "name" for what has no namespace. */
  readonly key: string;
  /** Parsed JSON; undefined when the object is gone. */
  readonly object: unknown;
}

/** What a source says at once: either all of it is seen by the pipeline, or nothing. */
export interface SourceBatch<K extends string = Kind> {
  readonly source: string;
  /** The source is complete once this batch is applied; it stays so. */
  readonly synced: boolean;
  readonly changes: readonly RawChange<K>[];
}
