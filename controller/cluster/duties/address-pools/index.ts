import { setTimeout as delay } from "node:timers/promises";
import { formatIp } from "#base/address.ts";
import { createBackoff } from "#base/backoff.ts";
import { createEventQueue, type EventQueue, type OutgoingEvent } from "#controller/status/event-queue.ts";
import { createKeyedWriter, type KeyedWriter } from "#controller/status/keyed-writer.ts";
import { collectionPath, readPath } from "#controller/watch/kinds.ts";
import { describeRefusal, isSuccess, isTransient, MERGE_PATCH } from "#controller/watch/kube-request.ts";
import { type Allocation, type Assignment, allocate } from "#pipeline/address-pools/allocate.ts";
import type { Problem } from "#pipeline/problem.ts";
import type { RawChange } from "#pipeline/source.ts";
import type { Duty, DutyContext, RunningDuty } from "../../duty.ts";
import { ADDRESS_POOLS, NAMESPACES, NODES, SERVICES } from "../../kinds.ts";
import { createKnownCluster } from "./known-cluster.ts";
import { isSaid, patchOfService, statusOf } from "./patches.ts";

/** What comes within so many milliseconds is looked at together. */
const SETTLE = 50;

/** Gives services of type LoadBalancer addresses from the pools, and says on both how that stands. */
export const addressPools: Duty = {
  name: "address-pools",
  kinds: [SERVICES, ADDRESS_POOLS, NAMESPACES, NODES],
  start: (context) => new AddressPoolsDuty(context),
};

class AddressPoolsDuty implements RunningDuty {
  readonly #context: DutyContext;
  readonly #cluster = createKnownCluster();
  readonly #events: EventQueue;
  readonly #writer: KeyedWriter;
  #uses: Allocation["pools"] = new Map();
  #told: ReadonlySet<string> = new Set();
  #soon: NodeJS.Timeout | undefined;

  constructor(context: DutyContext) {
    this.#context = context;
    const { request, instance, log, signal } = context;
    this.#events = createEventQueue({
      ...{ component: "weir-cluster", instance, request, log, signal },
      uidOf: (kind, key) => (kind === SERVICES.kind ? this.#cluster.services : this.#cluster.pools).get(key)?.uid,
    });
    this.#writer = createKeyedWriter({
      ...{ what: "which addresses are given", settle: 0, log, signal },
      write: (id) => this.#write(id),
      backoff: createBackoff(500, 30_000),
      wait: (milliseconds, ended) => delay(milliseconds, undefined, { signal: ended, ref: false }),
      now: () => performance.now(),
    });
    signal.addEventListener("abort", () => clearTimeout(this.#soon), { once: true });
  }

  receive(changes: readonly RawChange<string>[], isComplete: boolean): void {
    for (const change of changes) this.#cluster.take(change);
    // Before all is there, an address that somebody has would seem to be free.
    if (isComplete) this.#allocateSoon();
  }

  #allocateSoon(): void {
    if (this.#context.signal.aborted) return;
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      this.#allocate();
    }, SETTLE);
  }

  #allocate(): void {
    const { assignments, problems, pools } = allocate(this.#cluster.state());
    for (const [key, assignment] of assignments) {
      this.#cluster.decide(key, assignment);
      this.#writer.touch(`${SERVICES.kind} ${key}`);
    }
    this.#uses = pools;
    for (const [name, use] of pools)
      if (!isSaid(this.#cluster.pools.get(name)?.said, use)) this.#writer.touch(`${ADDRESS_POOLS.kind} ${name}`);
    this.#tell([...problems, ...[...this.#cluster.pools.values()].flatMap((pool) => pool.problems)]);
  }

  /** What is new is told once; what was, and came again, too. */
  #tell(problems: readonly Problem[]): void {
    const told = new Set<string>();
    for (const { object, field, message } of problems) {
      const identity = `${object} ${field} ${message}`;
      told.add(identity);
      const text = `${field} ${message}`.trim();
      if (!this.#told.has(identity)) this.#put(identity, object, { identity, reason: "WeirProblem", message: text });
    }
    this.#told = told;
  }

  /** On an object such as "Service shop/cart". */
  #put(key: string, object: string, event: Pick<OutgoingEvent, "identity" | "reason" | "message" | "type">): void {
    if (this.#events.isFull) return;
    const [kind = "", path = ""] = object.split(" ");
    const { apiVersion } = kind === SERVICES.kind ? SERVICES : ADDRESS_POOLS;
    const [name = "", namespace] = path.split("/").toReversed();
    const subject = { apiVersion, kind, name, ...(namespace !== undefined && { namespace }) };
    const first = new Date();
    this.#events.put(key, () => ({ subject, ...event, count: 1, first }));
  }

  async #write(id: string): Promise<void> {
    const [kind, key = ""] = id.split(" ");
    if (kind === ADDRESS_POOLS.kind) await this.#writeUse(key);
    else await this.#writeAssignment(key);
  }

  async #writeAssignment(key: string): Promise<void> {
    const assignment = this.#cluster.undone(key);
    const known = this.#cluster.services.get(key);
    if (assignment === undefined || known === undefined) return;
    const { namespace, name } = known.service;
    const path = `/api/v1/namespaces/${namespace}/services/${name}/status`;
    const response = await this.#context.request("PATCH", path, patchOfService(assignment, known), MERGE_PATCH);
    const refusal = describeRefusal(response);
    // It may have been taken all the same: what is decided stands.
    if (isTransient(response) || response.status === 403) throw new Error(refusal);
    if (isSuccess(response)) {
      this.#cluster.confirm(key, String(readPath(response.body, ["metadata", "resourceVersion"])));
      this.#announce(key, assignment);
      return;
    }
    // It has changed meanwhile, or is gone: it is looked at again.
    this.#cluster.forget(key);
    if (response.status !== 409) this.#context.log.warn("a service's address was refused", { service: key, refusal });
    if (response.status === 409) this.#allocateSoon();
  }

  #announce(key: string, { ips, pools }: Assignment): void {
    const addresses = ips.map(formatIp).join(", ");
    this.#context.log.info("a service has other addresses", { service: key, addresses, pools: pools.join(", ") });
    if (ips.length === 0) return;
    const message = `has ${addresses} of address pool ${pools.join(", ")}`;
    const event = { identity: `${key} ${addresses}`, type: "Normal", reason: "AddressAssigned", message } as const;
    this.#put(`assigned ${key}`, `${SERVICES.kind} ${key}`, event);
  }

  async #writeUse(name: string): Promise<void> {
    const use = this.#uses.get(name);
    if (use === undefined || isSaid(this.#cluster.pools.get(name)?.said, use)) return;
    const path = `${collectionPath(ADDRESS_POOLS)}/${name}/status`;
    const response = await this.#context.request("PATCH", path, { status: statusOf(use) }, MERGE_PATCH);
    // Gone by now: the watch tells.
    if (!isSuccess(response) && response.status !== 404) throw new Error(describeRefusal(response));
  }
}
