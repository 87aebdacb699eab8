import { DecodeError } from "#openflow/errors.ts";
import { OPENFLOW_VERSION } from "#openflow/messages/handshake.ts";
import { formatPort as formatAnyPort, isReservedPort } from "#openflow/text/names.ts";

/** What a message's text depends on beside the message. */
export interface Context {
  readonly version: number;
  /** As ovs-ofctl has it: its ofp-print has 2, and what an error quotes has 1. */
  readonly verbosity: number;
  /** The whole message. */
  readonly bytes: Uint8Array;
}

export function isSince(name: keyof typeof OPENFLOW_VERSION, { version }: Context): boolean {
  return version >= OPENFLOW_VERSION[name];
}

/** What can be read but has no text, and the error that a switch would answer it with. */
export function refuse(message: string, refusal: string): never {
  throw new DecodeError("", 0, message, "", refusal);
}

/** Names of the bits that are set, the lowest first, and what is left of them in hexadecimal. */
export function formatBits(bits: number, names: readonly (string | undefined)[], separator = " "): string {
  if (bits === 0) return "0";
  let left = bits >>> 0;
  const words: string[] = [];
  for (const [bit, name] of names.entries()) {
    if (name === undefined || ((left >>> bit) & 1) === 0) continue;
    words.push(name);
    left = (left & ~(1 << bit)) >>> 0;
  }
  if (left !== 0) words.push(`0x${left.toString(16)}`);
  return words.join(separator);
}

const NANOSECONDS = 1_000_000_000n;
const MILLISECOND = 1_000_000;

/** Nanoseconds as seconds: whole, to the millisecond, or as many digits as it takes. */
export function formatDuration(duration: bigint): string {
  const rest = Number(duration % NANOSECONDS);
  const seconds = `${duration / NANOSECONDS}`;
  if (rest === 0) return `${seconds}s`;
  if (rest % MILLISECOND === 0) return `${seconds}.${`${rest / MILLISECOND}`.padStart(3, "0")}s`;
  return `${seconds}.${`${rest}`.padStart(9, "0").replace(/0+$/, "")}s`;
}

/** A counter, or "?" for one that the switch does not have. */
export function formatCounter(value: bigint | undefined): string {
  return value === undefined || value === NO_COUNTER ? "?" : `${value}`;
}

export const NO_COUNTER = 0xffff_ffff_ffff_ffffn;
export const NO_COUNTER_32 = 0xffff_ffff;

const FIRST_RESERVED = 0xffff_ff00;

/** Open vSwitch has 16 bits of a port; those that OpenFlow reserves stand at their end, and not all have a name. */
export function formatPort(port: number): string {
  return port >= FIRST_RESERVED && !isReservedPort(port) ? `${port & 0xffff}` : formatAnyPort(port);
}

const OFPG_ALL = 0xffff_fffc;
const OFPG_ANY = 0xffff_ffff;

export function formatGroupId(groupId: number): string {
  if (groupId === OFPG_ALL) return "ALL";
  return groupId === OFPG_ANY ? "ANY" : `${groupId}`;
}

export function hex(value: number | bigint, digits = 1): string {
  return `0x${value.toString(16).padStart(digits, "0")}`;
}

/** As C's %#x has it: 0 is "0". */
export function shortHex(value: number | bigint): string {
  return value === 0 || value === 0n ? "0" : hex(value);
}

const PER_LINE = 16;

/** Sixteen bytes a line: offset, hexadecimal, and what is ASCII of them. */
export function formatHexDump(bytes: Uint8Array): string {
  let text = "";
  for (let start = 0; start < bytes.length; start += PER_LINE) {
    const line = bytes.subarray(start, start + PER_LINE);
    const digits = Array.from(line, (byte, i) => `${byte.toString(16).padStart(2, "0")}${i === 7 ? "-" : " "}`).join(
      "",
    );
    const ascii = Array.from(line, (byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    text += `${start.toString(16).padStart(8, "0")}  ${digits.padEnd(3 * PER_LINE)}|${ascii.padEnd(PER_LINE)}|\n`;
  }
  return text;
}

/** ASCII as it is, anything else as a backslash and three octal digits. */
export function formatPrintable(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) =>
    byte < 0x20 || byte > 0x7e || byte === 0x5c || byte === 0x22
      ? `\\${byte.toString(8).padStart(3, "0")}`
      : String.fromCharCode(byte),
  ).join("");
}

export function endLine(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}

/** One space at the end is taken off. */
export function chomp(text: string): string {
  return text.endsWith(" ") ? text.slice(0, -1) : text;
}
