import type { Ip } from "#base/address.ts";
import type { Action, ActionOf } from "#openflow/actions.ts";
import type { FieldName } from "#openflow/fields.ts";
import type { Flow, Group } from "#openflow/flow.ts";
import type { FieldValue, Match } from "#openflow/match.ts";
import { PROTOCOLS } from "#pipeline/model/protocol.ts";

/** A place to which clients come, before anything is translated. */
export interface Frontend {
  readonly zone: number;
  readonly protocol: number;
  /** Undefined where a flow asks for the port alone. */
  readonly ip: Ip | undefined;
  readonly port: number;
}

/** Connections to a place that conntrack leads to another, for as long as it knows them. */
export interface Translation extends Frontend {
  readonly to: { readonly ip: Ip; readonly port: number };
}

/** Connections that are to be forgotten: those of one translation, or all to a place. */
export type Stale = Frontend & Partial<Translation>;

/** Conntrack lets their clients go on for as long as they send. One of TCP says when it begins, and then is a new one. */
const UNENDING: ReadonlyMap<FieldValue | undefined, FieldName> = new Map([
  [PROTOCOLS.UDP, "udp_dst"],
  [PROTOCOLS.SCTP, "sctp_dst"],
]);

type Nat = ActionOf<"ct"> & {
  readonly zone: number;
  readonly nat: { readonly minAddress: FieldValue; minPort?: number };
};

/** The groups that a flow asks about such connections, and those that these ask. */
export function groupsOf({ match, actions }: Flow, groups: ReadonlyMap<number, Group>): readonly number[] {
  if (!UNENDING.has(exactly(match, "nw_proto"))) return [];
  return actions.flatMap((action) => (action.type === "group" ? reachableFrom(action.groupId, groups) : []));
}

function reachableFrom(id: number, groups: ReadonlyMap<number, Group>): readonly number[] {
  const next = (groups.get(id)?.buckets ?? []).flatMap(({ actions }) => actions);
  return [id, ...next.flatMap((action) => (action.type === "group" ? reachableFrom(action.groupId, groups) : []))];
}

/** What a flow makes of such connections by itself, and by the group that it names. */
export function translationsOf({ match, actions }: Flow, groups: ReadonlyMap<number, Group>): readonly Translation[] {
  if (!actions.some((action) => action.type === "group" || isNat(action))) return [];
  const protocol = exactly(match, "nw_proto");
  const portField = UNENDING.get(protocol);
  const port = portField && exactly(match, portField);
  if (port === undefined) return [];
  const ip = (exactly(match, "ip_dst") ?? exactly(match, "ipv6_dst")) as Ip | undefined;
  const place = { protocol: Number(protocol), ip, port: Number(port) };
  return unfold(actions, groups)
    .filter(isNat)
    .map(({ zone, nat }) => ({
      ...{ zone, ...place },
      to: { ip: nat.minAddress as Ip, port: nat.minPort ?? place.port },
    }));
}

/** With more than so many the switch would look through its connections for too long. */
const MOST_APART = 8;

/**
 * What ends when the first translations are replaced by the second ones. Where much ends all connections to the place do: the
 * clients of those that stay come back to them, for they are chosen alike.
 */
export function endedBetween(before: readonly Translation[], after: readonly Translation[]): readonly Stale[] {
  const kept = new Set(after.map(staleKey));
  const ended = new Map(before.map((one) => [staleKey(one), one] as const).filter(([key]) => !kept.has(key)));
  return [...Map.groupBy(ended.values(), frontendKey).values()].flatMap((group) =>
    group.length > MOST_APART ? group.slice(0, 1).map(({ to: _, ...frontend }): Stale => frontend) : group,
  );
}

export function staleKey({ to, ...place }: Stale): string {
  return `${frontendKey(place)} ${to?.ip ?? ""} ${to?.port ?? ""}`;
}

function frontendKey({ zone, protocol, ip, port }: Frontend): string {
  return `${zone} ${protocol} ${ip ?? ""} ${port}`;
}

/** With what groups do in place of their names. A switch takes no groups that ask each other. */
function unfold(actions: readonly Action[], groups: ReadonlyMap<number, Group>): readonly Action[] {
  return actions.flatMap((action) => {
    if (action.type !== "group") return [action];
    return (groups.get(action.groupId)?.buckets ?? []).flatMap((bucket) => unfold(bucket.actions, groups));
  });
}

function isNat(action: Action): action is Nat {
  if (action.type !== "ct" || typeof action.nat !== "object" || typeof action.zone !== "number") return false;
  return action.nat.type === "dst" && action.nat.minAddress !== undefined;
}

/** Of a field that is matched as a whole. */
function exactly(match: Match, field: FieldName): FieldValue | undefined {
  return match.find((term) => term.field === field && term.mask === undefined)?.value;
}
