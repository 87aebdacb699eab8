import type { Contribution, Feature } from "../feature.ts";
import type { ModelChange, View } from "../model/model.ts";
import type { Settings } from "../settings.ts";
import { type PolicyKey, readKey, writeKey } from "./policy/keys.ts";
import { derivePeer, derivePort, deriveRule, familiesOf } from "./policy/parts.ts";
import { deriveStagedSubject, deriveStaging } from "./policy/staged.ts";
import { touchedParts } from "./policy/touched-parts.ts";
import { STAGED } from "./policy/world.ts";

/**
 * What policies would do, were all staging over: the same rules in tables of their own, for the pods alone that a staged policy
 * selects. Only the first packet of a connection comes there, and it goes on as though it had not.
 */
export function createStagingFeature({ nodeName }: Settings): Feature {
  function derive(key: PolicyKey, view: View): readonly Contribution[] {
    switch (key.type) {
      case "rule":
        return deriveRule(key.rule, view, STAGED);
      case "port":
        return derivePort(key.port, view, STAGED, familiesOf(view, nodeName));
      case "peer":
        return derivePeer(key.network, view, STAGED);
      case "subject":
        return deriveStagedSubject(key.port, view);
      case "staging":
        return deriveStaging(view);
      default:
        return [];
    }
  }

  return {
    name: "staging",
    always: ["staging"],
    *affected(change, view) {
      if (!view.staged.isUsed()) return;
      for (const key of touched(change, view, nodeName)) yield writeKey(key);
    },
    derive: (key, view) => derive(readKey(key), view),
  };
}

function* touched(change: ModelChange, view: View, nodeName: string): Iterable<PolicyKey> {
  if (change.kind === "NetworkPolicy" || change.kind === "ClusterNetworkPolicy") yield { type: "staging" };
  // Of a pod that is shut off nothing is asked: that is told of what is in force.
  else if (change.kind !== "Rule") yield* touchedParts(change, view, view.staged, nodeName);
}
