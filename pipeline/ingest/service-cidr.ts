import { type Cidr, parseCidr } from "#base/address.ts";
import type { ServiceCidr } from "../model/service.ts";
import { parseRoutedAddress } from "./host-address.ts";
import type { Reader } from "./reader.ts";

/** networking.k8s.io/v1. A network that is wrong leads nowhere; the others do. */
export function readServiceCidr(reader: Reader, key: string): ServiceCidr {
  const cidrs = reader
    .list("spec.cidrs")
    .map((text, i) => reader.parsed(`spec.cidrs[${i}]`, text, parseServiceCidr, "a network such as 10.96.0.0/16"));
  return { name: key, cidrs: cidrs.filter((cidr) => cidr !== undefined) };
}

/** None that holds half of the world, for all of it is routed to the switch. */
function parseServiceCidr(text: string): Cidr | undefined {
  const cidr = parseCidr(text);
  const isRouted = parseRoutedAddress(text.split("/")[0] ?? "") !== undefined;
  return cidr !== undefined && cidr.prefixLength >= 8 && isRouted ? cidr : undefined;
}
