import type { Log } from "#base/log.ts";
import type { OpenFlowConnection } from "#openflow/connection.ts";
import { EncodeError } from "#openflow/errors.ts";
import { type Flow, flowKey, type Group, type Meter } from "#openflow/flow.ts";
import { OFPG_ALL } from "#openflow/messages/groups.ts";
import { encode } from "#openflow/messages/message.ts";
import { OFPM_ALL } from "#openflow/messages/meters.ts";
import type { SwitchWork } from "#pipeline/graph.ts";
import { siteOfCookie } from "#pipeline/layout/cookie.ts";
import type { DesiredFlow, DesiredGroup, DesiredMeter, SwitchState } from "#pipeline/switch-state.ts";
import { configureSwitch } from "./configure.ts";
import { FLOWS, GROUPS, METERS } from "./entry-kinds.ts";
import type { EntryStatus } from "./entry-status.ts";
import { Ledger, type Modification, type Work } from "./ledger.ts";
import { StaleConnections } from "./stale-connections.ts";
import { TranslationIndex } from "./translation-index.ts";
import { endedBetween } from "./translations.ts";

/** What one application came to. */
export interface Applied {
  readonly modifications: number;
  /** Differences that a comparison found and no change had asked for. */
  readonly drift: number;
  readonly failed: number;
}

type Refusals = ReadonlyMap<Modification, Error>;
type Send = (connection: OpenFlowConnection, modifications: readonly Modification[]) => Promise<Refusals>;

/** So many bundles are tried without the members that were refused, then the rest goes in one by one. */
const BUNDLE_ATTEMPTS = 4;

/**
 * Makes the switch be as desired: flows, and the groups and meters that they name, which come before them and go after them.
 * Flows and groups change as one atomic bundle; meters cannot be part of one. What the switch refuses is marked with the reason
 * and left out, the rest goes in. Connections that lead where they should not any more end. Its calls never overlap: the graph
 * sees to that.
 */
export class FlowReconciler {
  readonly #desired: SwitchState;
  readonly #log: Log;
  readonly #flows: Ledger<string, DesiredFlow, Flow>;
  readonly #groups: Ledger<number, DesiredGroup, Group>;
  readonly #meters: Ledger<number, DesiredMeter, Meter>;
  readonly #translations: TranslationIndex;
  readonly #stale: StaleConnections;

  constructor(desired: SwitchState, log: Log) {
    this.#desired = desired;
    this.#log = log;
    this.#flows = new Ledger(FLOWS, desired.flows);
    this.#groups = new Ledger(GROUPS, desired.groups);
    this.#meters = new Ledger(METERS, desired.meters);
    this.#translations = new TranslationIndex({ flows: this.#flows, groups: this.#groups });
    this.#stale = new StaleConnections(log);
  }

  get installedCount(): number {
    return this.#flows.installed.size;
  }

  get failedCount(): number {
    return this.#flows.failed.size + this.#groups.failed.size + this.#meters.failed.size;
  }

  /** Of the flow with the key. */
  status(key: string): EntryStatus {
    return this.#flows.status(key);
  }

  /** Of the group with the number. */
  groupStatus(id: number): EntryStatus {
    return this.#groups.status(id);
  }

