import type { Delta } from "#base/delta.ts";
import type { Action } from "#openflow/actions.ts";
import type { Flow } from "#openflow/flow.ts";
import { REGISTERS } from "../layout/registers.ts";
import type { Site } from "../layout/sites.ts";
import { TABLES } from "../layout/tables.ts";
import type { View } from "../model/model.ts";
import { podKeyOf } from "../model/pod-of-port.ts";
import type { DesiredFlow } from "../switch-state.ts";

/** Where flows say what policies mean. */
const SITES: ReadonlySet<Site> = new Set([
  ...(["policies/rule", "policies/subject", "policies/peer", "policies/port"] as const),
  ...(["policies/open", "policies/rate", "policies/isolation", "policies/unknown"] as const),
]);
const OUTPUT = REGISTERS.outputPort.register;
/** Where a packet goes on that policies of a direction let through. */
const LET_THROUGH: ReadonlySet<number> = new Set([TABLES.Route.id, TABLES.Commit.id]);

/** The ports of pods to whom a change of flows may deny what was allowed before: their names. */
export function podsConcerned(flows: Delta<string, DesiredFlow>, view: View): ReadonlySet<string> {
  const ofports = new Set<unknown>();
  const policies = new Set<string>();
  for (const { flow, owners } of mayDeny(flows, view)) {
    const own = flow.match.find(({ field }) => field === "in_port" || field === OUTPUT);
    if (own !== undefined && "value" in own) ofports.add(own.value);
    else for (const { name } of owners) policies.add(name);
  }
  if (ofports.size === 0 && policies.size === 0) return new Set();
  const selected = new Set([...policies].flatMap((name) => [...subjectsOf(name, view)]));
  const concerned = new Set<string>();
  for (const [name, port] of view.Port)
    if (ofports.has(port.ofport) || selected.has(podKeyOf(port))) concerned.add(name);
  return concerned;
}

function subjectsOf(policy: string, view: View): Iterable<string> {
  const found = [view.NetworkPolicy.get(policy), view.ClusterNetworkPolicy.get(policy)];
  return found.flatMap((one) => (one === undefined ? [] : [...view.rules.subjectsHere(one.subject.key)]));
}

function* mayDeny({ added, changed, removed }: Delta<string, DesiredFlow>, view: View): Iterable<DesiredFlow> {
  for (const one of added.values()) if (SITES.has(one.site) && closes(one.flow.actions, view)) yield one;
  for (const one of removed.values()) if (SITES.has(one.site) && opened(one.flow)) yield one;
  for (const [from, to] of changed.values()) {
    if (!SITES.has(to.site) && !SITES.has(from.site)) continue;
    const [before, after] = [from, to].map(({ flow }) => new Set(flow.actions.map(partOf)));
    const isLess = from.flow.actions.some((action) => !after!.has(partOf(action)));
    const came = to.flow.actions.filter((action) => action.type === "goto_table" || !before!.has(partOf(action)));
    if (isLess || closes(came, view)) {
      yield from;
      yield to;
    }
  }
}

/** The rule that an action makes a flow a part of. */
function partOf(action: Action): number | undefined {
  return action.type === "conjunction" ? action.id : undefined;
}

/** It denies, leaves the decision to others who may, or is a part of a rule that does. */
function closes(actions: readonly Action[], view: View): boolean {
  return actions.some((action) => {
    if (action.type === "conjunction") return view.rules.withId(action.id)?.verdict !== "accept";
    return action.type === "goto_table" && !LET_THROUGH.has(action.table);
  });
}

/** It has let something through, or was a part of what did. */
function opened({ actions }: Flow): boolean {
  return !actions.some((action) => action.type === "goto_table" && action.table === TABLES.Deny.id);
}
