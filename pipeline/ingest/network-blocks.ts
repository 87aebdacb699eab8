import { parseCidr } from "#base/address.ts";
import { findAhead } from "#base/lists.ts";
import { createNetworkPeer, type NetworkPeer, type PolicyPeer } from "../model/policy.ts";
import { isRecord } from "./reader.ts";

/**
 * For lists of ten thousand networks: reads one peer after another, if it is an ipBlock without exceptions and right. One that
 * stood in the rule's former version, at about the same place, is the same value: so whoever compares the two need not look into it.
 */
export function createBlockReader(former: readonly PolicyPeer[]): (peer: unknown) => NetworkPeer | undefined {
  let next = 0;
  return (peer) => {
    const text = onlyFieldOf(onlyFieldOf(peer, "ipBlock"), "cidr");
    if (typeof text !== "string") return undefined;
    const found = findAhead(former, next, (one) => isPlain(one, text));
    if (found < 0) {
      const cidr = parseCidr(text);
      return cidr && createNetworkPeer(cidr, [], text);
    }
    next = found + 1;
    return former[found] as NetworkPeer;
  };
}

/** An ipBlock without exceptions, with the network so written. */
function isPlain(peer: PolicyPeer, text: string): boolean {
  return peer.type === "network" && peer.except.length === 0 && (peer.written ?? peer.networks[0]) === text;
}

/** Of an object with that field and no other. */
function onlyFieldOf(value: unknown, field: string): unknown {
  if (!isRecord(value)) return undefined;
  for (const key in value) if (key !== field) return undefined;
  return value[field];
}
