import type { ActionOf } from "#openflow/actions.ts";

/** As many bits as a load has room for. */
const LONGEST = 64;

/** A set_field with a mask as loads, one for each row of bits that the mask has, the lowest first. */
export function splitIntoLoads({ field, value, mask }: ActionOf<"set_field">): readonly ActionOf<"load">[] {
  const loads: ActionOf<"load">[] = [];
  let rest = BigInt(mask ?? 0);
  for (let start = 0; rest !== 0n; ) {
    if ((rest & 1n) === 0n) {
      rest >>= 1n;
      start++;
      continue;
    }
    let bits = 0;
    while (bits < LONGEST && ((rest >> BigInt(bits)) & 1n) !== 0n) bits++;
    const part = (BigInt(value) >> BigInt(start)) & ((1n << BigInt(bits)) - 1n);
    loads.push({ type: "load", value: part, destination: { field, start, bits } });
    rest >>= BigInt(bits);
    start += bits;
  }
  return loads;
}
