import type { Pod } from "../../model/model.ts";
import {
  type ClusterPolicyPeer,
  type ClusterPolicyRule,
  DIRECTIONS,
  type Direction,
  type NetworkPolicy,
  type Policy,
  type PolicyPort,
  type PolicyRule,
  policyId,
  rulesOf,
} from "../../model/policy.ts";
import type { Cluster } from "../cluster.ts";
import { peerFields, portFields } from "./fields.ts";

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
export interface Subject<P extends Policy = Policy> {
  readonly policy: P;
  /** As it is written. */
  readonly spec: Readonly<Record<string, unknown>>;
  readonly cluster: Cluster;
  /** The NetworkPolicies that select a pod. */
  policiesOf(pod: Pod): readonly NetworkPolicy[];
}

export type Check = (subject: Subject) => Iterable<Finding>;

/** A check of what only NetworkPolicies have. */
export function ofNetworkPolicies(check: (subject: Subject<NetworkPolicy>) => Iterable<Finding>): Check {
  return (subject) => {
    const { policy } = subject;
    return policy.kind === "NetworkPolicy" ? check({ ...subject, policy }) : [];
  };
}

export function finding(
  severity: Severity,
  check: string,
  policy: Policy,
  field: string,
  message: string,
  remedy: string,
): Finding {
  const { kind, name } = policyId(policy);
  return { severity, check, object: `${kind} ${name}`, field: `spec${field}`, message, remedy };
}

export type AnyRule = PolicyRule | ClusterPolicyRule;

/** A rule and where it stands. */
export interface Placed {
  readonly direction: Direction;
  readonly index: number;
  readonly rule: AnyRule;
  /** ".ingress[1]". */
  readonly field: string;
  /** ".ingress[1].from[0]", for each of its peers; of its ports likewise. */
  readonly peerFields: readonly string[];
  readonly portFields: readonly string[];
}

export function* placesOf({ policy, spec }: Pick<Subject, "policy" | "spec">): Iterable<Placed> {
  for (const direction of DIRECTIONS)
    for (const [index, rule] of rulesOf(policy, direction).entries()) {
      const field = `.${direction}[${index}]`;
      const written: unknown = Reflect.get(Object(spec[direction]), index);
      const inside = (fields: readonly string[]) => fields.map((one) => `${field}.${one}`);
      yield {
        ...{ direction, index, rule, field },
        peerFields: inside(peerFields(policy.kind, direction, rule, written)),
        portFields: inside(portFields(policy.kind, rule, written)),
      };
    }
}

export function* peersOf({ rule, peerFields: fields }: Placed): Iterable<{ peer: ClusterPolicyPeer; field: string }> {
  for (const [i, peer] of (rule.peers ?? []).entries()) yield { peer, field: fields[i]! };
}

export function* portsOf({ rule, portFields: fields }: Placed): Iterable<{ port: PolicyPort; field: string }> {
  for (const [i, port] of (rule.ports ?? []).entries()) yield { port, field: fields[i]! };
}
