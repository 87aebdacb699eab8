import { type Context, isSince } from "./words.ts";

/** OFPAT_* by number, in the order in which Open vSwitch lists them; it has no words for the others. */
const ACTIONS_SINCE_1_2: readonly (readonly [number: number, name: string])[] = [
  [0, "output"],
  [22, "group"],
  [25, "set_field"],
  [18, "strip_vlan"],
  [17, "push_vlan"],
  [23, "mod_nw_ttl"],
  [24, "dec_ttl"],
  [15, "set_mpls_ttl"],
  [16, "dec_mpls_ttl"],
  [19, "push_mpls"],
  [20, "pop_mpls"],
  [21, "set_queue"],
];
const ACTIONS_OF_1_1: readonly (readonly [number: number, name: string])[] = [
  [0, "output"],
  [22, "group"],
  [1, "set_vlan_vid"],
  [2, "set_vlan_pcp"],
  [18, "strip_vlan"],
  [17, "push_vlan"],
  [3, "mod_dl_src"],
  [4, "mod_dl_dst"],
  [5, "mod_nw_src"],
  [6, "mod_nw_dst"],
  [7, "mod_nw_tos"],
  [8, "mod_nw_ecn"],
  [23, "mod_nw_ttl"],
  [9, "mod_tp_src"],
  [10, "mod_tp_dst"],
  [24, "dec_ttl"],
  [13, "set_mpls_label"],
  [14, "set_mpls_tc"],
  [15, "set_mpls_ttl"],
  [16, "dec_mpls_ttl"],
  [19, "push_mpls"],
  [20, "pop_mpls"],
  [21, "set_queue"],
];
const ACTIONS_OF_1_0: readonly (readonly [number: number, name: string])[] = [
  [0, "output"],
  [11, "enqueue"],
  [1, "set_vlan_vid"],
  [2, "set_vlan_pcp"],
  [3, "strip_vlan"],
  [4, "mod_dl_src"],
  [5, "mod_dl_dst"],
  [6, "mod_nw_src"],
  [7, "mod_nw_dst"],
  [8, "mod_nw_tos"],
  [9, "mod_tp_src"],
  [10, "mod_tp_dst"],
];

/** The names of actions by their numbers. */
export function nameActions(numbers: ReadonlySet<number>, context: Context): readonly string[] {
  const table = isSince("1.2", context) ? ACTIONS_SINCE_1_2 : isSince("1.1", context) ? ACTIONS_OF_1_1 : ACTIONS_OF_1_0;
  return table.filter(([number]) => numbers.has(number)).map(([, name]) => name);
}

export function numbersOf(bits: number): ReadonlySet<number> {
  return new Set(Array.from({ length: 32 }, (_, bit) => bit).filter((bit) => (bits >>> bit) & 1));
}

export function formatActionBits(bits: number, context: Context): string {
  const names = nameActions(numbersOf(bits), context);
  return names.length === 0 ? "<none>" : names.join(" ");
}

/** OFPIT_* by number, in the order of Open vSwitch. */
const INSTRUCTIONS: readonly (readonly [number: number, name: string])[] = [
  [6, "meter"],
  [4, "apply_actions"],
  [5, "clear_actions"],
  [3, "write_actions"],
  [2, "write_metadata"],
  [1, "goto_table"],
];

export function nameInstructions(numbers: ReadonlySet<number>): readonly string[] {
  return INSTRUCTIONS.filter(([number]) => numbers.has(number)).map(([, name]) => name);
}
