import { type BitRange, requireDisjoint, requireUnique } from "./validate.ts";

/** What Weir keeps in registers while a packet crosses the bridge. */
export const REGISTERS = {
  source: { register: "reg0", start: 0, bits: 4, purpose: "where the packet came from" },
  isReply: { register: "reg0", start: 4, bits: 1, purpose: "of a connection whose first packet was let through" },
  outputPort: { register: "reg1", start: 0, bits: 32, purpose: "the port that Route chose" },
  egressRule: { register: "reg5", start: 0, bits: 32, purpose: "the rule that let the packet out of its pod" },
  ingressRule: { register: "reg6", start: 0, bits: 32, purpose: "the rule that lets it into its pod" },
  scratch: { register: "reg2", start: 0, bits: 32, purpose: "holds an address while ARP fields are swapped" },
} as const satisfies Readonly<Record<string, BitRange & { readonly purpose: string }>>;

requireDisjoint(REGISTERS);

/** Values of the register field `source`. */
export const SOURCE = { tunnel: 1, gateway: 2, pod: 3 } as const;

requireUnique("value of register field source", Object.values(SOURCE), 1, 2 ** REGISTERS.source.bits - 1);
