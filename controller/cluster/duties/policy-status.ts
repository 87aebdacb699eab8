import { createBackoff } from "#base/backoff.ts";
import { createEventQueue, type EventQueue } from "#controller/status/event-queue.ts";
import { createKeyedWriter } from "#controller/status/keyed-writer.ts";
import { collectionPath, readPath } from "#controller/watch/kinds.ts";
import { APPLY, describeRefusal, isSuccess, isTransient } from "#controller/watch/kube-request.ts";
import { createPolicyStatuses, type PolicySummary } from "#pipeline/policy-status/aggregate.ts";
import { conditionsOf, describeTrouble } from "#pipeline/policy-status/conditions.ts";
import { SILENT_AFTER } from "#pipeline/policy-status/node-report.ts";
import type { RawChange } from "#pipeline/source.ts";
import type { Duty, DutyContext, RunningDuty } from "../duty.ts";
import {
  CLUSTER_NETWORK_POLICIES,
  NETWORK_POLICIES,
  NODE_POLICY_STATUSES,
  NODES,
  type WatchedPolicy,
  type WatchedReport,
} from "../kinds.ts";

const LOOK_EVERY = 60_000;
/** A policy is in force on a thousand nodes one after another, and that is not told a thousand times. */
const SETTLE = 1_000;
/** A thousand nodes may have a reason each: so many are Events, and the rest stands in their objects. */
const MOST_REFUSALS = 3;
const FIELD_MANAGER = "weir-cluster";
const POLICIES: ReadonlySet<string> = new Set([NETWORK_POLICIES.kind, CLUSTER_NETWORK_POLICIES.kind]);

/** Where policies are in force, and what is wrong with them: conditions where their kind has a status, and Events. */
export const policyStatus: Duty = {
  name: "policy-status",
  kinds: [NODES, NETWORK_POLICIES, CLUSTER_NETWORK_POLICIES, NODE_POLICY_STATUSES],
  start: (context) => new PolicyStatusDuty(context),
};

class PolicyStatusDuty implements RunningDuty {
  readonly #context: DutyContext;
  readonly #statuses = createPolicyStatuses();
  readonly #objects = new Map<string, WatchedPolicy>();
  readonly #heardAt = new Map<string, number>();
  /** What has been told of a policy as Events. */
  readonly #told = new Map<string, ReadonlySet<string>>();
  readonly #events: EventQueue;
  readonly #writer: { touch(id: string): void };
  #isComplete = false;

