/** What annotations say of a policy beside its spec, so that the spec stays what every network plugin understands. */
export interface PolicyExtras {
  /** Whoever is denied something by it is told so at once, instead of waiting for an answer. */
  readonly refuses: boolean;
}

/** Of a policy without annotations of ours. */
export const NO_EXTRAS: PolicyExtras = { refuses: false };
