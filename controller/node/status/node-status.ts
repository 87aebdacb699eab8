import { setTimeout as delay } from "node:timers/promises";
import { createBackoff } from "#base/backoff.ts";
import { WeirError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { LatestWriter, type Wait } from "#controller/status/latest-writer.ts";
import type { KubeRequest, KubeResponse } from "#controller/watch/kube-request.ts";
import { describeRefusal, isSuccess, isTransient, STRATEGIC_MERGE } from "#controller/watch/kube-request.ts";
import { POD_MTU_ANNOTATION } from "#pipeline/ingest/kubernetes.ts";
import type { NetworkCondition, Node } from "#pipeline/model/model.ts";

/** What a node's Node object is to say of it. */
export interface NodeReport {
  readonly ready: boolean;
  /** Why it is not ready. */
  readonly message?: string;
  /** Announced to the peers, which compare it with theirs. */
  readonly podMtu?: number;
}

export interface NodeStatusOptions {
  readonly node: string;
  readonly request: KubeRequest;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly now?: () => Date;
  readonly wait?: Wait;
}

/** What the API's Node object says, as the watch has brought it. */
export type SeenStatus = Pick<Node, "networkUnavailable" | "podMtu">;

export interface NodeStatusWriter {
  /** Writes a report that is new, and an old one again when `seen` tells that somebody has changed it. */
  report(report: NodeReport, seen?: SeenStatus): void;
}

interface Writing {
  readonly report: NodeReport;
  /** It was written before, and somebody has changed it since. */
  readonly again: boolean;
}

/** A node that is briefly not ready should not be tainted: its pods' packets go on. */
const PATIENCE = 10_000;
/** Between one putting back and the next: two who disagree must not keep the API server busy. */
const PUT_BACK_PAUSE = 10_000;

class NodeStatusError extends WeirError {
  constructor(doing: string, response: KubeResponse) {
    super("E_NODE_STATUS", `${doing}: the API server says ${describeRefusal(response)}`, { status: response.status });
  }
}

/** Keeps the NetworkUnavailable condition and the announced MTU on the Node object; best effort, never in the way. */
export function createNodeStatusWriter(options: NodeStatusOptions): NodeStatusWriter {
  const now = options.now ?? (() => new Date());
  let putBackAt = Number.NEGATIVE_INFINITY;
  const writer = new LatestWriter<Writing>({
    what: "the node's NetworkUnavailable condition",
    async write({ report, again }) {
      await writeReport(options, report, again, now());
      if (again) putBackAt = now().getTime();
    },
    patience({ report, again }) {
      if (again) return putBackAt + PUT_BACK_PAUSE - now().getTime();
      return report.ready ? 0 : PATIENCE;
    },
    backoff: createBackoff(1000, 60_000),
    wait: options.wait ?? ((milliseconds, signal) => delay(milliseconds, undefined, { signal, ref: false })),
    log: options.log,
    signal: options.signal,
  });
  let last: string | undefined;
  let lastSeen: string | undefined;
  return {
    report(report, seen) {
      const text = JSON.stringify(report);
      const seenText = JSON.stringify([seen?.networkUnavailable, seen?.podMtu]);
      const isNew = text !== last;
      const isMoved = seenText !== lastSeen;
      last = text;
      lastSeen = seenText;
      if (isNew) writer.set({ report, again: false });
      // What waits to be written reads the object first, and finds by itself what has become of it.
      else if (isMoved && seen !== undefined && !says(seen, report) && !writer.isWaiting)
        writer.set({ report, again: true });
    },
  };
}

function says({ networkUnavailable, podMtu }: SeenStatus, report: NodeReport): boolean {
  const { status, reason, message } = conditionFor(report);
  const isSame =
    networkUnavailable?.status === status &&
    networkUnavailable.reason === reason &&
    networkUnavailable.message === message;
  return isSame && (report.podMtu === undefined || report.podMtu === podMtu);
}

function conditionFor(report: NodeReport): { readonly [Field in keyof NetworkCondition]: string } {
  return {
    status: report.ready ? "False" : "True",
    reason: report.ready ? "WeirReady" : "WeirNotReady",
    message: report.ready ? "Weir connects this node's pods" : (report.message ?? "Weir is not ready on this node"),
  };
}

interface Condition {
  readonly type?: unknown;
  readonly status?: unknown;
  readonly reason?: unknown;
  readonly message?: unknown;
}

async function writeReport(
  { node, request, log }: NodeStatusOptions,
  report: NodeReport,
  again: boolean,
  now: Date,
): Promise<void> {
  // A list of one needs no more rights than the watch has.
  const selector = encodeURIComponent(`metadata.name=${node}`);
  const current = await request("GET", `/api/v1/nodes?fieldSelector=${selector}`);
  if (!isSuccess(current)) throw new NodeStatusError(`reading node ${node}`, current);
  const patch = patchFor(firstItem(current.body), report, now);
  if (patch === undefined) return;
  if (again) log.warn("somebody has changed what the node says of its network; it is put back", { node });
  // metadata may be written along with the status, so the right to patch nodes itself is not needed.
  const path = `/api/v1/nodes/${encodeURIComponent(node)}/status`;
  const response = await request("PATCH", path, patch, STRATEGIC_MERGE);
  if (isSuccess(response)) {
    log.info("wrote the node's status", { ready: report.ready, ...(report.message && { message: report.message }) });
  } else if (isTransient(response) || response.status === 403)
    throw new NodeStatusError(`patching node ${node}`, response);
  else log.warn("the node's status was refused", { node, refusal: describeRefusal(response) });
}

/** What must change; undefined when the object says it already. The time of a transition is set by transitions only. */
function patchFor(current: unknown, report: NodeReport, now: Date): unknown {
  const before = conditionOf(current);
  const condition = { type: "NetworkUnavailable", ...conditionFor(report) };
  const same = before?.status === condition.status && before.reason === condition.reason;
  const conditionPatch = same && before.message === condition.message ? undefined : condition;
  const mtu = report.podMtu === undefined ? undefined : String(report.podMtu);
  const mtuPatch = mtu === undefined || mtu === annotationOf(current) ? undefined : mtu;
  if (conditionPatch === undefined && mtuPatch === undefined) return undefined;
  const time = now.toISOString().replace(/\.\d+Z$/, "Z");
  const transition = before?.status === condition.status ? {} : { lastTransitionTime: time };
  return {
    ...(mtuPatch === undefined ? {} : { metadata: { annotations: { [POD_MTU_ANNOTATION]: mtuPatch } } }),
    ...(conditionPatch === undefined
      ? {}
      : { status: { conditions: [{ ...conditionPatch, lastHeartbeatTime: time, ...transition }] } }),
  };
}

function conditionOf(node: unknown): Condition | undefined {
  const conditions = member(member(node, "status"), "conditions");
  if (!Array.isArray(conditions)) return undefined;
  return conditions.find((condition: Condition) => condition?.type === "NetworkUnavailable");
}

function annotationOf(node: unknown): unknown {
  return member(member(member(node, "metadata"), "annotations"), POD_MTU_ANNOTATION);
}

function firstItem(list: unknown): unknown {
  const items = member(list, "items");
  return Array.isArray(items) ? items[0] : undefined;
}

function member(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}