  /** The switch is gone, with all that it held. */
  forget(): void {
    for (const ledger of [this.#flows, this.#groups, this.#meters]) ledger.forget();
  }

  /** What would be done later is not done any more. */
  stop(): void {
    this.#stale.stop();
  }

  async apply(connection: OpenFlowConnection, work: SwitchWork): Promise<Applied> {
    const drift = work.compare ? await this.#read(connection) : 0;
    const before = this.#translations.touchedBy(work);
    const [meters, groups, flows] = work.compare ? this.#compare() : this.#follow(work);
    const members = [...groups.additions, ...flows.removals, ...flows.additions, ...groups.removals];
    const sent = [
      await this.#send(connection, meters.additions, sendEach),
      await this.#send(connection, members, sendBundle),
      await this.#send(connection, meters.removals, sendEach),
    ];
    this.#translations.follow(work);
    const after = this.#translations.touchedBy(work);
    await this.#stale.follow(connection, endedBetween(before, after), after);
    return { modifications: sent.reduce((sum, count) => sum + count), drift, failed: this.failedCount };
  }

  /** Returns how much of what was left there is otherwise. */
  async #read(connection: OpenFlowConnection): Promise<number> {
    await configureSwitch(connection);
    const [flows, groups, meters] = await Promise.all([
      connection.dumpFlows(),
      connection.multipart("group_desc", { groupId: OFPG_ALL }),
      connection.multipart("meter_config", { meterId: OFPM_ALL }),
    ]);
    return (
      this.#flows.read(new Map(flows.filter((flow) => !isLearned(flow)).map((flow) => [flowKey(flow), flow]))) +
      this.#groups.read(new Map(groups.map((group) => [group.groupId, group]))) +
      this.#meters.read(new Map(meters.map((meter) => [meter.meterId, meter])))
    );
  }

  /** A flow that was there before its meter has none, whatever comes after: it is written anew. */
  #compare(): readonly [Work, Work, Work] {
    const meters = this.#meters.compare();
    const absent = new Set([...this.#desired.meters.keys()].filter((id) => !this.#meters.installed.has(id)));
    const namesAbsent = (flow: Flow): boolean =>
      absent.size > 0 && flow.actions.some((action) => "meterId" in action && absent.has(action.meterId ?? 0));
    return [meters, this.#groups.compare(), this.#flows.compare(namesAbsent)];
  }

  #follow({ meters, groups, flows }: SwitchWork): readonly [Work, Work, Work] {
    return [this.#meters.follow(meters), this.#groups.follow(groups), this.#flows.follow(flows)];
  }

  /** Returns how many were taken. */
  async #send(connection: OpenFlowConnection, modifications: readonly Modification[], send: Send): Promise<number> {
    if (modifications.length === 0) return 0;
    const refusals = await sendWritable(connection, modifications, send);
    for (const modification of modifications) {
      const refused = modification.settle(refusals.get(modification));
      if (refused !== undefined) this.#log.error(`the switch refused a ${refused.name}`, refused.fields);
    }
    return modifications.length - refusals.size;
  }
}

/** What OpenFlow cannot say is refused before any switch sees it; what stands beside it goes in. */
async function sendWritable(
  connection: OpenFlowConnection,
  modifications: readonly Modification[],
  send: Send,
): Promise<Refusals> {
  try {
    return await send(connection, modifications);
  } catch (error) {
    if (!(error instanceof EncodeError)) throw error;
    const refusals = new Map(modifications.flatMap((one) => unwritable(one, connection)));
    if (refusals.size === 0) throw error;
    const rest = modifications.filter((one) => !refusals.has(one));
    return new Map([...refusals, ...(await send(connection, rest))]);
  }
}

function unwritable(modification: Modification, { version }: OpenFlowConnection): [Modification, EncodeError][] {
  try {
    encode(modification.message, 0, version);
    return [];
  } catch (error) {
    if (!(error instanceof EncodeError)) throw error;
    return [[modification, error]];
  }
}

async function sendBundle(connection: OpenFlowConnection, modifications: readonly Modification[]): Promise<Refusals> {
  const refusals = new Map<Modification, Error>();
  let rest = modifications;
  for (let attempt = 0; attempt < BUNDLE_ATTEMPTS && rest.length > 0; attempt++) {
    const members = rest;
    const result = await connection.transaction(members.map(({ message }) => message));
    if (result.committed) return refusals;
    for (const { index, error } of result.errors) refusals.set(members[index]!, error);
    rest = members.filter((modification) => !refusals.has(modification));
    if (rest.length === members.length) throw result.error;
  }
  for (const [modification, error] of await sendEach(connection, rest)) refusals.set(modification, error);
  return refusals;
}

async function sendEach(connection: OpenFlowConnection, modifications: readonly Modification[]): Promise<Refusals> {
  const refusals = await connection.sendAll(modifications.map(({ message }) => message));
  return new Map(refusals.map(({ index, error }) => [modifications[index]!, error]));
}

/** The switch has made it, and takes it back with the flow by which it did. */
function isLearned({ cookie }: Flow): boolean {
  return siteOfCookie(cookie)?.site === "services/remembered";
}
