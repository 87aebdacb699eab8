import { EXPERIMENTER_CLASS, type FieldName, findFieldByActionHeader } from "#openflow/fields.ts";
import { type Codec, fixedText, listOf, pad, struct, u8, u32, u64, type ValueOf } from "#openflow/wire/codec.ts";
import { HAS_MASK } from "#openflow/wire/field-codecs.ts";
import { encodeBareHeader } from "#openflow/wire/oxm.ts";
import { measured, named, properties, property } from "./records.ts";

const tableStats = struct({ table: u8, _pad: pad(3), activeCount: u32, lookupCount: u64, matchedCount: u64 });

/** What a table can do, as OpenFlow 1.0 to 1.2 told beside its counters: bits by number of instruction and action. */
export interface TableAbilities {
  readonly name: string;
  readonly maxEntries: number;
  readonly match: readonly FieldName[];
  readonly wildcards: readonly FieldName[];
  readonly instructions: number;
  readonly writeActions: number;
  readonly applyActions: number;
  readonly writeSetfields: readonly FieldName[];
  readonly applySetfields: readonly FieldName[];
  readonly metadataMatch: bigint;
  readonly metadataWrite: bigint;
  /** OFPTC_TABLE_MISS_*. */
  readonly missConfig?: number;
}

/** ofp_table_stats. */
export type TableStats = ValueOf<typeof tableStats> & { readonly abilities?: TableAbilities };
export const tableStatsList: Codec<readonly TableStats[]> = listOf("tables", tableStats);

const vacancy = struct({ down: u8, up: u8, current: u8, _pad: pad(1) });
const tableProperties = properties({ eviction: property(2, u32), vacancy: property(3, vacancy) });

/** OFPT_TABLE_MOD (OpenFlow 1.5.1 section 7.3.4.2): OFPTC_* bits, OFPTMPEF_* in the eviction property. */
export const tableMod = struct({ table: u8, _pad: pad(3), config: u32, properties: tableProperties });

export const tableDesc = measured(
  0,
  struct({ _length: pad(2), table: u8, _pad: pad(1), config: u32, properties: tableProperties }),
);
export const tableDescList = listOf("tables", tableDesc);

/** OFPT_TABLE_STATUS; reason 3 vacancy below its lower bound, 4 above its upper one. */
export const tableStatus = struct({ reason: u8, _pad: pad(7), desc: tableDesc });

/** Types of instructions or actions: type (16) | length (16), and more for an experimenter's, which is passed over. */
const typeNumbers: Codec<readonly number[]> = {
  encode(w, numbers) {
    for (const number of numbers) w.u32(((number << 16) | 4) >>> 0);
  },
  decode(r) {
    const numbers: number[] = [];
    while (r.left > 0) {
      const number = r.u16();
      const length = r.u16();
      if (length < 4) r.fail(`length ${length}; at least 4 is expected`, "OFPBPC_BAD_LEN");
      r.skip(length - 4);
      numbers.push(number);
    }
    return numbers;
  },
};

const tableIds: Codec<readonly number[]> = {
  encode(w, ids) {
    for (const id of ids) w.u8(id);
  },
  decode: (r) => Array.from(r.raw(r.left)),
};

export type FieldHeader =
  | { readonly field: FieldName; readonly hasMask: boolean }
  /** A field that is not known here, kept as it came. */
  | { readonly field: "unknown"; readonly header: number; readonly experimenter?: number };

/** OXM headers without values. */
const fieldHeaders: Codec<readonly FieldHeader[]> = {
  encode(w, headers) {
    for (const header of headers) {
      if (header.field !== "unknown") encodeBareHeader(w, header.field, header.hasMask);
      else {
        w.u32(header.header);
        if (header.experimenter !== undefined) w.u32(header.experimenter);
      }
    }
  },
  decode(r) {
    const headers: FieldHeader[] = [];
    while (r.left > 0) {
      const header = r.u32();
      const oxmClass = header >>> 16;
      const experimenter = oxmClass === EXPERIMENTER_CLASS ? r.u32() : undefined;
      const field = findFieldByActionHeader(oxmClass, (header >>> 9) & 0x7f, experimenter);
      if (field !== undefined) headers.push({ field: field.name, hasMask: (header & HAS_MASK) !== 0 });
      else headers.push({ field: "unknown", header, ...(experimenter === undefined ? {} : { experimenter }) });
    }
    return headers;
  },
};

/** What flows in the table may do; the "miss" of each is for the flow that matches everything, when it differs. */
const featureProperties = properties({
  instructions: property(0, typeNumbers),
  nextTables: property(2, tableIds),
  writeActions: property(4, typeNumbers),
  writeSetfield: property(12, fieldHeaders),
  applyActions: property(6, typeNumbers),
  applySetfield: property(14, fieldHeaders),
  instructionsMiss: property(1, typeNumbers),
  nextTablesMiss: property(3, tableIds),
  writeActionsMiss: property(5, typeNumbers),
  writeSetfieldMiss: property(13, fieldHeaders),
  applyActionsMiss: property(7, typeNumbers),
  applySetfieldMiss: property(15, fieldHeaders),
  match: property(8, fieldHeaders),
  wildcards: property(10, fieldHeaders),
});

const FEATURES_COMMAND = { replace: 0, modify: 1, enable: 2, disable: 3 } as const;

/** ofp_table_features (OpenFlow 1.5.1 section 7.3.5.17). */
export const tableFeaturesList = listOf(
  "tables",
  measured(
    0,
    struct({
      _length: pad(2),
      table: u8,
      command: named(u8, FEATURES_COMMAND, "table features command", "OFPTFFC_BAD_COMMAND"),
      _pad: pad(4),
      name: fixedText(32),
      metadataMatch: u64,
      metadataWrite: u64,
      capabilities: u32,
      maxEntries: u32,
      properties: featureProperties,
    }),
  ),
);
