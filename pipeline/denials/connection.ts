import type { View } from "../model/model.ts";
import { DIRECTIONS } from "../model/policy.ts";
import { type Blame, blame, describeBlame, nameRule, readDenied } from "./denial.ts";
import { type Ends, nameEnds } from "./ends.ts";
import { readRegister, type ToldPacket } from "./metadata.ts";

/** What a policy that is logged has decided about a new connection. */
export type LoggedConnection = Ends &
  (({ readonly verdict: "allow" } & Pick<Blame, "policies" | "rule">) | ({ readonly verdict: "deny" } & Blame));

/** One for each direction in which such a policy has decided; both may have, where both pods are of this node. */
export function describeConnections(packet: ToldPacket, view: View): readonly LoggedConnection[] {
  const { metadata } = packet;
  const denied = readDenied(metadata);
  return DIRECTIONS.filter((direction) => readRegister(metadata, `${direction}Logged`) === 1).flatMap(
    (direction): readonly LoggedConnection[] => {
      const found = nameEnds(packet, direction, view);
      if (found === undefined) return [];
      const { ends, port } = found;
      return denied?.direction === direction
        ? [{ ...ends, verdict: "deny", ...blame(metadata, denied, port, view) }]
        : [{ ...ends, verdict: "allow", ...nameRule(view.rules, readRegister(metadata, `${direction}Rule`)) }];
    },
  );
}

/** "shop/db, ingress rule 0", "isolated by shop/db, and no rule allows it". */
export function describeDecider(connection: LoggedConnection): string {
  if (connection.verdict === "deny") return describeBlame(connection);
  return [...connection.policies, ...(connection.rule === undefined ? [] : [connection.rule])].join(", ");
}
