/** What Weir keeps in connection tracking. */

/** Zone of all connections of pods, in the userspace datapath and, on the kernel's, among those of others on the host. */
export const ZONE = 0x7765;
/** Zone of what goes on with another source address, so that its answers come back to this switch. */
export const SOURCE_ZONE = 0x7766;

/** Bits of ct_mark: a connection that was let through once is known; a policy came to forbid it. */
export const CT_MARK = { denied: 1, known: 2 } as const;

/** ct_label, in both directions: the rules that let the connection's first packet through; 0 where none was asked. */
export const CT_LABEL = {
  egressRule: { start: 0, bits: 32 },
  ingressRule: { start: 32, bits: 32 },
} as const;
