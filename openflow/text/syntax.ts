import { FlowSyntaxError } from "#openflow/errors.ts";

export function fail(word: string, reason: string): never {
  throw new FlowSyntaxError(word, reason);
}

export interface Word {
  readonly key: string;
  /** Empty where there is none. */
  readonly value: string;
  /** Key and value as they were written. */
  readonly text: string;
}

const SEPARATORS = ", \t\r\n";

/**
 * The words of a flow, a match or a list of actions: "key", "key=value", "key:value" or "key(value)", between commas and white
 * space. A value in brackets ends with its bracket, any other with the next separator outside brackets; "key(a)->b" is one
 * word with the value "a)->b".
 */
export function* splitWords(text: string): Generator<Word> {
  let at = 0;
  for (;;) {
    while (at < text.length && SEPARATORS.includes(text[at]!)) at++;
    if (at >= text.length) return;
    const start = at;
    while (at < text.length && !":=(, \t\r\n".includes(text[at]!)) at++;
    const key = text.slice(start, at);
    const delimiter = text[at];
    if (delimiter === undefined || SEPARATORS.includes(delimiter)) {
      yield { key, value: "", text: key };
      continue;
    }
    const from = at + 1;
    let end = valueEnd(text, from, delimiter === "(" ? ")" : SEPARATORS);
    if (delimiter === "(" && text.startsWith(")->", end)) end = valueEnd(text, end, SEPARATORS);
    const closing = delimiter === "(" && text[end] === ")" ? 1 : 0;
    at = end + closing;
    yield { key, value: text.slice(from, end), text: text.slice(start, at) };
  }
}

function valueEnd(text: string, from: number, delimiters: string): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const char = text[at]!;
    if (depth === 0 && delimiters.includes(char)) return at;
    if (char === "(") depth++;
    else if (char === ")" && depth > 0) depth--;
  }
  return text.length;
}

/** What C reads as a number: decimal, 0x and hexadecimal, 0 and octal. Undefined for anything else. */
export function readInteger(text: string): bigint | undefined {
  if (/^0x[0-9a-f]+$/i.test(text) || /^[1-9]\d*$/.test(text)) return BigInt(text);
  return /^0[0-7]*$/.test(text) ? BigInt(`0o${text}`) : undefined;
}

/** An unsigned number of so many bits. */
export function parseUnsigned(word: string, text: string, bits: number): number {
  return Number(parseWide(word, text, bits));
}

/** -1 stands for a number with all bits set, as far as there are 64. */
export function parseWide(word: string, text: string, bits: number): bigint {
  const value = bits >= 32 && text === "-1" ? (1n << BigInt(bits)) - 1n : readInteger(text);
  if (value === undefined) return fail(word, text === "" ? "a number is expected" : `${text} is no number`);
  if (value >> BigInt(bits) !== 0n) fail(word, `${text} does not fit into ${bits} bits`);
  return value;
}

/** Bytes in hexadecimal, with or without points between them. */
export function parseBytes(word: string, text: string): Uint8Array {
  const digits = text.replace(/[.\s]/g, "");
  if (!/^([0-9a-f]{2})*$/i.test(digits)) fail(word, `${text} is no row of bytes, such as 01.0a.ff`);
  return Uint8Array.from(digits.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

/** One of some words. */
export function parseChoice<const T extends string>(word: string, text: string, choices: readonly T[]): T {
  return (
    choices.find((choice) => choice === text.toLowerCase()) ??
    fail(word, `${text === "" ? "nothing" : text} is given; one of ${choices.join(", ")} is expected`)
  );
}
