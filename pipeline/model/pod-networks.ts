import { type Cidr, familyOf } from "#base/address.ts";
import type { Node } from "./model.ts";

/** The networks from which a node's pods get one address each: its first podCIDR of either family. */
export function podNetworks(node: Node | undefined): readonly Cidr[] {
  const cidrs = node?.podCidrs ?? [];
  return cidrs.filter((cidr, i) => cidrs.findIndex((one) => familyOf(one.address) === familyOf(cidr.address)) === i);
}
