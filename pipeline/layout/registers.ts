import { type BitRange, requireDisjoint, requireUnique } from "./validate.ts";

/** What Weir keeps in registers while a packet crosses the bridge. */
export const REGISTERS = {
  source: { register: "reg0", start: 0, bits: 4, purpose: "where the packet came from" },
  isReply: { register: "reg0", start: 4, bits: 1, purpose: "of a connection whose first packet was let through" },
  deniedDirection: {
    register: "reg0",
    start: 5,
    bits: 2,
    purpose: "on its way to Deny: which side's policies deny it",
  },
  deniedReason: { register: "reg0", start: 7, bits: 2, purpose: "on its way to Deny: why they do" },
  isHairpin: { register: "reg0", start: 12, bits: 1, purpose: "its receiver must not see its sender" },
  hasEndpoint: { register: "reg0", start: 13, bits: 1, purpose: "which endpoint the client has is settled" },
  isRefused: { register: "reg3", start: 0, bits: 1, purpose: "on its way to Deny: whoever sent it is told so" },
  isLogged: { register: "reg3", start: 1, bits: 1, purpose: "a rule that is logged has decided on it" },
  egressLogged: { register: "reg3", start: 2, bits: 1, purpose: "one of those of its sender has" },
  ingressLogged: { register: "reg3", start: 3, bits: 1, purpose: "one of those of its receiver has" },
  egressStaged: { register: "reg3", start: 4, bits: 1, purpose: "its sender's staged policies are to be asked" },
  ingressStaged: { register: "reg3", start: 5, bits: 1, purpose: "its receiver's staged policies are to be asked" },
  stagedDirection: { register: "reg3", start: 6, bits: 2, purpose: "which of them are asked" },
  stagedVerdict: { register: "reg3", start: 8, bits: 2, purpose: "what they say" },
  stagedReason: { register: "reg3", start: 10, bits: 2, purpose: "why they would deny it" },
  stagedRule: { register: "reg4", start: 0, bits: 32, purpose: "the rule by which they say so" },
  egressStagedBy: { register: "reg8", start: 0, bits: 32, purpose: "which staged policies its sender has" },
  ingressStagedBy: { register: "reg9", start: 0, bits: 32, purpose: "which staged policies its receiver has" },
  isOutside: { register: "reg0", start: 14, bits: 1, purpose: "its sender is neither a pod of this node nor the node" },
  toNodePort: { register: "reg0", start: 15, bits: 1, purpose: "its port is one that services have on each node" },
  isRevealed: {
    register: "reg0",
    start: 16,
    bits: 1,
    purpose: "whom its receiver's address stood for has been looked up",
  },
  isServed: { register: "reg0", start: 17, bits: 1, purpose: "a service has given it its receiver" },
  outputPort: { register: "reg1", start: 0, bits: 32, purpose: "the port that Route chose" },
  egressRule: { register: "reg5", start: 0, bits: 32, purpose: "the rule that let the packet out of its pod" },
  ingressRule: { register: "reg6", start: 0, bits: 32, purpose: "the rule that lets it into its pod" },
  endpoint: { register: "reg7", start: 0, bits: 32, purpose: "the endpoint, as its bucket is numbered" },
  secondLook: {
    register: "reg10",
    start: 0,
    bits: 32,
    purpose: "a number of its own for a packet that the node process gives to the tables again",
  },
  scratch: { register: "reg2", start: 0, bits: 32, purpose: "holds an address while ARP fields are swapped" },
} as const satisfies Readonly<Record<string, BitRange & { readonly purpose: string }>>;

requireDisjoint(REGISTERS);

/** Values of the register field `source`. */
export const SOURCE = { tunnel: 1, gateway: 2, pod: 3 } as const;

requireUnique("value of register field source", Object.values(SOURCE), 1, 2 ** REGISTERS.source.bits - 1);

/** Values of the register field `deniedDirection`. */
export const DENIED_DIRECTION = { egress: 1, ingress: 2 } as const;

/** Values of the register field `stagedVerdict`; of its direction and reason they are those of what is denied. */
export const STAGED_VERDICT = { allow: 1, deny: 2 } as const;

/** Values of the register field `deniedReason`; of a rule, its conj_id is in egressRule or ingressRule. */
export const DENIED_REASON = { isolation: 1, unknown: 2, rule: 3 } as const;

for (const [field, values] of Object.entries({
  deniedDirection: DENIED_DIRECTION,
  deniedReason: DENIED_REASON,
  stagedVerdict: STAGED_VERDICT,
} as const))
  requireUnique(
    `value of register field ${field}`,
    Object.values(values),
    1,
    2 ** REGISTERS[field as "deniedDirection" | "deniedReason" | "stagedVerdict"].bits - 1,
  );
