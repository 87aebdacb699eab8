import { type Ip, parseIp } from "#base/address.ts";
import { CT_MARK } from "../layout/conntrack.ts";

interface End {
  readonly ip: Ip;
  readonly port: number;
}

/** A connection over UDP as conntrack knows it, by the packets of the side that began it. */
export interface TrackedConnection {
  readonly source: End;
  /** Where they are sent: a service's address maybe. */
  readonly destination: End;
  /** Where they are led: who answers. */
  readonly endpoint: End;
}

const LINE = /^udp,orig=\(src=(.+?),dst=(.+?),sport=(\d+),dport=(\d+)\),reply=\(src=(.+?),dst=.+?,sport=(\d+),.*?\)/;
const MARK = /,mark=(\d+)/;

/**
 * A line of what ovs-vswitchd writes for dpctl/dump-conntrack (ovs-vswitchd(8)). Undefined for connections that were never let
 * through, that are cut already, and those of other protocols: there whoever receives says so, and that is asked about.
 */
export function readTrackedConnection(line: string): TrackedConnection | undefined {
  const found = LINE.exec(line);
  if (found === null) return undefined;
  const mark = Number(MARK.exec(line.slice(found[0].length))?.[1] ?? 0);
  if ((mark & (CT_MARK.known | CT_MARK.denied)) !== CT_MARK.known) return undefined;
  const [, from = "", to = "", fromPort, toPort, answering = "", answeringPort] = found;
  const [source, destination, endpoint] = [parseIp(from), parseIp(to), parseIp(answering)];
  if (source === undefined || destination === undefined || endpoint === undefined) return undefined;
  return {
    source: { ip: source, port: Number(fromPort) },
    destination: { ip: destination, port: Number(toPort) },
    endpoint: { ip: endpoint, port: Number(answeringPort) },
  };
}
