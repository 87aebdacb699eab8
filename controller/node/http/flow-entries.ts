import type { Flow } from "#openflow/flow.ts";
import { flowKey } from "#openflow/flow.ts";
import { formatFlow } from "#openflow/text/index.ts";
import type { DesiredFlow } from "#pipeline/desired.ts";
import { siteOfCookie } from "#pipeline/layout/cookie.ts";
import { TABLE_NAMES } from "#pipeline/layout/tables.ts";
import type { Owner } from "#pipeline/owner.ts";
import { formatOwner } from "#pipeline/owner.ts";
import type { CookieEntry, FlowEntry, FlowFilter } from "./node-view.ts";

/** A flow as the switch reports it. */
export interface CountedFlow extends Flow {
  readonly packets?: bigint | number;
  readonly bytes?: bigint | number;
}

export interface FlowTables {
  /** What the switch holds. */
  readonly installed: Iterable<CountedFlow>;
  readonly desired: ReadonlyMap<string, DesiredFlow>;
  /** How a desired flow stands that the switch does not hold. */
  statusOf(key: string): { readonly state: "installed" | "pending" | "failed"; readonly why?: string };
  /** Of a flow that the switch itself has made: for whom; undefined for any other. */
  learnedFor(flow: Flow): readonly Owner[] | undefined;
}

/** The live table with its reasons, and after it what should be there and is not. */
export function* flowEntries(tables: FlowTables, filter: FlowFilter): Generator<FlowEntry> {
  const { installed, desired, statusOf, learnedFor } = tables;
  const absent = new Set(desired.keys());
  for (const flow of installed) {
    const key = flowKey(flow);
    const wanted = desired.get(key);
    absent.delete(key);
    const learned = wanted === undefined ? learnedFor(flow) : undefined;
    const owners = wanted?.owners ?? learned ?? [];
    if (!selects(filter, flow.table, owners)) continue;
    const counters = { packets: Number(flow.packets ?? 0), bytes: Number(flow.bytes ?? 0) };
    const status = wanted !== undefined ? "installed" : learned !== undefined ? "learned" : "foreign";
    yield { ...describe(flow, owners), ...counters, status };
  }
  for (const key of absent) {
    const wanted = desired.get(key);
    if (wanted === undefined || !selects(filter, wanted.flow.table, wanted.owners)) continue;
    const { state, why } = statusOf(key);
    // The table was read a moment ago: what was confirmed since is not in it yet.
    const status = state === "failed" ? "failed" : "pending";
    yield { ...describe(wanted.flow, wanted.owners), status, ...(why === undefined ? {} : { reason: why }) };
  }
}

function describe(flow: Flow, owners: readonly Owner[]): Omit<FlowEntry, "status"> {
  const site = siteOfCookie(flow.cookie);
  return {
    flow: formatFlow(flow, { tableNames: TABLE_NAMES }),
    cookie: `0x${flow.cookie.toString(16)}`,
    owners: owners.map(formatOwner),
    ...(site === undefined ? {} : { site: site.site, why: site.why }),
  };
}

export function selects(filter: FlowFilter, table: number | undefined, owners: readonly Owner[]): boolean {
  if (filter.table !== undefined && filter.table !== table) return false;
  if (filter.pod !== undefined && !isOwnedBy(owners, `pod/${filter.pod}`)) return false;
  return filter.owner === undefined || isOwnedBy(owners, filter.owner);
}

function isOwnedBy(owners: readonly Owner[], wanted: string): boolean {
  const slash = wanted.indexOf("/");
  const kind = (slash < 0 ? wanted : wanted.slice(0, slash)).toLowerCase();
  const name = slash < 0 ? undefined : wanted.slice(slash + 1);
  return owners.some((owner) => owner.kind.toLowerCase() === kind && (name === undefined || owner.name === name));
}

/** Every cookie of the desired state with what it stands for. */
export function* cookieEntries(desired: Iterable<DesiredFlow>): Generator<CookieEntry> {
  const seen = new Map<bigint, { site: string; owners: Set<string> }>();
  for (const { flow, site, owners } of desired) {
    const entry = seen.get(flow.cookie) ?? { site, owners: new Set<string>() };
    seen.set(flow.cookie, entry);
    for (const owner of owners) entry.owners.add(formatOwner(owner));
  }
  for (const [cookie, { site, owners }] of seen)
    yield { cookie: `0x${cookie.toString(16)}`, site, owners: [...owners] };
}
