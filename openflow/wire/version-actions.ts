import { type ActionForm, fields, port16, readOnly, standard } from "./action-codec.ts";
import { pad, struct, u8, u16, u32, u48 } from "./codec.ts";
import { decodeReference } from "./oxm.ts";

const value8 = struct({ value: u8, _pad: pad(3) });
const value16 = struct({ value: u16, _pad: pad(2) });
const value32 = struct({ value: u32 });
const value48 = struct({ value: u48, _pad: pad(6) });

/** OpenFlow 1.0.2 section 5.2.4, by OFPAT number: later versions gave these numbers to others. */
const OPENFLOW10_ACTIONS = [
  standard("output", 0, {
    ...readOnly,
    decode(r) {
      const port = port16.decode(r);
      const maxLength = r.u16();
      return maxLength === 0 ? { type: "output", port } : { type: "output", port, maxLength };
    },
  }),
  standard("mod_vlan_vid", 1, fields("mod_vlan_vid", value16)),
  standard("mod_vlan_pcp", 2, fields("mod_vlan_pcp", value8)),
  standard("strip_vlan", 3, fields("strip_vlan", struct({ _pad: pad(4) }))),
  standard("mod_dl_src", 4, fields("mod_dl_src", value48)),
  standard("mod_dl_dst", 5, fields("mod_dl_dst", value48)),
  standard("mod_nw_src", 6, fields("mod_nw_src", value32)),
  standard("mod_nw_dst", 7, fields("mod_nw_dst", value32)),
  standard("mod_nw_tos", 8, fields("mod_nw_tos", value8)),
  standard("mod_tp_src", 9, fields("mod_tp_src", value16)),
  standard("mod_tp_dst", 10, fields("mod_tp_dst", value16)),
  standard("enqueue", 11, fields("enqueue", struct({ port: port16, _pad: pad(6), queueId: u32 }))),
];

/** The Open Networking Foundation's own action in OpenFlow 1.3 and 1.4, which 1.5 made OFPAT_COPY_FIELD. */
const COPY_FIELD = standard("move", 3200, {
  ...readOnly,
  decode(r) {
    r.skip(2);
    const bits = r.u16();
    const sourceStart = r.u16();
    const start = r.u16();
    r.skip(2);
    const source = { ...decodeReference(r), start: sourceStart, bits };
    return { type: "move", source, destination: { ...decodeReference(r), start, bits } };
  },
});

const OPENFLOW10 = 1;
const ONF = 0x4f4e4600;

const openflow10ByNumber = new Map<number, unknown>(OPENFLOW10_ACTIONS.map((form) => [form.number, form]));

type Versions = readonly [first: number, last: number];
const ALL: Versions = [1, 6];
const SINCE_1_1: Versions = [2, 6];
const UP_TO_1_4: Versions = [1, 5];

/** Which versions have a number of the standard; OpenFlow 1.0 has a table of its own. */
const STANDARD_VERSIONS: ReadonlyMap<number, Versions> = new Map([
  [25, [3, 6]],
  [28, [6, 6]],
  [29, [6, 6]],
]);

/** Which versions have a number of Nicira's: what became standard, or needs what is. */
const NICIRA_VERSIONS: ReadonlyMap<number, Versions> = new Map([
  ...[4, 18, 23, 24, 25, 26, 30, 31, 40].map((number) => [number, [1, 1]] as const),
  ...[6, 7, 33].map((number) => [number, UP_TO_1_4] as const),
  ...[46, 47, 48].map((number) => [number, [4, 6]] as const),
]);

export function isOfVersion({ isNicira, number }: Pick<ActionForm, "isNicira" | "number">, version: number): boolean {
  const [first, last] = isNicira ? (NICIRA_VERSIONS.get(number) ?? ALL) : (STANDARD_VERSIONS.get(number) ?? SINCE_1_1);
  return first <= version && version <= last;
}

/** The form of an action that versions before 1.5 have and 1.5 has not; `owner` is an experimenter's number, or 0. */
export function findOlderForm(version: number, owner: number, number: number): ActionForm | undefined {
  if (owner === ONF && number === COPY_FIELD.number) return COPY_FIELD as unknown as ActionForm;
  if (owner !== 0 || version !== OPENFLOW10) return undefined;
  return openflow10ByNumber.get(number) as ActionForm | undefined;
}
