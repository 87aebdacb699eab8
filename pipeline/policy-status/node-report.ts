import { isRecord } from "../ingest/reader.ts";
import type { Policy } from "../model/policy.ts";

/**
 * What one node tells the cluster of policies: those that select a pod of it. It is written as an object of our own, named
 * after the node, and read again by weir-cluster and weirctl. deploy/weir.yaml defines the same fields.
 */
export interface NodePolicyReport {
  readonly policies: readonly PolicyEntry[];
  /** Policies that there was no room for: what is told of them is nothing. */
  readonly omitted: number;
}

export interface PolicyEntry {
  readonly kind: Policy["kind"];
  /** "namespace/name", or "name" of one for the whole cluster. */
  readonly name: string;
  readonly generation: number;
  readonly state: EntryState;
  /** When this generation came to be in force; of realised. */
  readonly since?: string;
  /** Of failed. */
  readonly reason?: string;
  readonly packets: number;
  readonly lastHit?: string;
  readonly denied: number;
  /** "ingress[0]": rules that no packet has met since then. */
  readonly neverHit: readonly string[];
  /** Since when all of its rules are counted; absent when there are none. */
  readonly countedSince?: string;
}

export const ENTRY_STATES = ["realised", "pending", "failed"] as const;
export type EntryState = (typeof ENTRY_STATES)[number];

/** Nodes write at least every ten minutes: who has missed two of these is not heard any more. In milliseconds. */
export const SILENT_AFTER = 25 * 60_000;

export const NODE_POLICY_STATUS = {
  apiVersion: "weir.dev/v1alpha1",
  kind: "NodePolicyStatus",
  plural: "nodepolicystatuses",
} as const;

/** An object in etcd may have 1.5 MB: so many entries, each with a reason and rules that were never hit, are well below it. */
export const MOST_ENTRIES = 2000;
/** The longest reason, and the most rules that are named as never hit. */
const LONGEST_REASON = 200;
const MOST_RULES_NAMED = 64;

/** In a stable order, those in trouble first: what is cut off is the least worth telling. */
export function createNodeReport(entries: readonly PolicyEntry[]): NodePolicyReport {
  const gravity = ({ state }: PolicyEntry) => (state === "realised" ? 1 : 0);
  const ordered = entries.toSorted(
    (a, b) => gravity(a) - gravity(b) || compare(a.kind, b.kind) || compare(a.name, b.name),
  );
  return {
    policies: ordered.slice(0, MOST_ENTRIES).map(shorten),
    omitted: Math.max(0, entries.length - MOST_ENTRIES),
  };
}

function shorten(entry: PolicyEntry): PolicyEntry {
  const { reason, neverHit } = entry;
  return {
    ...entry,
    ...(reason !== undefined && { reason: reason.slice(0, LONGEST_REASON) }),
    neverHit: neverHit.slice(0, MOST_RULES_NAMED),
  };
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Reads an object, whoever wrote it: what cannot be understood is as good as not there. */
export function readNodeReport(object: unknown): NodePolicyReport {
  const { policies, omitted }: Record<string, unknown> = isRecord(object) ? object : {};
  return {
    policies: (Array.isArray(policies) ? policies : []).flatMap((one) => readEntry(one) ?? []),
    omitted: numberOf(omitted),
  };
}

function readEntry(value: unknown): PolicyEntry | undefined {
  if (!isRecord(value)) return undefined;
  const { kind, name, neverHit } = value;
  const state = ENTRY_STATES.find((one) => one === value["state"]);
  if ((kind !== "NetworkPolicy" && kind !== "ClusterNetworkPolicy") || typeof name !== "string" || state === undefined)
    return undefined;
  const texts = (["since", "reason", "lastHit", "countedSince"] as const).flatMap((field) => {
    const text = value[field];
    return typeof text === "string" && text !== "" ? [[field, text] as const] : [];
  });
  return {
    ...{ kind, name, state, generation: numberOf(value["generation"]) },
    ...{ packets: numberOf(value["packets"]), denied: numberOf(value["denied"]) },
    neverHit: Array.isArray(neverHit) ? neverHit.filter((one) => typeof one === "string") : [],
    ...Object.fromEntries(texts),
  };
}

function numberOf(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}

/** Names a policy of either kind. */
export function policyIdOf({ kind, name }: Pick<PolicyEntry, "kind" | "name">): string {
  return `${kind} ${name}`;
}
