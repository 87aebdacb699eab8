import type { Match } from "#openflow/match.ts";
import type { Rules } from "../index/rules.ts";
import { CT_MARK } from "../layout/conntrack.ts";
import { DENIED_DIRECTION, DENIED_REASON } from "../layout/registers.ts";
import type { Port, View } from "../model/model.ts";
import { podKeyOf } from "../model/pod-of-port.ts";
import type { Direction } from "../model/policy.ts";
import { describeEnds, type Ends, nameEnds } from "./ends.ts";
import { readNumber, readRegister, type ToldPacket } from "./metadata.ts";

/** Who is to blame for a denial. */
export interface Blame {
  /** isolation: no rule allows it. unknown: the API has not told of the pod yet. rule: a rule denies it. */
  readonly reason: keyof typeof DENIED_REASON;
  /** The policies that isolate the pod, or the one whose rule denies: "namespace/name", or "name" of one for the whole cluster. The first by name, of many. */
  readonly policies: readonly string[];
  readonly morePolicies?: number;
  /** "ingress rule 2" of the policy. */
  readonly rule?: string;
}

/** A packet that a policy denied, by the names of those it concerns. */
export interface Denial extends Ends, Blame {
  /** cut: it belongs to a connection that was let through once. */
  readonly connection: "new" | "cut";
  /** It was let through; but policies would deny it, were all staging over. */
  readonly staged?: true;
}

/** So many policies are named in full. */
const MOST_POLICIES = 8;

/** Undefined for what cannot be named: no IP, or of a port that went away meanwhile. */
export function describeDenial(packet: ToldPacket, view: View): Denial | undefined {
  const { metadata } = packet;
  const denied = readDenied(metadata);
  if (denied === undefined) return undefined;
  const found = nameEnds(packet, denied.direction, view);
  if (found === undefined) return undefined;
  const connection = (readNumber(metadata, "ct_mark") & CT_MARK.known) === 0 ? "new" : "cut";
  return { ...found.ends, connection, ...blame(metadata, denied, found.port, view) };
}

/** Whose policies deny a packet, and why; undefined for one that is not denied. */
export interface Denied extends Pick<Blame, "reason"> {
  readonly direction: Direction;
}

/** The same of what has been let through, and would not be. */
export function describeStaged(packet: ToldPacket, view: View): Denial | undefined {
  const { metadata } = packet;
  const direction = nameOf(DENIED_DIRECTION, readRegister(metadata, "stagedDirection"));
  const reason = nameOf(DENIED_REASON, readRegister(metadata, "stagedReason"));
  if (direction === undefined || reason === undefined) return undefined;
  const found = nameEnds(packet, direction, view);
  if (found === undefined) return undefined;
  const who =
    reason === "rule"
      ? nameRule(view.staged, readRegister(metadata, "stagedRule"))
      : nameIsolating(found.port, direction, view, view.staged);
  return { ...found.ends, connection: "new", staged: true, reason, ...who };
}

export function readDenied(metadata: Match): Denied | undefined {
  const direction = nameOf(DENIED_DIRECTION, readRegister(metadata, "deniedDirection"));
  const reason = nameOf(DENIED_REASON, readRegister(metadata, "deniedReason"));
  return direction === undefined || reason === undefined ? undefined : { direction, reason };
}

/** `port` is of the pod whose policies deny. */
export function blame(metadata: Match, { direction, reason }: Denied, port: Port, view: View): Blame {
  return {
    reason,
    ...(reason === "rule"
      ? nameRule(view.rules, readRegister(metadata, `${direction}Rule`))
      : nameIsolating(port, direction, view, view.rules)),
  };
}

/** The rule with a number, and its policy. */
export function nameRule(rules: Rules, id: number): Pick<Blame, "policies" | "rule"> {
  const rule = rules.withId(id);
  if (rule === undefined) return { policies: [] };
  return { policies: [rule.policy.name], rule: `${rule.direction} rule ${rule.index}` };
}

function nameIsolating(
  port: Port,
  direction: Direction,
  { selections }: View,
  rules: Rules,
): Pick<Blame, "policies" | "morePolicies"> {
  const isolating = new Set<string>();
  for (const selection of selections.selectionsOf(podKeyOf(port)))
    for (const { name } of rules.isolating(selection, direction)) isolating.add(name);
  const policies = [...isolating].sort();
  const more = policies.length - MOST_POLICIES;
  return { policies: policies.slice(0, MOST_POLICIES), ...(more > 0 && { morePolicies: more }) };
}

function nameOf<T extends Readonly<Record<string, number>>>(values: T, value: number): (keyof T & string) | undefined {
  return Object.keys(values).find((name) => values[name] === value);
}

/** "denied ingress from pod shop/web (10.10.1.5) at 5432/TCP". */
export function describeDenied(denial: Denial): string {
  if (denial.staged) return `would be denied, were staging over: ${describeEnds(denial)}`;
  return `denied ${denial.connection === "cut" ? "an existing connection, " : ""}${describeEnds(denial)}`;
}

/** "isolated by shop/db, and no rule allows it". */
export function describeBlame({ reason, policies, morePolicies, rule }: Blame): string {
  const names = `${policies.join(", ")}${morePolicies === undefined ? "" : ` and ${morePolicies} more`}`;
  switch (reason) {
    case "isolation":
      return `isolated by ${names}, and no rule allows it`;
    case "unknown":
      return "the API has not told of the pod yet, and policies of its namespace may select it";
    case "rule":
      return `denied by ${names}${rule === undefined ? "" : `, ${rule}`}`;
  }
}
