import { isRecord } from "../../ingest/reader.ts";
import type { ClusterPolicyRule, Direction, Policy, PolicyRule } from "../../model/policy.ts";
import { PROTOCOL_NAMES } from "../../model/protocol.ts";

/** Where peers and ports stand that were made of what is written: some items of a ClusterNetworkPolicy make several. */

type AnyRule = PolicyRule | ClusterPolicyRule;

/** "from[0]", or "to[0].networks[1]" where an item is a list. */
export function peerFields(
  kind: Policy["kind"],
  direction: Direction,
  { peers = [] }: AnyRule,
  written: unknown,
): readonly string[] {
  const list = direction === "ingress" ? "from" : "to";
  if (kind === "NetworkPolicy") return peers.map((_, i) => `${list}[${i}]`);
  return spread(written, list, peers.length, (item, field) =>
    ["networks", "domainNames"].flatMap((name) => {
      const members = item[name];
      return Array.isArray(members) ? members.map((_, i) => `${field}.${name}[${i}]`) : [];
    }),
  );
}

/** "ports[0]"; of a ClusterNetworkPolicy "protocols[0]", thrice for a name: it may be of any protocol. */
export function portFields(kind: Policy["kind"], { ports = [] }: AnyRule, written: unknown): readonly string[] {
  if (kind === "NetworkPolicy") return ports.map((_, i) => `ports[${i}]`);
  return spread(written, "protocols", ports.length, (item, field) =>
    item["destinationNamedPort"] === undefined ? [] : PROTOCOL_NAMES.map(() => field),
  );
}

function spread(
  rule: unknown,
  list: string,
  count: number,
  several: (item: Readonly<Record<string, unknown>>, field: string) => readonly string[],
): readonly string[] {
  const items: unknown = isRecord(rule) ? rule[list] : undefined;
  const fields = (Array.isArray(items) ? items : []).flatMap((item: unknown, i): readonly string[] => {
    const field = `${list}[${i}]`;
    const made = isRecord(item) ? several(item, field) : [];
    return made.length > 0 ? made : [field];
  });
  return fields.length === count ? fields : Array.from({ length: count }, () => list);
}
