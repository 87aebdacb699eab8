import { setImmediate as nextTurn } from "node:timers/promises";
import { type Policy, policyId } from "#pipeline/model/policy.ts";
import { type PolicyEntry, policyIdOf } from "#pipeline/policy-status/node-report.ts";
import { isHere, type PolicyReport, reportPolicies } from "#pipeline/policy-status/report.ts";
import type { Parts } from "./parts.ts";
import { reportSources } from "./view.ts";

/** What this node has to tell of the policies that select its pods. */
export interface PolicyEntries {
  /** As they are now, with what was counted last. Costs the policies, not what they consist of, while the switch refuses nothing. */
  now(): Promise<readonly PolicyEntry[]>;
  /** Reads what the switch has counted for them. */
  count(): Promise<void>;
}

type Counts = Pick<PolicyEntry, "packets" | "lastHit" | "denied" | "neverHit" | "countedSince">;

const NOTHING_COUNTED: Counts = { packets: 0, denied: 0, neverHit: [] };

export function createPolicyEntries(parts: Parts): PolicyEntries {
  const { view } = parts.pipeline;
  let counts: ReadonlyMap<string, Counts> = new Map();
  return {
    async now() {
      const stateOf = await createStates(parts);
      return [...view.NetworkPolicy.values(), ...view.ClusterNetworkPolicy.values()].flatMap((policy) => {
        if (!isHere(policy, view)) return [];
        const id = policyId(policy);
        const counted = counts.get(policyIdOf(id)) ?? NOTHING_COUNTED;
        return [{ ...id, generation: policy.generation, ...stateOf(policy), ...counted }];
      });
    },
    async count() {
      await parts.counters.refresh();
      counts = await collect(parts, countsOf);
    },
  };
}

type State = Pick<PolicyEntry, "state" | "since" | "reason">;

async function createStates(parts: Parts): Promise<(policy: Policy) => State> {
  const { realisation, bridgeSwitch } = parts;
  // What there is no room for is a problem of this node alone; what is wrong with the object itself is one of the cluster.
  const local = parts.problems().filter(({ source }) => source === "policies");
  const reasonOf = ({ state, reason }: PolicyReport) => (state === "failed" ? (reason ?? "") : undefined);
  const isWell = bridgeSwitch.reconciler.failedCount === 0;
  const refused = isWell ? new Map<string, string>() : await collect(parts, reasonOf);
  return (policy) => {
    const { kind, name } = policyId(policy);
    const problem = local.find(({ object }) => object === `${kind} ${name}`);
    const reason = problem === undefined ? refused.get(`${kind} ${name}`) : `${problem.field} ${problem.message}`;
    if (reason !== undefined) return { state: "failed", reason };
    const since = realisation.realisedAt(name, policy.generation);
    if (since === undefined) return { state: "pending" };
    return { state: "realised", since: new Date(since).toISOString() };
  };
}

/** The node's work is waited for by pods, and this by nobody: after so many milliseconds the others have their turn. */
const SLICE = 4;

/** What is wanted of each report, by policy. */
async function collect<T>(parts: Parts, wanted: (report: PolicyReport) => T | undefined): Promise<Map<string, T>> {
  const found = new Map<string, T>();
  let began = performance.now();
  for (const report of reportPolicies(reportSources(parts))) {
    const value = wanted(report);
    if (value !== undefined) found.set(policyIdOf(report), value);
    if (performance.now() - began < SLICE) continue;
    await nextTurn();
    began = performance.now();
  }
  return found;
}

/** A rule of which the switch holds nothing was not hit either. */
function countsOf({ packets, lastHit, denied, rules }: PolicyReport): Counts {
  const since = rules.flatMap((rule) => rule.since ?? []);
  const latest = since.toSorted().at(-1);
  return {
    ...{ packets, denied },
    ...(lastHit !== undefined && { lastHit }),
    neverHit: rules.filter((rule) => rule.packets === 0).map(({ direction, index }) => `${direction}[${index}]`),
    ...(latest !== undefined && { countedSince: latest }),
  };
}
