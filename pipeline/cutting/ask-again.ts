import type { Action } from "#openflow/actions.ts";
import { type Match, match } from "#openflow/match.ts";
import { ethernetFrame, ipPacket, udpDatagram } from "../denials/packets.ts";
import { STAGES, tablesOf } from "../features/policy/stages.ts";
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

/** Where a packet goes in, and with how many hops. With one left it comes past the sender's policies, and ends where they are counted. */
const WAYS = {
  egress: { source: SOURCE.pod, table: tablesOf(STAGES.egress)[0], hops: 1 },
  ingress: { source: SOURCE.tunnel, table: "Route", hops: 64 },
} as const;

/**
 * A packet as of the side that began the connection, for the policies of the pod at a port: what denies it notes that on the
 * connection and tells of it, as of any other. It reaches nobody: for the receiver's policies it comes from the receiver's own port,
 * out of which the switch does not send it again (OpenFlow 1.5.1, 7.2.4).
 */
export function askAgain({ source, destination }: TrackedConnection, direction: Direction, port: Port): Asking {
  const way = WAYS[direction];
  const ports = { source: source.port, destination: destination.port };
  const packet = ipPacket({
    ...{ source: source.ip, destination: destination.ip, protocol: IP_PROTO.udp, hops: way.hops },
    payload: (from, to) => udpDatagram(ports, from, to),
  });
  return {
    metadata: match({ in_port: port.ofport }),
    actions: [setSource(way.source), { type: "ct", zone: ZONE, nat: true, table: TABLES[way.table].id }],
    data: ethernetFrame(ROUTER_MAC, port.mac, packet),
  };
}
