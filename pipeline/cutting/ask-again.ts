import type { Action } from "#openflow/actions.ts";
import { type Match, match } from "#openflow/match.ts";
import { ethernetFrame, ipPacket, udpDatagram } from "../denials/packets.ts";
import { IP_PROTO, setSource } from "../features/vocabulary.ts";
import { ZONE } from "../layout/conntrack.ts";
import { ROUTER_MAC } from "../layout/ports.ts";
import { SOURCE } from "../layout/registers.ts";
import { TABLES } from "../layout/tables.ts";
import type { Port } from "../model/model.ts";
import type { Direction } from "../model/policy.ts";
import type { TrackedConnection } from "./tracked-connection.ts";

/** A packet that the switch is given, and what it does with it. */
export interface Asking {
  readonly metadata: Match;
  readonly actions: readonly Action[];
  readonly data: Uint8Array;
}

/** Hops of a packet. With one left it comes past the sender's policies, and ends where hops are counted. */
const HOPS = { egress: 1, ingress: 64 } as const;

/**
 * A packet as of the side that began the connection, for the policies of the pod at a port: what denies it notes that on the
 * connection and tells of it, as of any other. It reaches nobody: for the receiver's policies it comes from the receiver's own port,
 * out of which the switch does not send it again (OpenFlow 1.5.1, 7.2.4).
 */
export function askAgain({ source, destination }: TrackedConnection, direction: Direction, port: Port): Asking {
  const ports = { source: source.port, destination: destination.port };
  const packet = ipPacket({
    ...{ source: source.ip, destination: destination.ip, protocol: IP_PROTO.udp, hops: HOPS[direction] },
    payload: (from, to) => udpDatagram(ports, from, to),
  });
  return {
    metadata: match({ in_port: port.ofport }),
    actions: [
      setSource(direction === "egress" ? SOURCE.pod : SOURCE.tunnel),
      { type: "ct", zone: ZONE, nat: true, table: TABLES.ConnectionState.id },
    ],
    data: ethernetFrame(ROUTER_MAC, port.mac, packet),
  };
}
