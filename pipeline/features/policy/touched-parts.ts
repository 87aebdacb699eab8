import type { Rules } from "../../index/rules.ts";
import type { ModelChange, View } from "../../model/model.ts";
import { addressesOf, differingAddresses, differingParts, peerKey } from "./differing-parts.ts";
import type { PolicyKey } from "./keys.ts";

/** The keys of rules, peers, ports and subjects that a change may make others, where `rules` are those that are written. */
export function* touchedParts(change: ModelChange, view: View, rules: Rules, nodeName: string): Iterable<PolicyKey> {
  switch (change.kind) {
    case "Rule":
    case "StagedRule":
      yield { type: "rule", rule: change.key };
      yield* differingParts(change.before, change.after, view, rules);
      break;
    case "Subject":
    case "StagedSubject":
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
      if (change.key === nodeName) for (const port of rules.portKeys()) yield { type: "port", port };
      break;
  }
}
