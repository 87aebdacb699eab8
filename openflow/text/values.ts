import { formatMac, type Mac } from "#base/address.ts";
import { FIELDS, type FieldName } from "#openflow/fields.ts";
import { allOnes, type FieldValue } from "#openflow/match.ts";
import { CT_STATE_FLAGS, formatFlags, TCP_FLAGS, TUNNEL_FLAGS } from "./flags.ts";
import { formatPort, type NameOptions } from "./names.ts";

/** 0x with as few digits as there are; but 0 is "0". */
export function formatHex(value: FieldValue): string {
  return value === 0 || value === 0n ? "0" : `0x${value.toString(16)}`;
}

/** With 0x before 0 too. */
export function formatPrefixedHex(value: FieldValue): string {
  return `0x${value.toString(16)}`;
}

export function formatIpv4(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/** As inet_ntop(3) has it: RFC 5952, with the last 32 bits dotted behind ::ffff: or behind exactly 96 zero bits. */
export function formatIpv6(address: bigint): string {
  const groups = Array.from({ length: 8 }, (_, i) => Number((address >> BigInt(112 - 16 * i)) & 0xffffn));
  const { start, length } = longestZeroRun(groups);
  const isDotted = start === 0 && (length === 6 || (length === 5 && groups[5] === 0xffff));
  const tail = isDotted ? [formatIpv4(Number(address & 0xffff_ffffn))] : [];
  const words = groups.slice(0, isDotted ? 6 : 8).map((group) => group.toString(16));
  if (length < 2) return [...words, ...tail].join(":");
  const before = words.slice(0, start).join(":");
  const after = [...words.slice(start + length), ...tail].join(":");
  return `${before}::${after}`;
}

function longestZeroRun(groups: readonly number[]): { readonly start: number; readonly length: number } {
  let best = { start: -1, length: 0 };
  for (let i = 0; i < groups.length; i++) {
    let end = i;
    while (groups[end] === 0) end++;
    if (end - i > best.length) best = { start: i, length: end - i };
    if (end > i) i = end;
  }
  return best;
}

/** The length of a mask that is a prefix; undefined for any other. */
export function prefixLengthOf(mask: FieldValue, bits: number): number | undefined {
  const inverse = allOnes(bits) ^ BigInt(mask);
  if ((inverse & (inverse + 1n)) !== 0n) return undefined;
  return bits - (inverse === 0n ? 0 : inverse.toString(2).length);
}

function formatAddress(value: FieldValue, mask: FieldValue | undefined, bits: 32 | 128): string {
  const text = (address: FieldValue) => (bits === 32 ? formatIpv4(Number(address)) : formatIpv6(BigInt(address)));
  if (mask === undefined) return text(value);
  return `${text(value)}/${prefixLengthOf(mask, bits) ?? text(mask)}`;
}

export function formatEthernet(value: FieldValue, mask?: FieldValue): string {
  const text = formatMac(Number(value) as Mac);
  return mask === undefined ? text : `${text}/${formatMac(Number(mask) as Mac)}`;
}

export const FRAGMENTS = [
  { text: "no", value: 0, mask: 3 },
  { text: "yes", value: 1, mask: 1 },
  { text: "first", value: 1, mask: 3 },
  { text: "later", value: 3, mask: 3 },
  { text: "no", value: 0, mask: 1 },
  { text: "later", value: 2, mask: 2 },
  { text: "not_later", value: 0, mask: 2 },
] as const;

function formatFragment(value: number, mask: number): string {
  return (
    FRAGMENTS.find((fragment) => fragment.value === (value & mask & 3) && fragment.mask === (mask & 3))?.text ??
    "<error>"
  );
}

/** A value of a field as set_field and learn write it. */
export function formatValue(name: FieldName, value: FieldValue, mask?: FieldValue, names: NameOptions = {}): string {
  const field = FIELDS[name];
  switch (field.format) {
    case "decimal":
      return mask === undefined ? value.toString() : `${value}/${formatHex(mask)}`;
    case "hexadecimal":
      return mask === undefined ? formatHex(value) : `${formatHex(value)}/${formatHex(mask)}`;
    case "ethernet":
      return formatEthernet(value, mask);
    case "ipv4":
      return formatAddress(value, mask, 32);
    case "ipv6":
      return formatAddress(value, mask, 128);
    case "port":
      return mask === undefined ? formatPort(Number(value), names) : `${value}/${formatHex(mask)}`;
    case "frag":
      return formatFragment(Number(value), Number(mask ?? 0xff));
    case "tunnel flags":
      return formatFlags(TUNNEL_FLAGS, Number(value), Number(mask ?? 1) & 1, 1);
    case "tcp flags":
      return formatFlags(TCP_FLAGS, Number(value), Number(mask ?? 0xfff) & 0xfff, 0xfff);
    case "ct state":
      return formatFlags(CT_STATE_FLAGS, Number(value), Number(mask ?? 0xff) & 0xff, 0xff);
    case "packet type":
      return formatPacketType(Number(value));
  }
}

/** A name space and a type in it: 0 is Ethernet, 1 an EtherType. */
function formatPacketType(value: number): string {
  const space = value >>> 16;
  return value === 0 ? "eth" : `(${space},${formatHex(value & 0xffff)})`;
}
