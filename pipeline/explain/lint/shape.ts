import { DIRECTIONS, type Direction, type NetworkPolicy } from "../../model/policy.ts";
import { type Finding, finding, type Subject } from "./finding.ts";

const TYPE_NAMES = { ingress: "Ingress", egress: "Egress" } as const satisfies Record<Direction, string>;

/** Rules in a direction that policyTypes leaves out have no effect. */
export function* checkPolicyTypes({ policy, spec }: Subject<NetworkPolicy>): Iterable<Finding> {
  const types: unknown = spec["policyTypes"];
  for (const direction of DIRECTIONS) {
    const rules: unknown = spec[direction];
    const isLeftOut = Array.isArray(types) && types.length > 0 && !types.includes(TYPE_NAMES[direction]);
    if (!isLeftOut || !Array.isArray(rules) || rules.length === 0) continue;
    yield finding(
      "error",
      "direction-not-in-force",
      policy,
      `.${direction}`,
      `has rules, but policyTypes is [${types.join(", ")}]: they have no effect`,
      `add ${TYPE_NAMES[direction]} to policyTypes, or take the rules away`,
    );
  }
}

/** A direction with no rules lets nothing through: often meant, and worth being said. One for the cluster does nothing then. */
export function* checkIsolation({ policy }: Subject): Iterable<Finding> {
  if (policy.kind === "NetworkPolicy") {
    for (const direction of DIRECTIONS)
      if (policy[direction]?.length === 0)
        yield finding(
          "info",
          "isolates",
          policy,
          `.${direction}`,
          `has no rules: the pods may ${direction === "ingress" ? "receive" : "send"} nothing but what other policies allow`,
          "nothing, if a default deny is meant",
        );
  } else if (policy.ingress.length + policy.egress.length === 0)
    yield finding(
      "warning",
      "without-rules",
      policy,
      "",
      "has no rules, and does nothing: a ClusterNetworkPolicy isolates no pod",
      "write rules, or take it away",
    );
}
