import type { Pod } from "../../model/model.ts";
import type { Direction, NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule } from "../../model/policy.ts";
import type { Cluster } from "../cluster.ts";
import { podName } from "../words.ts";

export const SEVERITIES = ["info", "warning", "error"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Something in a policy that probably does not do what was meant. */
export interface Finding {
  readonly severity: Severity;
  /** The name of what is looked for: "selects-nothing". */
  readonly check: string;
  readonly object: string;
  readonly field: string;
  readonly message: string;
  readonly remedy: string;
}

/** A policy in which nothing is wrong as an object, the object itself, and what is around it. */
export interface Subject {
  readonly policy: NetworkPolicy;
  /** As it is written. */
  readonly spec: Readonly<Record<string, unknown>>;
  readonly cluster: Cluster;
  /** The policies that select a pod. */
  policiesOf(pod: Pod): readonly NetworkPolicy[];
}

export type Check = (subject: Subject) => Iterable<Finding>;

export function finding(
  severity: Severity,
  check: string,
  policy: NetworkPolicy,
  field: string,
  message: string,
  remedy: string,
): Finding {
  return { severity, check, object: `NetworkPolicy ${podName(policy)}`, field: `spec${field}`, message, remedy };
}

/** A rule and where it stands. */
export interface Placed {
  readonly direction: Direction;
  readonly index: number;
  readonly rule: PolicyRule;
  /** ".ingress[1]". */
  readonly field: string;
}

export function* rulesOf(policy: NetworkPolicy): Iterable<Placed> {
  for (const direction of ["ingress", "egress"] as const)
    for (const [index, rule] of (policy[direction] ?? []).entries())
      yield { direction, index, rule, field: `.${direction}[${index}]` };
}

export function* peersOf({ direction, rule, field }: Placed): Iterable<{ peer: PolicyPeer; field: string }> {
  const list = direction === "ingress" ? "from" : "to";
  for (const [i, peer] of (rule.peers ?? []).entries()) yield { peer, field: `${field}.${list}[${i}]` };
}

export function* portsOf({ rule, field }: Placed): Iterable<{ port: PolicyPort; field: string }> {
  for (const [i, port] of (rule.ports ?? []).entries()) yield { port, field: `${field}.ports[${i}]` };
}
