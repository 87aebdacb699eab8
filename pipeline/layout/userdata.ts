/**
 * What a flow says of a packet that it hands to the node process, in the action's userdata. The packet's cookie does not tell: of
 * one that waits Open vSwitch says that of the flow by which it left conntrack.
 */
export const USERDATA = { answer: 1 } as const;
