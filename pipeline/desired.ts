import { type Delta, emptyDelta } from "#base/delta.ts";
import { isEqual } from "#base/equal.ts";
import { type Flow, flowKey, sameFlow } from "#openflow/flow.ts";
import { formatMatch } from "#openflow/text/index.ts";
import type { Contributor, Revision } from "./engine.ts";
import type { Contribution, HostItem } from "./feature.ts";
import type { HostRoute, HostState } from "./host-state.ts";
import { cookieOf } from "./layout/cookie.ts";
import type { Site } from "./layout/sites.ts";
import { formatOwner, type Owner } from "./owner.ts";
import type { Problem } from "./problem.ts";

/** A flow that should be in the switch, with its reasons. */
export interface DesiredFlow {
  readonly flow: Flow;
  readonly site: Site;
  /** Everybody who asked for it; several share what is the same. */
  readonly owners: readonly Owner[];
}

export type FlowContribution = Extract<Contribution, { target: "flow" }>;

/** All contributions merged by what they are about: flow identity, host item, problem. */
export interface Desired {
  readonly flows: ReadonlyMap<string, DesiredFlow>;
  readonly problems: ReadonlyMap<string, Problem>;
  /** Contributors that want different things of one flow: the first by name has its way, so nodes come before pods. */
  conflicts(): readonly Problem[];
  host(): HostState;
  apply(revisions: readonly Revision[]): { readonly flows: Delta<string, DesiredFlow>; readonly hostChanged: boolean };
}

export function createDesired(): Desired {
  const claims = new Map<string, Map<Contributor, FlowContribution>>();
  const flows = new Map<string, DesiredFlow>();
  const hostItems = new Map<string, HostItem>();
  const problems = new Map<string, Problem>();
  const conflicts = new Map<string, readonly Problem[]>();
  let host = hostStateOf([]);

  function add(contributor: Contributor, contribution: Contribution, touched: Set<string>): void {
    if (contribution.target === "problem")
      problems.set(problemKey(contributor, contribution.problem), contribution.problem);
    else if (contribution.target === "host") hostItems.set(hostKey(contributor, contribution.item), contribution.item);
    else {
      const key = flowKey(contribution.flow);
      const claimants = claims.get(key) ?? new Map<Contributor, FlowContribution>();
      claims.set(key, claimants.set(contributor, contribution));
      touched.add(key);
    }
  }

  function withdraw(contributor: Contributor, contribution: Contribution, touched: Set<string>): void {
    if (contribution.target === "problem") problems.delete(problemKey(contributor, contribution.problem));
    else if (contribution.target === "host") hostItems.delete(hostKey(contributor, contribution.item));
    else {
      const key = flowKey(contribution.flow);
      const claimants = claims.get(key);
      claimants?.delete(contributor);
      if (claimants?.size === 0) claims.delete(key);
      touched.add(key);
    }
  }

  function settle(key: string): DesiredFlow | undefined {
    const claimants = claims.get(key);
    conflicts.delete(key);
    if (claimants === undefined) return undefined;
    const merged = mergeClaims(key, claimants);
    if (merged.conflicts.length > 0) conflicts.set(key, merged.conflicts);
    return merged.desired;
  }

  return {
    flows,
    problems,
    conflicts: () => [...conflicts.values()].flat(),
    host: () => host,
    apply(revisions) {
      const touched = new Set<string>();
      let hostTouched = false;
      for (const { contributor, before, after } of revisions) {
        hostTouched ||= !isEqual(before.filter(isForHost), after.filter(isForHost));
        for (const contribution of before) withdraw(contributor, contribution, touched);
        for (const contribution of after) add(contributor, contribution, touched);
      }
      const next = hostTouched ? hostStateOf(hostItems) : host;
      const hostChanged = !isEqual(next, host);
      if (hostChanged) host = next;
      return { flows: moveTo(flows, touched, settle), hostChanged };
    },
  };
}

