import type { Contribution, Feature } from "../feature.ts";
import type { ModelChange, View } from "../model/model.ts";
import type { Settings } from "../settings.ts";
import { type PolicyKey, readKey, writeKey } from "./policy/keys.ts";
import { deriveLogging } from "./policy/logging.ts";
import { derivePeer, derivePort, deriveRule, familiesOf } from "./policy/parts.ts";
import { deriveRefusing } from "./policy/refusing.ts";
import { deriveSubject } from "./policy/subject.ts";
import { touchedParts } from "./policy/touched-parts.ts";
import { ENFORCED } from "./policy/world.ts";

/**
 * Policies as conjunctive matches. A key is a flow's match, or one pod's place in all rules: a rule with ten thousand
 * addresses is ten thousand keys, and one more address is one key more.
 */
export function createPoliciesFeature({ nodeName }: Settings): Feature {
  function derive(key: PolicyKey, view: View): readonly Contribution[] {
    switch (key.type) {
      case "rule":
        return deriveRule(key.rule, view, ENFORCED);
      case "port":
        return derivePort(key.port, view, ENFORCED, familiesOf(view, nodeName));
      case "peer":
        return derivePeer(key.network, view, ENFORCED);
      case "subject":
        return deriveSubject(key.port, view);
      case "refusing":
        return deriveRefusing(view);
      case "logging":
        return deriveLogging(view);
      case "staging":
        return [];
    }
  }

  return {
    name: "policies",
    always: ["refusing", "logging"],
    *affected(change, view) {
      for (const key of touched(change, view, nodeName)) yield writeKey(key);
    },
    derive: (key, view) => derive(readKey(key), view),
  };
}

function* touched(change: ModelChange, view: View, nodeName: string): Iterable<PolicyKey> {
  if (change.kind === "NetworkPolicy" || change.kind === "ClusterNetworkPolicy")
    // They may be staged now, too.
    for (const { extras } of [change.before, change.after].filter((policy) => policy !== undefined)) {
      if (extras?.refuses) yield { type: "refusing" };
      if (extras?.log !== undefined) yield { type: "logging" };
    }
  else if (change.kind !== "StagedRule" && change.kind !== "StagedSubject")
    yield* touchedParts(change, view, view.rules, nodeName);
}
