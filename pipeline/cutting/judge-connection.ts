import type { Ip } from "#base/address.ts";
import { createEvaluator, isDenied } from "../explain/evaluate.ts";
import { IP_PROTO } from "../features/vocabulary.ts";
import type { Port, View } from "../model/model.ts";
import type { Direction } from "../model/policy.ts";
import { type Asking, askAgain } from "./ask-again.ts";
import type { TrackedConnection } from "./tracked-connection.ts";

/** What the switch is to be asked about a connection. */
export type Judge = (connection: TrackedConnection) => readonly Asking[];

/**
 * Asks about connections that policies of the pods at some ports deny, by their meaning. Whether they do is the flows' to say, for
 * these alone know what the switch does.
 */
export function createJudge(view: View, portNames: ReadonlySet<string>): Judge {
  const ports = new Map<Ip, Port>();
  for (const name of portNames) {
    const port = view.Port.get(name);
    for (const ip of port?.ips ?? []) ports.set(ip, port!);
  }
  const evaluate = createEvaluator(view, (ip) => view.Pod.get(view.selections.podOf(ip) ?? ""));
  // Clients come to one place from many ports.
  const known = new Map<string, readonly Direction[]>();
  function denying({ source, endpoint }: TrackedConnection): readonly Direction[] {
    const key = `${source.ip} ${endpoint.ip} ${endpoint.port}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const { egress, ingress } = evaluate({
      ...{ source: source.ip, destination: endpoint.ip },
      ...{ protocol: IP_PROTO.udp, destinationPort: endpoint.port },
    });
    const directions = [isDenied(egress) ? ["egress"] : [], isDenied(ingress) ? ["ingress"] : []].flat() as Direction[];
    known.set(key, directions);
    return directions;
  }
  return (connection) => {
    const [from, to] = [ports.get(connection.source.ip), ports.get(connection.endpoint.ip)];
    // What a pod sends to itself by way of a service is not waited for by anybody else.
    if ((from === undefined && to === undefined) || from === to) return [];
    return denying(connection).flatMap((direction) => {
      const port = direction === "egress" ? from : to;
      return port === undefined ? [] : [askAgain(connection, direction, port)];
    });
  };
}
