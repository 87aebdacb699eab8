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
