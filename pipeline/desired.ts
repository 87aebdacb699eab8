import { type Delta, emptyDelta } from "#base/delta.ts";
import { isEqual } from "#base/equal.ts";
import { type Flow, flowKey, sameFlow } from "#openflow/flow.ts";
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
  /** Contributors that want different things of one flow: the first by name has its way until it goes. */
  conflicts(): readonly Problem[];
  host(): HostState;
  apply(revisions: readonly Revision[]): { readonly flows: Delta<string, DesiredFlow>; readonly hostChanged: boolean };
}

export function createDesired(): Desired {
  const claims = new Map<string, Map<Contributor, FlowContribution>>();
  const flows = new Map<string, DesiredFlow>();
  const hostItems = new Map<string, HostItem>();
  const problems = new Map<string, Problem>();
  const conflicts = new Map<string, Problem>();

  function claim(contributor: Contributor, contribution: FlowContribution, touched: Set<string>): void {
    const key = flowKey(contribution.flow);
    const claimants = claims.get(key) ?? new Map<Contributor, FlowContribution>();
    claims.set(key, claimants);
    claimants.set(contributor, contribution);
    touched.add(key);
  }

  function release(contributor: Contributor, contribution: FlowContribution, touched: Set<string>): void {
    const key = flowKey(contribution.flow);
    const claimants = claims.get(key);
    claimants?.delete(contributor);
    if (claimants?.size === 0) claims.delete(key);
    touched.add(key);
  }

  function settle(key: string): DesiredFlow | undefined {
    const claimants = claims.get(key);
    conflicts.delete(key);
    if (claimants === undefined) return undefined;
    const merged = mergeClaims(key, claimants);
    if (merged.conflict !== undefined) conflicts.set(key, merged.conflict);
    return merged.desired;
  }

  return {
    flows,
    problems,
    conflicts: () => [...conflicts.values()],
    host: () => hostStateOf([...hostItems].sort(([a], [b]) => (a < b ? 1 : -1)).map(([, item]) => item)),
    apply(revisions) {
      const touched = new Set<string>();
      let hostChanged = false;
      for (const { contributor, before, after } of revisions) {
        for (const contribution of before) {
          if (contribution.target === "flow") release(contributor, contribution, touched);
          else if (contribution.target === "problem") problems.delete(`${contributor} ${contribution.problem.field}`);
          else hostChanged = hostItems.delete(hostKey(contributor, contribution.item)) || hostChanged;
        }
        for (const contribution of after) {
          if (contribution.target === "flow") claim(contributor, contribution, touched);
          else if (contribution.target === "problem")
            problems.set(`${contributor} ${contribution.problem.field}`, contribution.problem);
          else {
            hostItems.set(hostKey(contributor, contribution.item), contribution.item);
            hostChanged = true;
          }
        }
      }
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
): { readonly desired: DesiredFlow; readonly conflict: Problem | undefined } {
  const [[, winner], ...others] = [...claimants].sort(([a], [b]) => (a < b ? -1 : 1)) as [
    [Contributor, FlowContribution],
    ...[Contributor, FlowContribution][],
  ];
  const agreeing = others
    .filter(([, other]) => isEqual(other.flow.actions, winner.flow.actions))
    .map(([, other]) => other);
  const owners = [winner, ...agreeing].map((claimant) => claimant.owner);
  const subject = agreeing.length === 0 ? `${winner.owner.kind}/${winner.owner.name}` : `shared ${key}`;
  const loser = others.find(([, other]) => !agreeing.includes(other))?.[1];
  return {
    desired: { flow: { ...winner.flow, cookie: cookieOf(winner.site, subject) }, site: winner.site, owners },
    conflict:
      loser === undefined
        ? undefined
        : {
            source: "pipeline",
            object: `${loser.owner.kind} ${loser.owner.name}`,
            field: loser.owner.part ?? "",
            message: `claims the same as ${formatOwner(winner.owner)}, which keeps it; one of the two has to go`,
          },
  };
}

function hostKey(contributor: Contributor, item: HostItem): string {
  const what = item.type === "route" ? item.route.destination : item.type === "node-address" ? item.address : item.cidr;
  return `${contributor} ${item.type} ${what}`;
}

function hostStateOf(items: Iterable<HostItem>): HostState {
  const gatewayAddresses = new Set<string>();
  const routes = new Map<string, HostRoute>();
  const localPodCidrs = new Set<string>();
  const podCidrs = new Set<string>();
  const nodeAddresses = new Set<string>();
  for (const item of items) {
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
