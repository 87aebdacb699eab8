import type { Contribution, Feature } from "../feature.ts";
import type { ModelChange, View } from "../model/model.ts";
import type { Settings } from "../settings.ts";
import { addressesOf, differingAddresses, differingParts, peerKey } from "./policy/differing-parts.ts";
import { type PolicyKey, readKey, writeKey } from "./policy/keys.ts";
import { deriveLogging } from "./policy/logging.ts";
import { derivePeer, derivePort, deriveRule, familiesOf } from "./policy/parts.ts";
import { deriveRefusing } from "./policy/refusing.ts";
import { deriveSubject } from "./policy/subject.ts";

/**
 * Policies as conjunctive matches. A key is a flow's match, or one pod's place in all rules: a rule with ten thousand
 * addresses is ten thousand keys, and one more address is one key more.
 */
export function createPoliciesFeature({ nodeName }: Settings): Feature {
  function derive(key: PolicyKey, view: View): readonly Contribution[] {
    switch (key.type) {
      case "rule":
        return deriveRule(key.rule, view);
      case "port":
        return derivePort(key.port, view, familiesOf(view, nodeName));
      case "peer":
        return derivePeer(key.network, view);
      case "subject":
        return deriveSubject(key.port, view);
      case "refusing":
        return deriveRefusing(view);
      case "logging":
        return deriveLogging(view);
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
  switch (change.kind) {
    case "Rule":
      yield { type: "rule", rule: change.key };
      yield* differingParts(change.before, change.after, view);
      break;
    case "NetworkPolicy":
    case "ClusterNetworkPolicy":
      if (change.before?.extras?.refuses !== change.after?.extras?.refuses) yield { type: "refusing" };
      if (!change.before?.extras?.log !== !change.after?.extras?.log) yield { type: "logging" };
      break;
    case "Subject":
      yield { type: "subject", port: change.key };
      break;
    case "Selection":
      for (const podKey of [...change.entered, ...change.left])
        for (const ip of addressesOf(podKey, view)) yield peerKey(ip);
      break;
    case "Address":
      yield peerKey(change.ip);
      break;
    case "Pod":
      // It may name its ports otherwise.
      for (const ip of addressesOf(change.key, view)) yield peerKey(ip);
      break;
    case "Domain":
      for (const ip of differingAddresses(change.before, change.after)) yield peerKey(ip);
      break;
    case "Node":
      // Its podCIDRs say which families its pods have.
      if (change.key === nodeName) for (const port of view.rules.portKeys()) yield { type: "port", port };
      break;
  }
}
