import { type Cidr, familyOf, type Ip, networkOf, parseCidr } from "#base/address.ts";
import type { AddressPool, AddressRange } from "../model/address-pool.ts";
import { EVERYTHING, type LabelSelector } from "../model/label-selector.ts";
import { isRoutedAddress, parseRoutedAddress } from "./host-address.ts";
import type { Reader } from "./reader.ts";
import { readSelector } from "./selector.ts";

const ADDRESSES = "a network, a range or an address, such as 192.0.2.0/24, 192.0.2.10-192.0.2.20 or 2001:db8::10,";
const INTERFACE = "the name of an interface";
/** Larger networks than any link has are a mistake. */
const SHORTEST = { 4: 8, 6: 32 } as const;

/** weir.dev/v1alpha1. Addresses that are wrong are left out; a selector that is wrong selects nothing. */
export function readAddressPool(reader: Reader, key: string): AddressPool {
  const ranges = reader
    .list("spec.addresses")
    .map((entry, i) => reader.parsed(`spec.addresses[${i}]`, entry, parseRange, ADDRESSES));
  const interfaces = reader
    .list("spec.interfaces")
    .map((entry, i) => reader.parsed(`spec.interfaces[${i}]`, entry, parseInterface, INTERFACE));
  return {
    name: key,
    ranges: joinRanges(ranges.filter((range) => range !== undefined)),
    serviceSelector: readOptional(reader, "spec.serviceSelector"),
    namespaceSelector: readOptional(reader, "spec.namespaceSelector"),
    nodeSelector: readOptional(reader, "spec.nodeSelector"),
    interfaces: interfaces.filter((name) => name !== undefined),
    autoAssign: reader.at("spec.autoAssign") === undefined || reader.flag("spec.autoAssign"),
    terminating: reader.at("metadata.deletionTimestamp") !== undefined,
  };
}

function readOptional(reader: Reader, path: string): LabelSelector | undefined {
  return reader.at(path) === undefined ? EVERYTHING : readSelector(reader, path);
}

/** The kernel's own rule for a name. */
function parseInterface(text: string): string | undefined {
  return /^(?!\.{1,2}$)[^/\s:]{1,15}$/.test(text) ? text : undefined;
}

function parseRange(text: string): AddressRange | undefined {
  const [first, last, ...more] = text.split("-");
  if (first === undefined || more.length > 0) return undefined;
  if (last !== undefined) return rangeBetween(parseRoutedAddress(first), parseRoutedAddress(last));
  if (!text.includes("/")) return rangeBetween(parseRoutedAddress(text), parseRoutedAddress(text));
  const cidr = parseCidr(text);
  return cidr === undefined ? undefined : hostsOf(cidr);
}

function rangeBetween(first: Ip | undefined, last: Ip | undefined): AddressRange | undefined {
  if (first === undefined || last === undefined || typeof first !== typeof last || first > last) return undefined;
  const shortest = SHORTEST[familyOf(first)];
  return networkOf(first, shortest) === networkOf(last, shortest) ? { first, last } : undefined;
}

/** Without the network's own address and the one of all its hosts, which are no host's (RFC 3021, RFC 6164: but for pairs). */
function hostsOf({ address, prefixLength }: Cidr): AddressRange | undefined {
  const bits = familyOf(address) === 4 ? 32 : 128;
  const start = BigInt(address);
  const end = start + (1n << BigInt(bits - prefixLength)) - 1n;
  const isPair = prefixLength >= bits - 1;
  const [first, last] = isPair ? [start, end] : [start + 1n, bits === 32 ? end - 1n : end];
  const [low, high] = bits === 32 ? [Number(first), Number(last)] : [first, last];
  return rangeBetween(routed(low as Ip), routed(high as Ip));
}

function routed(ip: Ip): Ip | undefined {
  return isRoutedAddress(ip) ? ip : undefined;
}

function joinRanges(ranges: readonly AddressRange[]): readonly AddressRange[] {
  const joined: AddressRange[] = [];
  const sorted = ranges.toSorted((a, b) => familyOf(a.first) - familyOf(b.first) || (a.first < b.first ? -1 : 1));
  for (const range of sorted) {
    const before = joined.at(-1);
    const touches =
      before !== undefined &&
      typeof before.first === typeof range.first &&
      BigInt(range.first) <= BigInt(before.last) + 1n;
    if (!touches) joined.push(range);
    else if (range.last > before.last) joined[joined.length - 1] = { first: before.first, last: range.last };
  }
  return joined;
}
