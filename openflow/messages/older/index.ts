import { NICIRA } from "../nicira.ts";
import { OLDER_FLOWS } from "./flows.ts";
import { between, type OlderFormat, ONF } from "./formats.ts";
import { OLDER_GROUPS } from "./groups.ts";
import { OLDER_MONITORS } from "./monitors.ts";
import { OLDER_PACKETS } from "./packets.ts";
import { OLDER_PORTS } from "./ports.ts";
import { OLDER_TABLES } from "./tables.ts";

export type { OlderFormat } from "./formats.ts";

export const OLDER_FORMATS: readonly OlderFormat[] = [
  ...OLDER_FLOWS,
  ...OLDER_GROUPS,
  ...OLDER_MONITORS,
  ...OLDER_PACKETS,
  ...OLDER_PORTS,
  ...OLDER_TABLES,
];

const V1_0 = between("1.0", "1.0");
const V1_3 = between("1.3", "1.3");

/** A message of OpenFlow 1.5 which older versions have under another number, or as an extension. */
export interface Alias {
  readonly name: string;
  readonly versions: readonly number[];
  readonly number: number;
  readonly experimenter?: number;
}

export const MESSAGE_ALIASES = [
  { type: "barrier_request", name: "OFPT_BARRIER_REQUEST", versions: V1_0, number: 18 },
  { type: "barrier_reply", name: "OFPT_BARRIER_REPLY", versions: V1_0, number: 19 },
  { type: "group_mod", name: "NXT_GROUP_MOD", versions: V1_0, number: 31, experimenter: NICIRA },
  {
    type: "set_async",
    name: "NXT_SET_ASYNC_CONFIG2",
    versions: between("1.0", "1.3"),
    number: 27,
    experimenter: NICIRA,
  },
  {
    type: "requestforward",
    name: "NXT_REQUESTFORWARD",
    versions: between("1.0", "1.2"),
    number: 132,
    experimenter: NICIRA,
  },
  { type: "requestforward", name: "ONFT_REQUESTFORWARD", versions: V1_3, number: 2350, experimenter: ONF },
  { type: "role_status", name: "ONFT_ROLE_STATUS", versions: V1_3, number: 1911, experimenter: ONF },
  { type: "bundle_control", name: "ONFT_BUNDLE_CONTROL", versions: V1_3, number: 2300, experimenter: ONF },
  { type: "bundle_add", name: "ONFT_BUNDLE_ADD_MESSAGE", versions: V1_3, number: 2301, experimenter: ONF },
] as const satisfies readonly (Alias & { readonly type: string })[];

export const PART_ALIASES = [
  { kind: "desc", name: "OFPST_DESC", versions: V1_0, number: 0 },
  { kind: "table_stats", name: "OFPST_TABLE", versions: V1_0, number: 3, side: "request" },
  { kind: "group_stats", name: "NXST_GROUP", versions: V1_0, number: 7, experimenter: NICIRA },
  { kind: "group_desc", name: "NXST_GROUP_DESC", versions: V1_0, number: 8, experimenter: NICIRA },
  {
    kind: "group_features",
    name: "NXST_GROUP_FEATURES",
    versions: between("1.0", "1.1"),
    number: 9,
    experimenter: NICIRA,
  },
  { kind: "nxst_ipfix_bridge", name: "NXST_IPFIX_BRIDGE", versions: V1_0, number: 3, experimenter: NICIRA },
  { kind: "nxst_ipfix_flow", name: "NXST_IPFIX_FLOW", versions: V1_0, number: 4, experimenter: NICIRA },
] as const satisfies readonly (Alias & { readonly kind: string; readonly side?: "request" })[];
