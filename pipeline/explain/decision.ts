import { familyOf, type Ip } from "#base/address.ts";
import type { Pod } from "../model/model.ts";
import { type ClusterNetworkPolicy, type Direction, type Policy, policyId } from "../model/policy.ts";
import type { Evaluation, Verdict } from "./evaluate.ts";

/** For programs: a policy, and the rule of it that decides; one that isolates the pod, where none does. */
export interface Decider {
  readonly direction: Direction;
  /** "namespace/name", or "name" of one for the whole cluster. */
  readonly policy: string;
  readonly rule?: number;
  /** Of one for the whole cluster. */
  readonly tier?: ClusterNetworkPolicy["tier"];
}

export interface Decision {
  readonly verdict: "allow" | "deny";
  /** Empty where no policy has a say. */
  readonly by: readonly Decider[];
}

/** Of what is denied only the side that denies it has decided. */
export function decisionOf({ isAllowed, egress, ingress }: Evaluation): Decision {
  const by = [...decidersOf(egress, "egress", isAllowed), ...decidersOf(ingress, "ingress", isAllowed)];
  return { verdict: isAllowed ? "allow" : "deny", by };
}

function decidersOf(verdict: Verdict | undefined, direction: Direction, isAllowed: boolean): readonly Decider[] {
  switch (verdict?.type) {
    case "allowed":
    case "accepted":
      return isAllowed ? [decider(verdict.policy, direction, verdict.rule)] : [];
    case "denied":
      return [decider(verdict.policy, direction, verdict.rule)];
    case "isolated":
    case "unclear":
      return verdict.policies.map((policy) => decider(policy, direction));
    default:
      return [];
  }
}

function decider(policy: Policy, direction: Direction, rule?: number): Decider {
  return {
    direction,
    policy: policyId(policy).name,
    ...(rule !== undefined && { rule }),
    ...(policy.kind === "ClusterNetworkPolicy" && { tier: policy.tier }),
  };
}

/** The addresses at which two can meet: the first of each family that both have. */
export function meetingPoints(
  source: Pick<Pod, "ips">,
  destination: Pick<Pod, "ips">,
): readonly { readonly source: Ip; readonly destination: Ip }[] {
  return ([4, 6] as const).flatMap((family) => {
    const isOf = (ip: Ip) => familyOf(ip) === family;
    const from = source.ips.find(isOf);
    const to = destination.ips.find(isOf);
    return from === undefined || to === undefined ? [] : [{ source: from, destination: to }];
  });
}
