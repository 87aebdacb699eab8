import { fail, readInteger } from "./syntax.ts";

/** Names by bit number, the lowest first; a bit without a name has none here. */
type FlagNames = readonly string[];

export const CT_STATE_FLAGS: FlagNames = ["new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat"];
export const TCP_FLAGS: FlagNames = [
  "fin",
  "syn",
  "rst",
  "psh",
  "ack",
  "urg",
  "ece",
  "cwr",
  "ns",
  "[200]",
  "[400]",
  "[800]",
];
export const TUNNEL_FLAGS: FlagNames = ["oam"];

/** "+a-b" for what the mask holds, "a|b" when the mask holds all of `all`. */
export function formatFlags(names: FlagNames, value: number, mask: number, all: number): string {
  const bits = names.map((name, bit) => ({ name, bit: 1 << bit }));
  if (mask !== all) {
    if (mask === 0) return "0/0";
    return bits
      .filter(({ bit }) => (mask & bit) !== 0)
      .map(({ name, bit }) => `${(value & bit) === 0 ? "-" : "+"}${name}`)
      .join("");
  }
  if (value === 0) return "0";
  return bits
    .filter(({ bit }) => (value & bit) !== 0)
    .map(({ name }) => name)
    .join("|");
}

export interface MaskedFlags {
  readonly value: number;
  /** Absent where the flags that are not named are matched as unset. */
  readonly mask?: number;
}

/** "+a-b", "a|b" or "0x1/0x3". */
export function parseFlags(word: string, names: FlagNames, text: string): MaskedFlags {
  const all = 2 ** names.length - 1;
  const bitOf = (name: string) => {
    const bit = names.indexOf(name);
    return bit < 0 ? fail(word, `${name} is none of ${names.join(", ")}`) : 1 << bit;
  };
  const [number, mask, ...others] = text.split("/").map(readInteger);
  if (text.includes("/") && number !== undefined && mask !== undefined && others.length === 0) {
    if (number > all || mask > all) fail(word, `${text} has bits outside 0x${all.toString(16)}`);
    return { value: Number(number), mask: Number(mask) };
  }
  if (/^[+-]/.test(text)) return parseSignedFlags(word, text, bitOf);
  let value = 0;
  for (const name of text.split("|")) {
    const bits = readInteger(name);
    if (bits !== undefined && bits > all) fail(word, `${text} has bits outside 0x${all.toString(16)}`);
    value |= bits === undefined ? bitOf(name) : Number(bits);
  }
  return { value };
}

function parseSignedFlags(word: string, text: string, bitOf: (name: string) => number): MaskedFlags {
  let value = 0;
  let mask = 0;
  for (const [, sign, name = ""] of text.matchAll(/([+-])([^+-]*)/g)) {
    const bit = bitOf(name);
    if ((mask & bit) !== 0) fail(word, `${name} is given twice`);
    mask |= bit;
    if (sign === "+") value |= bit;
  }
  return { value, mask };
}
