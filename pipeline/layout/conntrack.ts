/** What Weir keeps in connection tracking. */

/** Zone of all connections of pods, in the userspace datapath and, on the kernel's, among those of others on the host. */
export const ZONE = 0x7765;
/** Zone of what goes on with another source address, so that its answers come back to this switch. */
export const SOURCE_ZONE = 0x7766;

/** Bits of ct_mark: a connection that was let through once is known; a policy came to forbid it. */
export const CT_MARK = { denied: 1, known: 2 } as const;

/**
 * Bits that are never set and yet looked at: one by what lets a packet through, one by what denies it, one by what refuses it, and
 * one by what tells of it. An entry of the
 * switch's cache that has to look at more than before is thrown away and made anew. One that only acts otherwise would be changed
 * in its place, and of several entries that a packet matches Open vSwitch may change another one (dpif-netdev finds it by the packet,
 * not by its number): the old verdict would stay.
 */
export const LOOKED_AT = { letThrough: 0x10, denied: 0x20, refused: 0x40, told: 0x80 } as const;

/** ct_label, in both directions: the rules that let the connection's first packet through; 0 where none was asked. */
export const CT_LABEL = {
  egressRule: { start: 0, bits: 32 },
  ingressRule: { start: 32, bits: 32 },
} as const;