/** Settles each touched key and returns the difference, which `flows` then holds. */
function moveTo(
  flows: Map<string, DesiredFlow>,
  touched: ReadonlySet<string>,
  settle: (key: string) => DesiredFlow | undefined,
): Delta<string, DesiredFlow> {
  const delta = emptyDelta<string, DesiredFlow>();
  const added = new Map(delta.added);
  const changed = new Map(delta.changed);
  const removed = new Map(delta.removed);
  for (const key of touched) {
    const before = flows.get(key);
    const after = settle(key);
    if (after === undefined) {
      if (before === undefined) continue;
      flows.delete(key);
      removed.set(key, before);
    } else {
      flows.set(key, after);
      if (before === undefined) added.set(key, after);
      else if (!sameFlow(before.flow, after.flow)) changed.set(key, [before, after]);
    }
  }
  return { added, changed, removed };
}

function mergeClaims(
  key: string,
  claimants: ReadonlyMap<Contributor, FlowContribution>,
): { readonly desired: DesiredFlow; readonly conflicts: readonly Problem[] } {
  const [[, winner], ...others] = [...claimants].sort(([a], [b]) => (a < b ? -1 : 1)) as [
    [Contributor, FlowContribution],
    ...[Contributor, FlowContribution][],
  ];
  const agrees = (other: FlowContribution): boolean => isEqual(other.flow.actions, winner.flow.actions);
  const agreeing = others.map(([, other]) => other).filter(agrees);
  const owners = agreeing.length === 0 ? winner.owners : [winner, ...agreeing].flatMap((claimant) => claimant.owners);
  const [first] = owners;
  const subject = owners.length === 1 ? `${first!.kind}/${first!.name}` : `shared ${key}`;
  return {
    desired: { flow: { ...winner.flow, cookie: cookieOf(winner.site, subject) }, site: winner.site, owners },
    conflicts: others
      .map(([, other]) => other)
      .filter((other) => !agrees(other))
      .map((loser) => ({
        source: "pipeline",
        object: `${loser.owners[0]!.kind} ${loser.owners[0]!.name}`,
        field: loser.owners[0]!.part ?? "",
        message: `claims ${formatMatch(winner.flow.match)}, but ${formatOwner(winner.owners[0]!)} has it; one of the two has to go`,
      })),
  };
}

function isForHost(contribution: Contribution): boolean {
  return contribution.target === "host";
}

function problemKey(contributor: Contributor, { field, message }: Problem): string {
  return `${contributor} ${field} ${message}`;
}

function hostKey(contributor: Contributor, item: HostItem): string {
  const what = item.type === "route" ? item.route.destination : item.type === "node-address" ? item.address : item.cidr;
  return `${contributor} ${item.type} ${what}`;
}

/** Of two routes to one destination that of the first contributor by name counts, as with flows. */
function hostStateOf(itemsByKey: Iterable<readonly [string, HostItem]>): HostState {
  const gatewayAddresses = new Set<string>();
  const routes = new Map<string, HostRoute>();
  const localPodCidrs = new Set<string>();
  const podCidrs = new Set<string>();
  const nodeAddresses = new Set<string>();
  const items = [...itemsByKey].sort(([a], [b]) => (a < b ? 1 : -1));
  for (const [, item] of items) {
    if (item.type === "gateway-address") gatewayAddresses.add(item.cidr);
    else if (item.type === "route") routes.set(item.route.destination, item.route);
    else if (item.type === "node-address") nodeAddresses.add(item.address);
    else {
      podCidrs.add(item.cidr);
      if (item.local) localPodCidrs.add(item.cidr);
    }
  }
  return {
    gatewayAddresses: [...gatewayAddresses].sort(),
    routes: new Map([...routes].sort(([a], [b]) => (a < b ? -1 : 1))),
    localPodCidrs: [...localPodCidrs].sort(),
    podCidrs: [...podCidrs].sort(),
    nodeAddresses: [...nodeAddresses].sort(),
  };
}
