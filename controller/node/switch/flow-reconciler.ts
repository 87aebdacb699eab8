import type { Delta } from "#base/delta.ts";
import type { Log } from "#base/log.ts";
import type { OpenFlowConnection } from "#openflow/connection.ts";
import type { OpenFlowError } from "#openflow/errors.ts";
import { type Flow, flowKey, sameFlow } from "#openflow/flow.ts";
import type { DesiredFlow } from "#pipeline/desired.ts";
import type { SwitchWork } from "#pipeline/graph.ts";
import { formatOwner } from "#pipeline/owner.ts";
import { describeFlow } from "./describe-flow.ts";
import { addFlow, type FlowMod, removeFlow } from "./flow-mods.ts";
import { type FlowStatus, INSTALLED, PENDING } from "./flow-status.ts";
import { matchFragments } from "./fragments.ts";

/** What one application came to. */
export interface Applied {
  readonly modifications: number;
  /** Differences that a comparison found and no change had asked for. */
  readonly drift: number;
  readonly failed: number;
}

interface Modification {
  readonly key: string;
  readonly message: FlowMod;
  /** What the switch holds under the key afterwards. */
  readonly result: Flow | undefined;
}

type Refusals = ReadonlyMap<Modification, OpenFlowError>;

/** So many bundles are tried without the members that were refused, then the rest goes in one by one. */
const BUNDLE_ATTEMPTS = 4;

/**
 * Makes the flow tables be as desired. Changes go as one atomic bundle; a flow that the switch refuses is marked with the
 * reason and left out, the rest goes in. Its calls never overlap: the graph sees to that.
 */
export class FlowReconciler {
  readonly #desired: ReadonlyMap<string, DesiredFlow>;
  readonly #log: Log;
  #installed = new Map<string, Flow>();
  readonly #failed = new Map<string, { readonly why: string; readonly since: Date; readonly flow: Flow }>();

  constructor(desired: ReadonlyMap<string, DesiredFlow>, log: Log) {
    this.#desired = desired;
    this.#log = log;
  }

  get installedCount(): number {
    return this.#installed.size;
  }

  get failedCount(): number {
    return this.#failed.size;
  }

  status(key: string): FlowStatus {
    const desired = this.#desired.get(key);
    const failure = this.#failed.get(key);
    if (failure !== undefined && desired !== undefined && sameFlow(failure.flow, desired.flow))
      return { state: "failed", ...failure };
    const installed = this.#installed.get(key);
    return installed !== undefined && desired !== undefined && sameFlow(installed, desired.flow) ? INSTALLED : PENDING;
  }

  async apply(connection: OpenFlowConnection, work: SwitchWork): Promise<Applied> {
    if (work.compare) await matchFragments(connection);
    const before = work.compare ? await readInstalled(connection) : this.#installed;
    const drift = work.compare ? countDrift(this.#installed, before) : 0;
    this.#installed = before;
    const modifications = work.compare ? this.#compareAll() : this.#follow(work.flows);
    if (modifications.length === 0) return { modifications: 0, drift, failed: this.#failed.size };
    const refusals = await this.#send(connection, modifications);
    for (const modification of modifications) this.#settle(modification, refusals.get(modification));
    return { modifications: modifications.length - refusals.size, drift, failed: this.#failed.size };
  }

  /** The switch is gone, with all that it held. */
  forget(): void {
    this.#installed = new Map();
  }

  #compareAll(): readonly Modification[] {
    const modifications: Modification[] = [];
    for (const [key, flow] of this.#installed) if (!this.#desired.has(key)) modifications.push(removal(key, flow));
    for (const [key, { flow }] of this.#desired) {
      const held = this.#installed.get(key);
      if (held === undefined || !sameFlow(held, flow)) modifications.push(addition(key, flow));
      // What was read back says the same: one object a flow is enough.
      else this.#installed.set(key, flow);
    }
    return modifications;
  }

  #follow(delta: Delta<string, DesiredFlow>): readonly Modification[] {
    const modifications: Modification[] = [];
    for (const [key, { flow }] of delta.removed) {
      this.#failed.delete(key);
      if (this.#installed.has(key)) modifications.push(removal(key, flow));
    }
    for (const [key, [, { flow }]] of delta.changed) modifications.push(addition(key, flow));
    for (const [key, { flow }] of delta.added) modifications.push(addition(key, flow));
    return modifications;
  }

  async #send(connection: OpenFlowConnection, modifications: readonly Modification[]): Promise<Refusals> {
    const refusals = new Map<Modification, OpenFlowError>();
    let rest = modifications;
    for (let attempt = 0; attempt < BUNDLE_ATTEMPTS && rest.length > 0; attempt++) {
      const members = rest;
      const result = await connection.transaction(members.map((modification) => modification.message));
      if (result.committed) return refusals;
      for (const { index, error } of result.errors) refusals.set(members[index]!, error);
      rest = members.filter((modification) => !refusals.has(modification));
      if (rest.length === members.length) throw result.error;
    }
    for (const { index, error } of await connection.sendAll(rest.map((modification) => modification.message)))
      refusals.set(rest[index]!, error);
    return refusals;
  }

  #settle(modification: Modification, refusal: OpenFlowError | undefined): void {
    const { key, result } = modification;
    if (refusal === undefined) {
      this.#failed.delete(key);
      if (result === undefined) this.#installed.delete(key);
      else this.#installed.set(key, result);
      return;
    }
    const desired = this.#desired.get(key);
    if (result === undefined || desired === undefined) return;
    this.#failed.set(key, { why: refusal.message, since: new Date(), flow: result });
    this.#log.error("the switch refused a flow", {
      flow: describeFlow(result),
      owners: desired.owners.map(formatOwner),
      site: desired.site,
      reason: refusal.message,
    });
  }
}

function addition(key: string, flow: Flow): Modification {
  return { key, message: addFlow(flow), result: flow };
}

function removal(key: string, flow: Flow): Modification {
  return { key, message: removeFlow(flow), result: undefined };
}

async function readInstalled(connection: OpenFlowConnection): Promise<Map<string, Flow>> {
  const flows = await connection.dumpFlows();
  return new Map(flows.map((flow) => [flowKey(flow), flow]));
}

/** How many entries differ between what we left there and what is there. Nothing was left before the first look. */
function countDrift(remembered: ReadonlyMap<string, Flow>, found: ReadonlyMap<string, Flow>): number {
  if (remembered.size === 0) return 0;
  let count = 0;
  for (const [key, flow] of remembered) {
    const there = found.get(key);
    if (there === undefined || !sameFlow(there, flow)) count++;
  }
  for (const key of found.keys()) if (!remembered.has(key)) count++;
  return count;
}