  constructor(context: DutyContext) {
    this.#context = context;
    const { request, instance, log, signal, now, wait } = context;
    this.#events = createEventQueue({
      ...{ component: "weir-cluster", instance, request, log, signal, wait },
      uidOf: (kind, key) => this.#objects.get(`${kind} ${key}`)?.uid,
    });
    this.#writer = createKeyedWriter({
      ...{ what: "what is to be said of a policy", settle: SETTLE, log, signal },
      write: (id) => this.#tell(id),
      backoff: createBackoff(1_000, 60_000),
      ...{ now, wait },
    });
    // Only the end comes back from it.
    this.#listen().catch(() => {});
  }

  receive(changes: readonly RawChange<string>[], isComplete: boolean): void {
    const touched = new Set(changes.flatMap((change) => [...this.#apply(change)]));
    // Before all is there, a policy would seem to be in force nowhere.
    if (!isComplete) return;
    const due = this.#isComplete ? touched : this.#statuses.ids();
    this.#isComplete = true;
    for (const id of due) this.#writer.touch(id);
  }

  #apply({ kind, key, object }: RawChange<string>): Iterable<string> {
    if (kind === NODES.kind) return this.#statuses.setNode(key, object !== undefined);
    if (POLICIES.has(kind)) return this.#applyPolicy(`${kind} ${key}`, kind, key, object as WatchedPolicy | undefined);
    const watched = object as WatchedReport | undefined;
    if (watched === undefined) this.#heardAt.delete(key);
    else this.#heardAt.set(key, this.#context.now());
    return [...this.#statuses.setSilent(key, false), ...this.#statuses.setReport(key, watched?.report)];
  }

  #applyPolicy(id: string, kind: string, name: string, object: WatchedPolicy | undefined): Iterable<string> {
    if (object === undefined) {
      this.#objects.delete(id);
      this.#told.delete(id);
      return this.#statuses.setPolicy(id, undefined);
    }
    this.#objects.set(id, object);
    const { generation, problems, isStaged } = object;
    const facts = { name, generation, problems, isStaged };
    return this.#statuses.setPolicy(id, {
      ...facts,
      kind: kind === "NetworkPolicy" ? "NetworkPolicy" : "ClusterNetworkPolicy",
    });
  }

  async #listen(): Promise<never> {
    const { now, wait, signal } = this.#context;
    while (true) {
      await wait(LOOK_EVERY, signal);
      for (const [node, at] of this.#heardAt)
        if (now() - at > SILENT_AFTER) for (const id of this.#statuses.setSilent(node, true)) this.#writer.touch(id);
    }
  }

  async #tell(id: string): Promise<void> {
    const summary = this.#statuses.summaryOf(id);
    const object = this.#objects.get(id);
    if (summary === undefined || object === undefined) return;
    this.#tellEvents(id, summary, object);
    if (summary.kind === "ClusterNetworkPolicy") await this.#writeConditions(summary, object);
  }

  /** What is new is told once; what was, and came again, too. */
  #tellEvents(id: string, summary: PolicySummary, { metadata }: WatchedPolicy): void {
    const { kind, problems, failed } = summary;
    const before = this.#told.get(id);
    const refusals = [...new Set(failed.map(({ reason }) => reason))].slice(0, MOST_REFUSALS);
    const trouble = () => describeTrouble({ ...summary, pending: [], silent: [] }).join("; ");
    const current = new Map([
      ...problems.map((problem) => [problem, () => problem] as const),
      ...refusals.map((reason) => [`refused ${reason}`, trouble] as const),
    ]);
    this.#told.set(id, new Set(current.keys()));
    const { apiVersion } = kind === "NetworkPolicy" ? NETWORK_POLICIES : CLUSTER_NETWORK_POLICIES;
    const first = new Date();
    for (const [text, message] of current)
      if (before?.has(text) !== true)
        this.#events.put(`${id} ${text}`, () => ({
          subject: { apiVersion, kind, ...metadata },
          ...{ identity: `${id} ${text}`, reason: "WeirProblem", message: message(), count: 1, first },
        }));
  }

  async #writeConditions(summary: PolicySummary, { uid, conditions }: WatchedPolicy): Promise<void> {
    const now = new Date().toISOString().replace(/\.\d+Z$/, "Z");
    const wanted = conditionsOf(summary).map((condition) => {
      const before = conditions.find((one) => readPath(one, ["type"]) === condition.type);
      const isSame = readPath(before, ["status"]) === condition.status;
      return { ...condition, lastTransitionTime: isSame ? readPath(before, ["lastTransitionTime"]) : now };
    });
    if (wanted.every((one) => conditions.some((other) => says(other, one)))) return;
    const { apiVersion, kind } = CLUSTER_NETWORK_POLICIES;
    const path = `${collectionPath(CLUSTER_NETWORK_POLICIES)}/${summary.name}/status`;
    const response = await this.#context.request(
      "PATCH",
      `${path}?fieldManager=${FIELD_MANAGER}&force=true`,
      // The uid: of one that has been made anew under its name nothing is known yet.
      { apiVersion, kind, metadata: { name: summary.name, uid }, status: { conditions: wanted } },
      APPLY,
    );
    // It is gone, or another one by now: the watch tells.
    if (isSuccess(response) || response.status === 404 || response.status === 409) return;
    const refusal = describeRefusal(response);
    if (isTransient(response) || response.status === 403) throw new Error(refusal);
    this.#context.log.warn("a policy's status was refused", { policy: summary.name, refusal });
  }
}

function says(found: unknown, wanted: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(wanted).every(([field, value]) => readPath(found, [field]) === value);
}
