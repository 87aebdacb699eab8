import { setTimeout as delay } from "node:timers/promises";
import { createBackoff } from "#base/backoff.ts";
import { WeirError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { POD_MTU_ANNOTATION } from "#pipeline/ingest/kubernetes.ts";
import type { KubeRequest, KubeResponse } from "./kube-request.ts";
import { describeRefusal, isSuccess, isTransient, STRATEGIC_MERGE } from "./kube-request.ts";
import { LatestWriter, type Wait } from "./latest-writer.ts";

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

export interface NodeStatusWriter {
  report(report: NodeReport): void;
}

/** A node that is briefly not ready should not be tainted: its pods' packets go on. */
const PATIENCE = 10_000;

class NodeStatusError extends WeirError {
  constructor(doing: string, response: KubeResponse) {
    super("E_NODE_STATUS", `${doing}: the API server says ${describeRefusal(response)}`, { status: response.status });
  }
}

/** Keeps the NetworkUnavailable condition and the announced MTU on the Node object; best effort, never in the way. */
export function createNodeStatusWriter(options: NodeStatusOptions): NodeStatusWriter {
  const writer = new LatestWriter<NodeReport>({
    what: "the node's NetworkUnavailable condition",
    write: (report) => writeReport(options, report),
    patience: (report) => (report.ready ? 0 : PATIENCE),
    backoff: createBackoff(1000, 60_000),
    wait: options.wait ?? ((milliseconds, signal) => delay(milliseconds, undefined, { signal, ref: false })),
    log: options.log,
    signal: options.signal,
  });
  let last: string | undefined;
  return {
    report(report) {
      const text = JSON.stringify(report);
      if (text === last) return;
      last = text;
      writer.set(report);
    },
  };
}

interface Condition {
  readonly type?: unknown;
  readonly status?: unknown;
  readonly reason?: unknown;
  readonly message?: unknown;
}

async function writeReport({ node, request, log, now }: NodeStatusOptions, report: NodeReport): Promise<void> {
  // A list of one needs no more rights than the watch has.
  const selector = encodeURIComponent(`metadata.name=${node}`);
  const current = await request("GET", `/api/v1/nodes?fieldSelector=${selector}`);
  if (!isSuccess(current)) throw new NodeStatusError(`reading node ${node}`, current);
  const patch = patchFor(firstItem(current.body), report, (now ?? (() => new Date()))());
  if (patch === undefined) return;
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
  const condition = {
    type: "NetworkUnavailable",
    status: report.ready ? "False" : "True",
    reason: report.ready ? "WeirReady" : "WeirNotReady",
    message: report.ready ? "Weir connects this node's pods" : (report.message ?? "Weir is not ready on this node"),
  };
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
