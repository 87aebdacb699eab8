import type { Log } from "#base/log.ts";
import type { KubeRequest } from "#controller/watch/kube-request.ts";
import type { Denial } from "#pipeline/denials/denial.ts";
import type { View } from "#pipeline/model/model.ts";
import type { Problem } from "#pipeline/problem.ts";
import type { HeldAddress } from "./announce/index.ts";
import type { PolicyEntries } from "./policy-entries.ts";
import { createAnnouncementEvents } from "./status/announcement-events.ts";
import { createDenialEvents } from "./status/denial-events.ts";
import { createEventRecorder } from "./status/events.ts";
import { createNodeStatusWriter, type NodeReport } from "./status/node-status.ts";
import { createPolicyReporter } from "./status/policy-report.ts";

/** What the node tells of itself to the API server; nobody waits for it. */
export interface Reporting {
  update(report: NodeReport, problems: readonly Problem[]): void;
  deny(denial: Denial): void;
  /** This node announces these addresses from now on. */
  move(taken: readonly HeldAddress[]): void;
}

/** Without an API server there is nobody to tell. */
export const silentReporting: Reporting = { update() {}, deny() {}, move() {} };

export interface ReportingOptions {
  readonly node: string;
  readonly request: KubeRequest;
  readonly view: View;
  readonly policies: PolicyEntries;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export function createReporting({ node, request, view, policies, log, signal }: ReportingOptions): Reporting {
  const uidOf = (kind: string, key: string): string | undefined =>
    kind === "Pod" || kind === "Node" || kind === "Service" ? view[kind].get(key)?.uid : undefined;
  const isOurs = (kind: string, key: string): boolean =>
    kind === "Pod" ? view.Pod.get(key)?.nodeName === node : kind === "Node" && key === node;
  const status = createNodeStatusWriter({ node, request, log, signal });
  const options = { component: "weir-node", instance: node, request, uidOf, log, signal };
  const events = createEventRecorder({ ...options, isOurs });
  const denials = createDenialEvents(options);
  const announced = createAnnouncementEvents(options);
  const nodeUid = (): string | undefined => view.Node.get(node)?.uid;
  const policyReporter = createPolicyReporter({
    ...{
      node,
      request,
      nodeUid,
      nodeCount: () => view.Node.size,
      entries: policies.now,
      count: policies.count,
      log,
      signal,
    },
  });
  return {
    update(report, problems) {
      status.report(report, view.Node.get(node));
      events.sync(problems);
      policyReporter.touch();
    },
    deny: denials.add,
    move: announced.add,
  };
}
