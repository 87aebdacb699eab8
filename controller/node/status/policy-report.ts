import { setTimeout as delay } from "node:timers/promises";
import { createBackoff } from "#base/backoff.ts";
import type { Log } from "#base/log.ts";
import { LatestWriter, type Wait } from "#controller/status/latest-writer.ts";
import { collectionPath } from "#controller/watch/kinds.ts";
import {
  APPLY,
  describeRefusal,
  isSuccess,
  isTransient,
  type KubeRequest,
  type KubeResponse,
} from "#controller/watch/kube-request.ts";
import {
  createNodeReport,
  ENTRY_STATES,
  NODE_POLICY_STATUS,
  type PolicyEntry,
  policyIdOf,
  readNodeReport,
} from "#pipeline/policy-status/node-report.ts";

export interface PolicyReportOptions {
  readonly node: string;
  readonly request: KubeRequest;
  /** Of the Node object, with which ours goes; undefined until it is known: nothing is written before. */
  nodeUid(): string | undefined;
  nodeCount(): number;
  /** The policies that concern this node, as they are now. */
  entries(): Promise<readonly PolicyEntry[]>;
  /** Reads what was counted for them; the entries have it from then on. */
  count(): Promise<void>;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly now?: () => Date;
  readonly wait?: Wait;
  readonly random?: () => number;
}

export interface PolicyReporter {
  /** Something of it may be otherwise now. Costs nothing. */
  touch(): void;
}

/** From a change to its writing, in milliseconds, and then by chance so much more for each node: all have the same changes at once. */
const SETTLE = 1_000;
const SPREAD_PER_NODE = 5;
/** It is written at least so often, with what was counted meanwhile: who is silent for longer is away. */
const AT_LEAST_EVERY = 480_000;
const FIELD_MANAGER = "weir-node";
const PATH = collectionPath(NODE_POLICY_STATUS);

/**
 * Keeps the node's own object that tells which policies are in force here; best effort, never in the way. Where its kind is not
 * installed, or may not be written, that is said once, and tried again when it would be written in any case.
 */
export function createPolicyReporter(options: PolicyReportOptions): PolicyReporter {
  const { log, signal, random = Math.random, now = () => new Date() } = options;
  const writing = new Writing(options, now);
  let dueAt = 0;
  let isDue = true;
  const writer = new LatestWriter<void>({
    what: "what this node tells of policies",
    async write() {
      if (await writing.write(isDue)) isDue = false;
    },
    patience: () => dueAt - now().getTime(),
    backoff: createBackoff(1_000, 120_000, random),
    wait: options.wait ?? ((milliseconds, ended) => delay(milliseconds, undefined, { signal: ended, ref: false })),
    ...{ log, signal },
  });
  const touch = (): void => {
    // What is waiting to be written is read when it is written.
    if (writer.isWaiting) return;
    dueAt = now().getTime() + SETTLE + random() * SPREAD_PER_NODE * options.nodeCount();
    writer.set();
  };
  const again = (): void => {
    const timer = setTimeout(
      () => {
        isDue = true;
        writing.tryAgain();
        touch();
        again();
      },
      AT_LEAST_EVERY * (0.75 + random() / 2),
    );
    timer.unref();
    signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  };
  again();
  return { touch };
}

/** One node's object, as it was written last. */
class Writing {
  readonly #options: PolicyReportOptions;
  readonly #now: () => Date;
  /** By policy and generation, when it came to be in force: an earlier process may have seen it. */
  #sinceBefore: ReadonlyMap<string, string> | undefined;
  #written: string | undefined;
  /** The server does not take it, for which there is no use in asking again and again. */
  #isRefused = false;
  #told: string | undefined;

  constructor(options: PolicyReportOptions, now: () => Date) {
    this.#options = options;
    this.#now = now;
  }

  tryAgain(): void {
    this.#isRefused = false;
  }

  /** `isWhole`: with what was counted, and also when nothing is new. Returns whether it was written. */
  async write(isWhole: boolean): Promise<boolean> {
    const { node, request, nodeUid, entries, count } = this.#options;
    const uid = nodeUid();
    if (uid === undefined || this.#isRefused) return false;
    this.#sinceBefore ??= await this.#recall();
    if (this.#isRefused) return false;
    if (isWhole) await count();
    const report = createNodeReport((await entries()).map((entry) => this.#sinceFirst(entry)));
    const text = JSON.stringify([uid, report]);
    if (!isWhole && text === this.#written) return false;
    const { apiVersion, kind } = NODE_POLICY_STATUS;
    const counts = Object.fromEntries(
      ENTRY_STATES.map((state) => [state, report.policies.filter((one) => one.state === state).length]),
    );
    const object = {
      ...{ apiVersion, kind },
      metadata: { name: node, ownerReferences: [{ apiVersion: "v1", kind: "Node", name: node, uid }] },
      ...{ reportedAt: this.#now().toISOString(), counts, ...report },
    };
    const path = `${PATH}/${encodeURIComponent(node)}?fieldManager=${FIELD_MANAGER}&force=true`;
    if (!this.#isTaken(await request("PATCH", path, object, APPLY))) return false;
    this.#written = text;
    return true;
  }

  /** What an earlier process wrote. The flows stay over a restart: what was in force then is since then. */
  async #recall(): Promise<ReadonlyMap<string, string> | undefined> {
    const { node, request } = this.#options;
    const found = await request("GET", `${PATH}/${encodeURIComponent(node)}`);
    // The object is not there, or its kind is not: writing tells.
    if (found.status === 404) return new Map();
    if (!this.#isTaken(found)) return undefined;
    return new Map(
      readNodeReport(found.body).policies.flatMap((entry) =>
        entry.state === "realised" && entry.since !== undefined ? [[versionOf(entry), entry.since] as const] : [],
      ),
    );
  }

  #sinceFirst(entry: PolicyEntry): PolicyEntry {
    const since = this.#sinceBefore?.get(versionOf(entry));
    return since === undefined || entry.since === undefined || entry.since < since ? entry : { ...entry, since };
  }

  /** Throws when it may go better soon. What is refused is said once. */
  #isTaken(response: KubeResponse): boolean {
    if (isSuccess(response)) {
      if (this.#told !== undefined) this.#options.log.info("the API server takes what this node tells of policies");
      this.#told = undefined;
      return true;
    }
    const refusal = describeRefusal(response);
    if (isTransient(response)) throw new Error(refusal);
    this.#isRefused = true;
    if (refusal === this.#told) return false;
    this.#told = refusal;
    const { apiVersion, kind } = NODE_POLICY_STATUS;
    const remedy = "deploy/weir.yaml has its definition and the rules that are needed";
    this.#options.log.warn("this node cannot tell of policies", { kind, apiVersion, refusal, remedy });
    return false;
  }
}

function versionOf(entry: PolicyEntry): string {
  return `${policyIdOf(entry)} ${entry.generation}`;
}
