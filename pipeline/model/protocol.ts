/** IP protocol numbers by the names that Kubernetes gives them. */
export const PROTOCOLS = { TCP: 6, UDP: 17, SCTP: 132 } as const;
export const PROTOCOL_NAMES = ["TCP", "UDP", "SCTP"] as const satisfies readonly (keyof typeof PROTOCOLS)[];

/** The key of a container's port: a name may stand for one port of each protocol. "TCP/http". */
export function containerPortKey(protocol: number, name: string): string {
  return `${PROTOCOL_NAMES.find((one) => PROTOCOLS[one] === protocol) ?? protocol}/${name}`;
}
