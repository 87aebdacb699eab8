import { isEqual } from "#base/equal.ts";
import { flowKey } from "#openflow/flow.ts";
import { formatMatch } from "#openflow/text/index.ts";
import { type ClaimKind, createClaims } from "./claims.ts";
import type { Contributor, Revision } from "./engine.ts";
import type { Contribution } from "./feature.ts";
import { createHostItems } from "./host-items.ts";
import type { HostState } from "./host-state.ts";
import { cookieOf } from "./layout/cookie.ts";
import type { Problem } from "./problem.ts";
import {
  type DesiredFlow,
  type DesiredGroup,
  type DesiredMeter,
  isSameFlow,
  isSameGroup,
  isSameMeter,
  type SwitchDelta,
  type SwitchState,
} from "./switch-state.ts";

export type { DesiredFlow, DesiredGroup, DesiredMeter, SwitchState } from "./switch-state.ts";

type Of<T extends Contribution["target"]> = Extract<Contribution, { target: T }>;

/** All contributions merged by what they are about: flow, group, meter, host item, problem. */
export interface Desired extends SwitchState {
  readonly problems: ReadonlyMap<string, Problem>;
  /** Contributors that want different things of one flow: the first by name has its way, so nodes come before pods. */
  conflicts(): readonly Problem[];
  host(): HostState;
  apply(revisions: readonly Revision[]): SwitchDelta & { readonly hostChanged: boolean };
}

export function createDesired(): Desired {
  const flows = createClaims(FLOWS);
  const groups = createClaims(GROUPS);
  const meters = createClaims(METERS);
  const hostItems = createHostItems();
  const problems = new Map<string, Problem>();
  let host = hostItems.settle();

  function add(contributor: Contributor, contribution: Contribution): void {
    const { target } = contribution;
    if (target === "flow") flows.add(contributor, contribution);
    else if (target === "group") groups.add(contributor, contribution);
    else if (target === "meter") meters.add(contributor, contribution);
    else if (target === "host") hostItems.add(contributor, contribution.item);
    else problems.set(problemKey(contributor, contribution.problem), contribution.problem);
  }

  function withdraw(contributor: Contributor, contribution: Contribution): void {
    const { target } = contribution;
    if (target === "flow") flows.withdraw(contributor, contribution);
    else if (target === "group") groups.withdraw(contributor, contribution);
    else if (target === "meter") meters.withdraw(contributor, contribution);
    else if (target === "host") hostItems.withdraw(contributor, contribution.item);
    else problems.delete(problemKey(contributor, contribution.problem));
  }

  return {
    ...{ flows: flows.desired, groups: groups.desired, meters: meters.desired, problems },
    conflicts: () => [flows, groups, meters].flatMap((claims) => claims.conflicts()),
    host: () => host,
    apply(revisions) {
      for (const { contributor, before, after } of revisions) {
        const keepsHost = isEqual(before.filter(isForHost), after.filter(isForHost));
        const isConcerned = ({ target }: Contribution): boolean => target !== "host" || !keepsHost;
        for (const contribution of before.filter(isConcerned)) withdraw(contributor, contribution);
        for (const contribution of after.filter(isConcerned)) add(contributor, contribution);
      }
      const next = hostItems.settle();
      const hostChanged = next !== host;
      host = next;
      return { flows: flows.settle(), groups: groups.settle(), meters: meters.settle(), hostChanged };
    },
  };
}

const FLOWS: ClaimKind<string, Of<"flow">, DesiredFlow> = {
  keyOf: ({ flow }) => flowKey(flow),
  contentOf: ({ flow }) => flow.actions,
  merge({ flow, site }, owners, key) {
    const [first] = owners;
    const subject = owners.length === 1 ? `${first!.kind}/${first!.name}` : `shared ${key}`;
    return { flow: { ...flow, cookie: cookieOf(site, subject) }, site, owners };
  },
  isSame: isSameFlow,
  describe: ({ flow }) => formatMatch(flow.match),
};

const GROUPS: ClaimKind<number, Of<"group">, DesiredGroup> = {
  keyOf: ({ group }) => group.groupId,
  contentOf: ({ group }) => group,
  merge: ({ group, site }, owners) => ({ group, site, owners }),
  isSame: isSameGroup,
  describe: ({ group }) => `group ${group.groupId}`,
};

const METERS: ClaimKind<number, Of<"meter">, DesiredMeter> = {
  keyOf: ({ meter }) => meter.meterId,
  contentOf: ({ meter }) => meter,
  merge: ({ meter, site }, owners) => ({ meter, site, owners }),
  isSame: isSameMeter,
  describe: ({ meter }) => `meter ${meter.meterId}`,
};

function isForHost(contribution: Contribution): boolean {
  return contribution.target === "host";
}

function problemKey(contributor: Contributor, { field, message }: Problem): string {
  return `${contributor} ${field} ${message}`;
}
