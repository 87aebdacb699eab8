import { parseIp, prefixMask } from "#base/address.ts";
import { FIELDS, type Field } from "#openflow/fields.ts";
import { allOnes, type FieldValue, sized } from "#openflow/match.ts";
import { CT_STATE_FLAGS, type MaskedFlags, parseFlags, TCP_FLAGS, TUNNEL_FLAGS } from "./flags.ts";
import { type Names, parsePort } from "./names.ts";
import { fail, readInteger } from "./syntax.ts";
import { FRAGMENTS } from "./values.ts";

export interface MaskedValue {
  readonly value: bigint;
  /** Absent for an exact value. */
  readonly mask?: bigint;
}

/** A value of a field with the mask that may follow it; "*" lets every value through. */
export function parseMaskedValue(word: string, field: Field, text: string, names: Names): MaskedValue {
  if (text === "*") return { value: 0n, mask: 0n };
  const { value, mask } = parseByFormat(word, field, text, names);
  if (mask === undefined || mask === allOnes(field.bits)) return { value };
  if (mask !== 0n && !field.maskable) fail(word, `${field.name} takes no mask`);
  return { value, mask };
}

function parseByFormat(word: string, field: Field, text: string, names: Names): MaskedValue {
  switch (field.format) {
    case "decimal":
    case "hexadecimal":
      return parseIntegers(word, field, text);
    case "ethernet":
      return parsePair(text, (part) => parseEthernet(word, part));
    case "ipv4":
      return parseAddress(word, text, 4);
    case "ipv6":
      return parseAddress(word, text, 6);
    case "port":
      return { value: BigInt(parsePort(word, text, names)) };
    case "frag":
      return parseFragment(word, text);
    case "tunnel flags":
      return widen(parseFlags(word, TUNNEL_FLAGS, text));
    case "tcp flags":
      return widen(parseFlags(word, TCP_FLAGS, text));
    case "ct state":
      return widen(parseFlags(word, CT_STATE_FLAGS, text));
    case "packet type":
      return { value: BigInt(parsePacketType(word, text)) };
  }
}

function widen({ value, mask }: MaskedFlags): MaskedValue {
  return mask === undefined ? { value: BigInt(value) } : { value: BigInt(value), mask: BigInt(mask) };
}

function parsePair(text: string, parse: (part: string) => bigint): MaskedValue {
  const slash = text.indexOf("/");
  return slash < 0
    ? { value: parse(text) }
    : { value: parse(text.slice(0, slash)), mask: parse(text.slice(slash + 1)) };
}

function parseIntegers(word: string, field: Field, text: string): MaskedValue {
  return parsePair(text, (part) => {
    const value = readInteger(part) ?? (part === "-1" && field.bits === 64 ? allOnes(64) : undefined);
    if (value === undefined) return fail(word, `${part === "" ? "nothing" : part} is no number`);
    if (value > allOnes(field.bits)) fail(word, `${part} does not fit into the ${field.bits} bits of ${field.name}`);
    return value;
  });
}

export function parseEthernet(word: string, text: string): bigint {
  const parts = text.split(":");
  if (parts.length !== 6 || !parts.every((part) => /^[0-9a-f]{1,2}$/i.test(part)))
    fail(word, `${text} is no Ethernet address, such as 02:00:00:00:00:01`);
  return BigInt(`0x${parts.map((part) => part.padStart(2, "0")).join("")}`);
}

export function parseIpv4(word: string, text: string): bigint {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255))
    fail(word, `${text} is no IPv4 address`);
  return parts.reduce((address, part) => (address << 8n) | BigInt(part), 0n);
}

export function parseIpv6(word: string, text: string): bigint {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (dotted !== null) {
    const low = parseIpv4(word, dotted[2]!);
    return parseIpv6(word, `${dotted[1]}${(low >> 16n).toString(16)}:${(low & 0xffffn).toString(16)}`);
  }
  const address = parseIp(text);
  return typeof address === "bigint" ? address : fail(word, `${text} is no IPv6 address`);
}

function parseAddress(word: string, text: string, family: 4 | 6): MaskedValue {
  const parse = family === 4 ? parseIpv4 : parseIpv6;
  const [address = "", prefix] = text.split(/\/(?=\d+$)/);
  if (prefix === undefined) return parsePair(text, (part) => parse(word, part));
  if (Number(prefix) > (family === 4 ? 32 : 128)) fail(word, `/${prefix} is longer than an address`);
  return { value: parse(word, address), mask: BigInt(prefixMask(family, Number(prefix))) };
}

function parseFragment(word: string, text: string): MaskedValue {
  const fragment = FRAGMENTS.find((known) => known.text === text.toLowerCase());
  if (fragment === undefined) return fail(word, `${text} is none of no, yes, first, later, not_later`);
  const { value, mask } = fragment;
  return mask === 3 ? { value: BigInt(value) } : { value: BigInt(value), mask: BigInt(mask) };
}

function parsePacketType(word: string, text: string): number {
  const [, space, type] = /^\(([^,]+),([^)]+)\)$/.exec(text) ?? [];
  const numbers = [space, type].map((part) => (part === undefined ? undefined : readInteger(part.trim())));
  const [high, low] = numbers;
  if (high === undefined || low === undefined || high > 0xffffn || low > 0xffffn)
    return fail(word, `${text} is no packet type, such as (1,0x800)`);
  return Number(high) * 0x1_0000 + Number(low);
}

/** Values that have the right width and yet no meaning. */
const VALID: Readonly<Partial<Record<string, (value: bigint) => boolean>>> = {
  nw_tos: (value) => (value & 3n) === 0n,
  arp_op: (value) => value <= 0xffn,
  vlan_vid: (value) => value <= 0x1fffn,
  nsh_ttl: (value) => value <= 63n,
  nsh_mdtype: (value) => value === 1n || value === 2n,
  in_port: () => true,
};

/** The value as our matches and actions hold it, once it is known to have a meaning. */
export function checkedValue(word: string, field: Field, value: bigint): FieldValue {
  const isValid = VALID[field.name] ?? ((bits) => bits <= allOnes(field.exactBits));
  if (!isValid(value)) fail(word, `0x${value.toString(16)} is no value of ${field.name}`);
  return sized(value, FIELDS[field.name].bits);
}
